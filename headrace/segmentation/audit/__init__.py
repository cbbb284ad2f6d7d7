"""How good the data is that rules stand on: who is there twice, which fields are filled, what has gone silent.

Of states alone; `tally.py` counts them, `report.py` says what the counts come to under a rule set.
"""
