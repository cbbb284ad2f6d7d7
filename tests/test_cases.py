"""Runs `tests/cases/*.yaml`: a merchant's rules and one customer's history in, memberships and actions out.

The files are the documentation of what they test; every event is delivered twice and every state goes through bytes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import convert, to_builtins

from headrace.contracts.actions import Desired, DesiredAttributes, DesiredContact, DesiredEmailTags, DesiredGroup
from headrace.contracts.events import (
    Address,
    AttributeSet,
    CustomerDeleted,
    CustomerPersonal,
    CustomerSnapshot,
    EventData,
    OrderLine,
    OrderSnapshot,
    Refund,
    RefundLine,
    StatusChange,
    decode_event,
    encode_event,
)
from headrace.contracts.money import from_minor, to_minor
from headrace.rules.load import Source, load_texts
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, activate, decide
from headrace.segmentation.state import State

CASES = Path(__file__).parent / "cases"
START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "shop:7"
Fields = dict[str, Any]


class Shop:
    """One customer's shop: turns the short words of a case into events, with revisions that grow."""

    def __init__(self) -> None:
        self._orders: dict[str, OrderSnapshot] = {}
        self._customer: Fields = {}
        self._steps = count(1)

    def event(self, kind: str, fields: Fields) -> tuple[EventData, str, datetime, bool]:
        """The event's data, its type, its time, and whether it is a snapshot."""
        at = fields.pop("on", None)
        now = START + timedelta(days=next(self._steps)) if at is None else datetime.fromisoformat(str(at))
        now = now if now.tzinfo else now.replace(tzinfo=UTC)
        match kind:
            case "customer":
                return self._snapshot(fields, now), "customer.snapshot", now, True
            case "order":
                return self._order(fields, now), "order.snapshot", now, True
            case "refund":
                return self._refund(fields, now), "order.snapshot", now, True
            case "attribute":
                return AttributeSet(**convert(fields, Fields)), "attribute.set", now, False
            case _:
                assert kind == "deleted", kind
                return CustomerDeleted(customer_id="7"), "customer.deleted", now, False

    def _snapshot(self, fields: Fields, now: datetime) -> CustomerSnapshot:
        self._customer |= fields
        known = self._customer
        email = known.get("email")
        return CustomerSnapshot(
            customer_id="7",
            created_at=START,
            modified_at=now,
            group=known.get("group", ""),
            email_domain=(email or "").partition("@")[2],
            company=known.get("company", ""),
            subscribed=known.get("subscribed"),
            addresses=tuple(Address(**address) for address in known.get("addresses", ())),
            personal=CustomerPersonal(email=email, first_name=known.get("first_name")),
        )

    def _order(self, fields: Fields, now: datetime) -> OrderSnapshot:
        order_id = str(fields.pop("id"))
        known = self._orders.get(order_id)
        raw: Fields = {} if known is None else to_builtins(known)
        raw.pop("status_change", None)
        if "lines" in fields:
            lines = [_line(order_id, number, line) for number, line in enumerate(fields.pop("lines"), start=1)]
            total = sum(line.total for line in lines)
            raw |= {"lines": to_builtins(lines), "total": total, "subtotal": total, "total_excluding_tax": total}
        if "told" in fields:
            previous, new = fields.pop("told")
            raw["status_change"] = to_builtins(StatusChange(previous=previous, new=new))
        raw = {"status": "completed", "currency": "GBP", "created_at": now, "order_id": order_id} | raw
        raw = {"total": 0, "subtotal": 0, "total_excluding_tax": 0} | raw | fields | {"modified_at": now}
        self._orders[order_id] = convert(raw, OrderSnapshot)
        return self._orders[order_id]

    def _refund(self, fields: Fields, now: datetime) -> OrderSnapshot:
        order_id = str(fields["order"])
        known = self._orders[order_id]
        refund = Refund(
            id=f"{order_id}-{len(known.refunds)}",
            created_at=now,
            amount=to_minor(fields["amount"], "GBP"),
            lines=(RefundLine(line_id=f"{order_id}-1", quantity=fields.get("quantity", 0), amount=0),),
        )
        more: Fields = {"id": order_id, "refunds": to_builtins((*known.refunds, refund))}
        if "status" in fields:
            more["status"] = fields["status"]
        return self._order(more, now)


def _line(order_id: str, number: int, fields: Fields) -> OrderLine:
    price, quantity = to_minor(fields.pop("price", "1.00"), "GBP"), fields.pop("quantity", 1)
    product = str(fields.pop("product", number))
    return OrderLine(
        id=f"{order_id}-{number}",
        product_id=product,
        quantity=quantity,
        price=price,
        total=price * quantity,
        **convert(fields, Fields),
    )


def compiled(text: str) -> CompiledRules:
    """The rules of a case, as written."""
    loaded = load_texts([Source(file="rules.yaml", text=text)])
    assert loaded.rule_set is not None, loaded.findings
    return compile_rules(loaded.rule_set)


class Player:
    """Plays a case: offsets count up, each event comes twice, each state goes through bytes."""

    def __init__(self) -> None:
        self.state: State | None = None
        self.actions: list[str] = []
        self._offset = 0
        self._rules: CompiledRules | None = None
        self._version = 0

    def context(self) -> Context:
        self._offset += 1
        return Context(generation=1, offset=self._offset, now=None, rules_version=self._version)

    def activate(self, text: str) -> None:
        self._rules = compiled(text)
        self._version += 1
        if self.state is not None:
            for _ in range(2):
                decision = activate(self.state, self._rules, self.context(), f"a{self._version}")
                self._keep(decision.state, decision.actions)

    def play(self, data: EventData, kind: str, now: datetime, *, snapshot: bool) -> None:
        value = encode_event(
            data,
            type=kind,
            id=f"{kind}:{self._offset}",
            store="shop",
            subject=KEY,
            time=now,
            origin="live",
            revision=now.isoformat() if snapshot else None,
        )
        for repeat in range(2):
            decision = decide(self.state, decode_event(value), self._rules, self.context())
            assert not (repeat and decision.actions), "a repeated event made actions"
            self._keep(decision.state, decision.actions)

    def _keep(self, state: State, actions: tuple[Desired, ...]) -> None:
        self.state = decode_state(encode_state(state))
        assert self.state == state
        versions = [action.version for action in actions]
        assert versions == sorted(set(versions))
        self.actions += [line for action in actions for line in said(action)]


def said(action: Desired) -> Iterator[str]:
    """An action in the short words of a case."""
    match action:
        case DesiredGroup(value=value):
            yield "group untouched" if value is None else f"group {value or '(none)'}"
        case DesiredAttributes(present=present, absent=absent):
            yield f"attributes {_labels(present)}" + (f" without {_labels(absent)}" if absent else "")
        case DesiredEmailTags():
            yield f"tags {_labels(action.present)}" + (f" without {_labels(action.absent)}" if action.absent else "")
        case DesiredContact(deleted=deleted):
            yield "contact deleted" if deleted else "contact"


def _labels(labels: Any) -> str:
    return " ".join(f"{name}={','.join(values)}" for name, values in labels.items()) or "(none)"


def memberships(state: State, rules: CompiledRules | None) -> Fields:
    """What a case may expect, in its words."""
    totals = state.totals
    money = {name: str(from_minor(getattr(totals, name), "GBP")) for name in ("spend", "refunds", "largest")}
    rungs = (
        {}
        if rules is None
        else {name: rules.ladders[name].gives[rung].group or str(rung) for name, rung in state.standing.rungs.items()}
    )
    return {
        "group": state.emitted.group if state.emitted.group_known else None,
        "attributes": {name: list(values) for name, values in state.emitted.attributes.items()},
        "tags": {name: list(values) for name, values in state.emitted.tags.items()},
        "segments": list(state.standing.segments),
        "rungs": rungs,
        "totals": money | {"orders": totals.orders, "items": totals.items},
        "deleted": state.deleted,
    }


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_case__history__ends_in_the_expected_memberships_and_actions(path: Path) -> None:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(case) <= {"about", "rules", "history", "expect"}
    shop, player = Shop(), Player()
    if case.get("rules"):
        player.activate(case["rules"])
    for step in case["history"]:
        ((kind, fields),) = step.items()
        if kind == "rules":
            player.activate(fields)
        else:
            data, type_, now, snapshot = shop.event(kind, dict(fields or {}))
            player.play(data, type_, now, snapshot=snapshot)
    assert player.state is not None
    expected = dict(case["expect"])
    if "actions" in expected:
        assert player.actions == expected.pop("actions")
    found = memberships(player.state, player._rules)
    for name, value in expected.items():
        if name == "totals":
            assert {key: found[name][key] for key in value} == value
        else:
            assert found[name] == value, name
