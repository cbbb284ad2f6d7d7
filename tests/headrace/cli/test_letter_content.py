"""What of a dead letter's content is shown, and what only on request."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cli.letter_content import content
from headrace.contracts.schema import FOLDER

SECRET = "Erika Mustermann"


def shown(value: Any) -> Any:
    return json.loads(content(json.dumps(value).encode(), personal=False)["value"])


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ({"id": "e1", "type": "order.snapshot"}, {"id": "e1", "type": "order.snapshot"}),
        ({"personal": {"email": "a@b.example", "phone": 4}}, {"personal": {"email": "***", "phone": "***"}}),
        ({"personal": ["Erika"]}, {"personal": ["***"]}),
        ({"email": "a@b.example", "name": SECRET}, {"email": "***", "name": "***"}),
        ({"id": "a@b.example", "customer": SECRET}, {"id": "***", "customer": "***"}),
        ({"a@b.example": 1}, {"***": 1}),
        ({"phone": 491701234567, "order_id": 491701234567}, {"phone": "***", "order_id": 491701234567}),
        ({"present": {"tier": ["VIP customers"]}}, {"present": {"tier": ["VIP customers"]}}),
        ({"value": "Gold", "deleted": False, "total": None}, {"value": "Gold", "deleted": False, "total": None}),
        ({"type": "custom.form", "data": {"value": "Erika"}}, {"type": "custom.form", "data": {"value": "***"}}),
        ({"body": '{"scope": "x", "mail": "Erika"}'}, {"body": '{"scope": "x", "mail": "***"}'}),
        ({"body": SECRET}, {"body": "***"}),
        (SECRET, "***"),
        ([SECRET, 3], ["***", 3]),
    ],
)
def test_content__json__only_what_is_harmless_by_its_name(value: Any, masked: Any) -> None:
    assert shown(value) == masked


def test_content__json_on_request__is_the_very_text() -> None:
    value = b'{"name":  "Erika"}'
    said = content(value, personal=True)
    assert said == {"value": value.decode(), "encoding": "json", "bytes": 18, "masked": False}


@pytest.mark.parametrize("value", [b"{not json", b"\xff\x00", b"[" * 50_000, b""])
def test_content__no_json__base64_and_only_on_request(value: bytes) -> None:
    assert content(value, personal=False)["value"] is None
    said = content(value, personal=True)
    assert said["encoding"] == "base64"
    assert said["value"] is not None


def test_content__none__says_so() -> None:
    assert content(None, personal=False)["encoding"] == "none"


@pytest.mark.parametrize("path", sorted((FOLDER / "examples").rglob("*.full.json")), ids=lambda path: path.name)
def test_content__examples_of_the_contracts__keep_their_ids_and_hide_what_is_personal(path: Any) -> None:
    value = json.loads(path.read_text())
    masked = shown(value)
    for name in ("id", "subject", "type", "customer", "time", "store"):
        assert masked.get(name) == value.get(name)
    personal = (value.get("data") or value).get("personal") or {}
    for hidden in (each for each in personal.values() if isinstance(each, str)):
        assert hidden not in json.dumps(masked)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("secret@post.example"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(json_values)
def test_content__any_json__no_address_is_shown(value: Any) -> None:
    assert "secret@" not in json.dumps(shown(value))
    assert "secret@" not in json.dumps(shown({"body": json.dumps(value)}))
