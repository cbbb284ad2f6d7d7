"""Golden cases: a customer's history in, memberships and effects out, in the words of a merchant.

Pure: cases are read from YAML nodes and played through the same `decide`, `wake` and `activate` as live events.
"""
