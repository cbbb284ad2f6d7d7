"""The stream core: batches in, one fenced transaction per worker and epoch out, state restored from its changelog.

It knows bytes, keys and offsets; what a record means is its `Fold`'s business (`fold.py`), so that it could serve
another fold unchanged.
"""
