"""Audit: how good the data is that the rules stand on, read off the committed state; nothing is changed.

What is counted and said is `headrace.segmentation.audit`'s.
"""
