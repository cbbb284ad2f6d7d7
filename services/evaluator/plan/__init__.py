"""Plan: what a rule set would do to every customer, read off the committed state; nothing is changed, nobody is told.

What it does to one customer is `headrace.segmentation.plan`'s; the state is read back as a replay does it.
"""
