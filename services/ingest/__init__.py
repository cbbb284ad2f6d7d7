"""Ingest: receive (webhooks and own events), hydrate (reads what notices point at), feed (backfill, reconcile, clock).

All of it ends in `headrace.events`; what an event does to a customer is decided elsewhere.
"""
