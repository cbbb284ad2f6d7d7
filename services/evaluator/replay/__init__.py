"""Replay: the log folded again, offline and in bulk, into a generation of its own that is proved and may take over.

How an event is folded is the agent's (`services.evaluator.agent`); nothing here decides about a customer.
"""
