"""The demo's shop, its people, how their orders are played, and a second computation of what must come out.

Nothing of the rule language or the core is used here, so that the comparison means something. The verb and the
processes it starts live in `headrace.cli`.
"""
