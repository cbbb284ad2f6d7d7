"""What `headrace.segmentation.explain` is made of: what was seen, leaf by leaf, and by what it came to be.

It decides nothing, and nothing in it is read while events are folded.
"""
