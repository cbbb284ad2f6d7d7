"""Klaviyo, API revision 2026-07-15: one account behind its port. The vendor's rules are in `account`, routes here."""

from headrace.simulators.klaviyo.vendor import Klaviyo

__all__ = ["Klaviyo"]
