"""Reading events: what an order comes to does not depend on how its bytes are walked over."""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import asdict

from headrace.contracts import schema
from headrace.contracts.events import CustomEvent, Event, OrderSnapshot, decode_event

FOLDER = schema.FOLDER / "examples" / "events"


def order() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "order.snapshot.full.json").read_bytes())
    return found


def compact(value: dict[str, Any]) -> bytes:
    """As our own encoder writes it, without blanks."""
    return json.dumps(value, separators=(",", ":")).encode()


def spaced(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode()


def facts(event: Event) -> tuple[dict[str, Any], Any]:
    envelope = asdict(event.envelope)
    envelope.pop("data")
    return envelope, event.data


def test_decode_event__order_without_blanks__is_the_one_with_blanks() -> None:
    found = decode_event(compact(order()))

    assert facts(found) == facts(decode_event(spaced(order())))
    assert isinstance(found.data, OrderSnapshot)


def test_decode_event__other_event_whose_data_speaks_of_an_order__is_read_by_its_own_type() -> None:
    found = decode_event(compact({"data": {"payload": {"type": "order.snapshot"}}, **order_without_data("custom.x")}))

    assert found.data == CustomEvent(payload={"type": "order.snapshot"})


def test_decode_event__other_event_whose_data_is_an_order__is_read_by_its_own_type() -> None:
    data = {**order()["data"], "type": "order.snapshot"}

    assert decode_event(compact({"data": data, **order_without_data("custom.x")})).data == CustomEvent()


@pytest.mark.parametrize("field", ["order_id", "lines", "currency"])
def test_decode_event__order_that_does_not_fit__is_told_as_one_with_blanks_is(field: str) -> None:
    wrong = order()
    wrong["data"][field] = 7
    with pytest.raises(msgspec.ValidationError) as expected:
        decode_event(spaced(wrong))
    with pytest.raises(msgspec.ValidationError) as found:
        decode_event(compact(wrong))

    assert str(found.value) == str(expected.value)
    assert f"$.{field}" in str(found.value)


def order_without_data(type: str) -> dict[str, Any]:
    return {name: value for name, value in order().items() if name != "data"} | {"type": type}
