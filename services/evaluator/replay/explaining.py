"""What `headrace explain` and `headrace history` start: a customer's standing and past, without anything personal.

How a customer is found is in `one_customer.py`; why it stands where it stands, `headrace.segmentation.explain` says.
"""

from datetime import datetime
from difflib import get_close_matches
from typing import Any

import msgspec

from headrace.runtime.settings import KafkaSettings
from headrace.segmentation.codec import StateUnreadable
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.explain import UnknownEntry, explain
from headrace.segmentation.history import Change, read_history
from services.evaluator.replay.one_customer import Found, find_at, find_live
from services.evaluator.replay.refused import Refused


def explain_customer(
    settings: KafkaSettings, customer: str, *, rule: str | None, at: datetime | None
) -> dict[str, Any]:
    """The verb's result. Raises `Refused`, `KafkaException`, `KafkaError`."""
    found = find_live(settings, customer) if at is None else find_at(settings, customer, at)
    _refuse_deleted(found)
    if found.rules is None:
        store = customer.partition(":")[0]
        raise Refused("no_rules", f"no rule set is in force for {store}{_then(at)}", "run `headrace apply --from DIR`")
    try:
        explanation = explain(found.state, found.rules, now=found.now, pages=found.pages, rule=rule)
    except UnknownEntry as error:
        near = get_close_matches(str(rule), error.known, 1) or list(error.known)
        hint = f"did you mean {near[0]}?" if near else "the rule set in force is empty"
        raise Refused("unknown_rule", f"no rule, segment or ladder in force{_then(at)} is {rule}", hint) from error
    shown: dict[str, Any] = msgspec.to_builtins(explanation)
    return {**shown, "timezone": found.rules.rule_set.store.timezone}


def history_of(settings: KafkaSettings, customer: str) -> dict[str, Any]:
    """The verb's result, the oldest change first. Raises `Refused`, `KafkaException`, `KafkaError`."""
    found = find_live(settings, customer)
    _refuse_deleted(found)
    try:
        entries = [_entry(change, found.rules) for change in read_history(found.state, found.pages)]
    except StateUnreadable as error:
        raise Refused("state_unreadable", f"the history of {customer} cannot be read: {error}") from error
    timezone = None if found.rules is None else found.rules.rule_set.store.timezone
    return {"customer": customer, "entries": entries, "timezone": timezone}


def _entry(change: Change, rules: CompiledRules | None) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(change))
    del shown["offset"]
    if change.kind in {"group", "drift"} and rules is not None and rules.names is not None:
        shown["name"] = rules.names.to_rules(change.name)
    if change.kind == "rung":
        shown["group"] = _group_of(change.name, rules)
    return shown


def _group_of(rung: str, rules: CompiledRules | None) -> str | None:
    """What the rung gives in the present rule set, if it has it."""
    name, _, number = rung.rpartition(":")
    ladder = None if rules is None else rules.ladders.get(name)
    gives = () if ladder is None else ladder.gives
    return gives[int(number) - 1].group if 0 < int(number) <= len(gives) else None


def _refuse_deleted(found: Found) -> None:
    if found.state.deleted:
        raise Refused(
            "customer_deleted", f"{found.state.key} was deleted in the store", "nothing is kept of a deleted customer"
        )


def _then(at: datetime | None) -> str:
    return "" if at is None else f" at {at.isoformat()}"
