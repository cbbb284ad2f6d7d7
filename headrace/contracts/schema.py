"""Writes `schemas/`: a JSON Schema for each contract, and the AsyncAPI document of the topics, from the structs.

`python -m headrace.contracts.schema --write` writes them, without the option it lists what differs (exit 1).
What each record means stands at the structs; the rule file's own schema is the rule language's.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from headrace import __version__
from headrace.contracts import topics
from headrace.contracts.actions import (
    DeadLetter,
    DeadLetterMark,
    DesiredAttributes,
    DesiredContact,
    DesiredEmailTags,
    DesiredGroup,
    Notice,
    OutcomeRecord,
    RuleSetRecord,
)
from headrace.contracts.effects import Effect
from headrace.contracts.events import (
    CLOCK,
    CUSTOM_PREFIX,
    GENERATION_PROMOTED,
    RULESET_ACTIVATED,
    CustomEvent,
    Envelope,
    Wire,
    event_types,
)

FOLDER: Final = Path(__file__).resolve().parents[2] / "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
CUSTOM: Final = "custom"
"""Stands for every event type that begins with `custom.`."""
PARTITION_WIDE: Final = frozenset({CLOCK, RULESET_ACTIVATED, GENERATION_PROMOTED})
RECORDS: Final[Mapping[str, type[Wire]]] = {
    "actions/group": DesiredGroup,
    "actions/attributes": DesiredAttributes,
    "actions/email-tags": DesiredEmailTags,
    "actions/contact": DesiredContact,
    "actions/effects": Effect,
    "records/outcome": OutcomeRecord,
    "records/dead-letter": DeadLetter,
    "records/dead-letter-mark": DeadLetterMark,
    "records/notice": Notice,
    "records/rule-set": RuleSetRecord,
}
"""Contract name -> struct, for all that is no event."""

_CHANNELS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    topics.NOTICES: ("store:resource:id", ("records/notice",)),
    topics.EVENTS: ("store:customer, or ~ for a partition-wide record", ()),
    topics.RULES: ("store:version", ("records/rule-set",)),
    topics.ACTIONS_GROUP: ("store:customer", ("actions/group",)),
    topics.ACTIONS_ATTRIBUTES: ("store:customer", ("actions/attributes",)),
    topics.ACTIONS_EMAIL_TAGS: ("store:customer", ("actions/email-tags",)),
    topics.ACTIONS_CONTACT: ("store:customer", ("actions/contact",)),
    topics.ACTIONS_EFFECTS: ("store:customer", ("actions/effects",)),
    topics.OUTCOMES: ("store:customer", ("records/outcome",)),
    topics.DEAD_LETTERS: ("the key of the record set aside", ("records/dead-letter", "records/dead-letter-mark")),
}


def contracts() -> tuple[str, ...]:
    """The name of every contract: `events/customer.snapshot`, `actions/group`, `records/outcome`."""
    return (*(f"events/{name}" for name in (*event_types(), CUSTOM)), *RECORDS)


def schema_of(contract: str) -> dict[str, Any]:
    """The JSON Schema of one contract, whole in itself. Raises KeyError for a name that is none."""
    folder, _, name = contract.partition("/")
    schema = _event_schema(name) if folder == "events" else _struct_schema(RECORDS[contract])
    return {"$schema": DIALECT, "$id": f"headrace:{contract}", "title": contract, **schema}


def documents() -> dict[str, dict[str, Any]]:
    """Everything `schemas/` holds that is written from here, by file name relative to it."""
    files = {f"{contract}.schema.json": schema_of(contract) for contract in contracts()}
    return files | {"asyncapi.json": asyncapi()}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: a channel a topic, its messages, and who sends and receives is left to the reader."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Headrace",
            "version": __version__,
            "description": "The topics of Headrace with the default prefix. Readers of actions use read_committed.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_channel(name): _channel_of(name) for name in _CHANNELS},
        "operations": {
            f"receive.{name}": {"action": "receive", "channel": {"$ref": f"#/channels/{_channel(name)}"}}
            for name in _CHANNELS
        },
    }


def _struct_schema(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The struct's own object at the top, what it refers to under `$defs`."""
    (top,), components = msgspec.json.schema_components((struct,), ref_template="#/$defs/{name}")
    own: dict[str, Any] = dict(components.pop(top["$ref"].rpartition("/")[2]))
    own.pop("title", None)
    return own | {"$defs": components} if components else own


def _envelope() -> type[msgspec.Struct]:
    """The envelope without `data`: msgspec cannot write a default of raw JSON into a schema."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        (field.name, field.type) if field.required else (field.name, field.type, field.default)
        for field in msgspec.structs.fields(Envelope)
        if field.name != "data"
    ]
    return msgspec.defstruct("Envelope", fields, bases=(Wire,), kw_only=True)


def _event_schema(name: str) -> dict[str, Any]:
    data = _struct_schema(CustomEvent if name == CUSTOM else event_types()[name])
    definitions = data.pop("$defs", {})
    envelope = _struct_schema(_envelope())
    subject: dict[str, Any] = {"const": "~"} if name in PARTITION_WIDE else {"pattern": "^[^:]+:.+$"}
    kind: dict[str, Any] = {"pattern": rf"^{CUSTOM_PREFIX[:-1]}\..+$"} if name == CUSTOM else {"const": name}
    properties = envelope["properties"]
    properties["type"] = {"type": "string", **kind}
    properties["subject"] = properties["subject"] | subject
    properties["data"] = data
    required = envelope["required"] if name == CUSTOM else [*envelope["required"], "data"]
    whole = envelope | {"description": data.get("description", ""), "required": required}
    return whole | {"$defs": definitions} if definitions else whole


def _channel(name: str) -> str:
    """A channel's id: AsyncAPI allows no dots there that a reference could not name."""
    return name.replace(".", "-")


def _channel_of(name: str) -> dict[str, Any]:
    row = next(topic for topic in topics.table() if topic.name == name)
    key, payloads = _CHANNELS[name]
    payloads = payloads or tuple(contract for contract in contracts() if contract.startswith("events/"))
    return {
        "address": f"{topics.DEFAULT_PREFIX}{name}",
        "messages": {payload.rpartition("/")[2]: _message(payload, key) for payload in payloads},
        "bindings": {
            "kafka": {
                "topic": f"{topics.DEFAULT_PREFIX}{name}",
                "topicConfiguration": {"cleanup.policy": [row.cleanup], "retention.ms": row.retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _message(contract: str, key: str) -> dict[str, Any]:
    content = "application/cloudevents+json" if contract.startswith("events/") else "application/json"
    return {
        "name": contract,
        "contentType": content,
        "payload": {"$ref": f"./{contract}.schema.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": "0.5.0"}},
    }


def as_text(document: Mapping[str, Any]) -> str:
    """As it stands in the file: sorted, so that the same structs give the same bytes."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def differing(folder: Path = FOLDER) -> list[str]:
    """Files of `schemas/` that are missing or not what the structs say."""
    return [
        name
        for name, document in documents().items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != as_text(document)
    ]


def write(folder: Path = FOLDER) -> list[str]:
    """Write what differs; gives the names."""
    changed = differing(folder)
    for name in changed:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_text(documents()[name]), encoding="utf-8")
    return changed


def main(arguments: list[str] | None = None) -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="python -m headrace.contracts.schema")
    parser.add_argument("--write", action="store_true", help="write what differs")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    names = write(options.folder) if options.write else differing(options.folder)
    for name in names:
        print(f"{'written' if options.write else 'differs'}: {name}", file=sys.stderr)  # noqa: T201 - its only output
    return 1 if names and not options.write else 0


if __name__ == "__main__":
    sys.exit(main())
