"""The processes: each folder is one service, composed in its `bootstrap.py`; they meet only in topics."""
