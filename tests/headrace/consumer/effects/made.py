"""Effects and contacts as the tests need them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.consumer.effects import Contact
from headrace.contracts.actions import Cause, ContactPersonal, DesiredContact
from headrace.contracts.effects import Effect, effect_id

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
STORE = "teststore"
REACHABLE = Contact(email="ada@example.com", first_name="Ada", last_name="L", subscribed=True)


def an_effect(
    number: int = 1, *, customer: int = 1, kind: str = "send_email", offset: int | None = None, **given: Any
) -> Effect:
    """A mail to customer 1, good until tomorrow."""
    key = f"{STORE}:{customer}"
    fields: dict[str, Any] = {
        "id": effect_id(key, "segment:vip", kind, str(number)),
        "customer": key,
        "version": (1, number if offset is None else offset, 0),
        "kind": kind,
        "entry": "segment:vip",
        "key": kind,
        "cause_id": str(number),
        "cause": Cause(event=f"e{number}"),
        "rules_version": 1,
        "decided_at": NOW,
        "fact_at": NOW,
        "expires_at": NOW + timedelta(days=1),
        "with_": {"template": "thank-you"},
    }
    return Effect(**{**fields, **given})


def a_contact(
    customer: int = 1, *, offset: int = 0, subscribed: bool | None = True, deleted: bool = False
) -> DesiredContact:
    """Of a customer with an address."""
    return DesiredContact(
        customer=f"{STORE}:{customer}",
        version=(1, offset, 1),
        subscribed=subscribed,
        cause=Cause(event="c"),
        rules_version=1,
        deleted=deleted,
        personal=None if deleted else ContactPersonal(email=f"c{customer}@example.com", first_name="Ada"),
    )
