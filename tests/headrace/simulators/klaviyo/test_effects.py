"""Events as effects: taken in each time, recorded once, and some of them reach nobody."""

from typing import Any

import pytest

from tests.headrace.simulators.klaviyo.account import Port

EFFECT = "cafe" * 8


def event(unique_id: str | None = EFFECT, email: str = "A@x.example", **more: Any) -> dict[str, Any]:
    attributes = {
        "metric": {"data": {"type": "metric", "attributes": {"name": "Became VIP"}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": email}}},
        "properties": {},
        **({} if unique_id is None else {"unique_id": unique_id}),
        **more,
    }
    return {"data": {"type": "event", "attributes": attributes}}


def sent(port: Port, *bodies: dict[str, Any]) -> list[tuple[str, int, int, int]]:
    for body in bodies:
        assert port.call("POST", "/api/events", body)[0] == 202
    port.wait(5)
    port.vendor.truth()
    return [(row["id"], row["asked"], row["count"], row["dropped"]) for row in port.account.effects.rows()]


def test_event__sent_twice__is_done_once(port: Port) -> None:
    port.account.subscribe("a@x.example")
    assert sent(port, event(), event()) == [(EFFECT, 2, 1, 0)]
    (row,) = port.account.effects.rows()
    assert (row["sink"], row["to"], row["name"]) == ("klaviyo", "a@x.example", "Became VIP")


def test_event__taken_in__is_done_a_while_later(port: Port) -> None:
    port.call("POST", "/api/events", event())
    assert port.account.effects.rows() == []
    port.wait(5)
    port.vendor.truth()
    assert len(port.account.effects.rows()) == 1


@pytest.mark.parametrize("how", ["stranger", "suppressed", "unsubscribed", "past"])
def test_event__that_starts_no_mail__is_dropped(port: Port, how: str) -> None:
    if how != "stranger":
        port.account.subscribe("a@x.example")
    if how == "suppressed":
        port.account.suppress("a@x.example")
    if how == "unsubscribed":
        port.account.unsubscribe("a@x.example")
    assert sent(port, event(backfill=how == "past")) == [(EFFECT, 1, 1, 1)]


def test_event__without_an_id__is_one_for_its_metric_second_and_profile(port: Port) -> None:
    at = {"time": "2026-01-01T00:00:00Z"}
    found = sent(port, event(None, **at), event(None, **at), event(None, "b@x.example", **at))
    prefix = "event/Became VIP/1767225600"
    assert [row[:3] for row in found] == [(f"{prefix}/a@x.example", 2, 1), (f"{prefix}/b@x.example", 1, 1)]
