"""Condition families, one file each: how a leaf tests a value, and how it is said to people.

Which fields belong to which family is in `registry.py`; reading the values is in `headrace.segmentation.facts`.
"""
