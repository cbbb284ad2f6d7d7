"""Performs actions at the vendors: customer groups in the store, tags at Mailchimp; one module per kind.

The loop, the ledger and the commits are `headrace.consumer`'s; the attributes have a service of their own.
"""
