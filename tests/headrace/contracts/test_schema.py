"""The files under `schemas/` are what the structs say; every release reads the golden examples."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from headrace.contracts import schema, topics
from headrace.contracts.events import decode_event
from headrace.rules.model import decode_rule_set

EXAMPLES = schema.FOLDER / "examples"
FILES = sorted(EXAMPLES.rglob("*.json"))
WHOLE = (".full", ".guest", ".deleted", ".declared", ".shipped")
NAMES = [path.relative_to(EXAMPLES).as_posix().removesuffix(".json") for path in FILES]


def contract_of(name: str) -> str:
    return name.rpartition(".")[0]


def read(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def decoded(name: str) -> Any:
    """The example as its struct(s), written out again."""
    value = (EXAMPLES / f"{name}.json").read_bytes()
    if not name.startswith("events/"):
        return json.loads(msgspec.json.encode(msgspec.json.decode(value, type=schema.RECORDS[contract_of(name)])))
    event = decode_event(value)
    again = json.loads(msgspec.json.encode(event.envelope))
    if "data" in again:
        again["data"] = json.loads(msgspec.json.encode(event.data))
    return again


def test_differing__committed_files__are_what_the_structs_say() -> None:
    assert schema.differing() == [], "run python -m headrace.contracts.schema --write"


def test_schemas__folder__holds_no_forgotten_file() -> None:
    written = {path.relative_to(schema.FOLDER).as_posix() for path in schema.FOLDER.glob("*/*.schema.json")}
    assert written == {name for name in schema.documents() if name.endswith(".schema.json")}


@pytest.mark.parametrize("contract", schema.contracts())
def test_schema_of__each_contract__is_a_valid_schema(contract: str) -> None:
    Draft202012Validator.check_schema(schema.schema_of(contract))


@pytest.mark.parametrize("contract", schema.contracts())
def test_examples__each_contract__has_a_minimal_one(contract: str) -> None:
    assert f"{contract}.minimal" in NAMES


@pytest.mark.parametrize("contract", [c for c in schema.contracts() if c != "events/attribute.set"])
def test_examples__each_contract__has_one_from_a_newer_producer(contract: str) -> None:
    assert f"{contract}.unknown-fields" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_examples__each__meets_its_schema(name: str) -> None:
    validator = Draft202012Validator(schema.schema_of(contract_of(name)), format_checker=FormatChecker())
    assert [error.message for error in validator.iter_errors(read(name))] == []


@pytest.mark.parametrize("name", NAMES)
def test_examples__each__is_read(name: str) -> None:
    assert decoded(name)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(WHOLE)])
def test_examples__full__comes_back_whole(name: str) -> None:
    assert decoded(name) == read(name)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("records/rule-set.")])
def test_examples__rule_set__is_one_the_rule_language_reads(name: str) -> None:
    assert decode_rule_set(json.dumps(read(name)["document"]).encode()).store.currency == "GBP"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("events/order.snapshot.minimal", {"type": "order.snapshots"}),
        ("events/order.snapshot.minimal", {"subject": "42"}),
        ("events/clock.minimal", {"subject": "abc123:42"}),
        ("events/custom.minimal", {"type": "visit"}),
        ("events/order.snapshot.minimal", {"data": {}}),
        ("events/order.snapshot.minimal", {"specversion": "0.3"}),
        ("actions/group.minimal", {"value": 4}),
        ("actions/group.minimal", {"version": [1, 2]}),
        ("actions/email-tags.minimal", {"present": {"mailchimp": "VIP"}}),
        ("records/outcome.minimal", {"result": "done"}),
    ],
)
def test_schema_of__what_no_producer_may_send__is_refused(name: str, change: dict[str, Any]) -> None:
    validator = Draft202012Validator(schema.schema_of(contract_of(name)))
    assert list(validator.iter_errors(read(name) | change))


def test_examples__personal_data__stands_only_under_personal() -> None:
    for name in NAMES:
        assert "@" not in json.dumps(_without_personal(read(name))), name


def _without_personal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_personal(each) for key, each in value.items() if key != "personal"}
    return [_without_personal(each) for each in value] if isinstance(value, list) else value


def test_asyncapi__references__lead_to_files_and_channels() -> None:
    document = schema.asyncapi()
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            assert (schema.FOLDER / message["payload"]["$ref"]).exists()
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]


def test_asyncapi__channels__are_the_topics_others_may_read() -> None:
    inside = {topics.OWNERS, topics.changelog(1)}
    expected = {f"{topics.DEFAULT_PREFIX}{row.name}" for row in topics.table() if row.name not in inside}
    assert {channel["address"] for channel in schema.asyncapi()["channels"].values()} == expected


def test_main__difference__is_listed_then_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--folder", str(tmp_path)]
    assert schema.main(folder) == 1
    assert "differs: asyncapi.json" in capsys.readouterr().err
    assert schema.main([*folder, "--write"]) == 0
    assert schema.main(folder) == 0
    (tmp_path / "asyncapi.json").write_text("{}")
    assert schema.main(folder) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "differs: asyncapi.json"
