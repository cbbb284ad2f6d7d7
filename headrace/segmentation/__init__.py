"""The pure core: from a customer's state, one event and the rule set in force to the next state and the actions due.

No clock, no I/O, no randomness lives here; loading, storing and sending is the evaluator's.
"""
