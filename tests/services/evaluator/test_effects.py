"""Effects leave with the decision they are of, and nothing releases them but what happens."""

from datetime import timedelta
from typing import Any, cast

import pytest

from headrace.contracts.effects import decode_effect
from headrace.contracts.events import CustomEvent, encode_event
from headrace.contracts.topics import ACTIONS_EFFECTS
from headrace.rules.load import Source, load_texts
from headrace.rules.model import RuleSet
from headrace.runtime.metrics import REGISTRY
from services.evaluator.activations import Activations
from services.evaluator.agent import Place
from services.evaluator.replay.customers import ReplayedCustomers
from services.evaluator.rules_feed import RulesFeed
from tests.services.evaluator.bench import Bench
from tests.services.evaluator.bench import Source as Read
from tests.services.evaluator.service import BEGIN, STORE, Record, activation, clock, customer, order
from tests.services.evaluator.test_generation import Passing, promotion

EFFECTS = f"t.{ACTIONS_EFFECTS}"
DAY = timedelta(days=1)
HEAD = "store: {timezone: Europe/London, currency: GBP}\n"


def rules(text: str) -> RuleSet:
    result = load_texts([Source("rules.yaml", HEAD + text)])
    assert result.rule_set is not None, result.findings
    return result.rule_set


NOTES = rules(
    """
rules:
- {id: big, when: order.placed, if: {order.value: {above: 500}}, then: [{notify_staff: {channel: shop, text: Big}}]}
- {id: ask, when: order.placed, then: [{webhook: https://a.example/ask, after: 36 hours}]}
segments:
- {id: vip, who: {customer.spend: {above: 1000}}, on_enter: [{webhook: https://a.example/vip}]}
"""
)
NOTHING = rules("")


def first(records: list[Record]) -> Record:
    return records[0]


def effects(bench: Bench) -> list[tuple[str, str]]:
    told = [said for name, said in bench.outputs if name == EFFECTS]
    return [(said["entry"], said["cause_id"].partition(":")[0]) for said in told]


def counted(kind: str) -> dict[str, int]:
    """The effects of a kind that were counted so far, by outcome."""
    found = {
        outcome: REGISTRY.get_sample_value("headrace_evaluator_effects_total", {"kind": kind, "outcome": outcome})
        for outcome in ("released", "waiting", "withheld")
    }
    return {outcome: int(value or 0) for outcome, value in found.items()}


def fed(*records: Record, rule_set: RuleSet = NOTES) -> Bench:
    bench = Bench()
    bench.rules(rule_set, 1)
    bench.feed(first(activation(rule_set, 1)), first(clock(BEGIN)), *records)
    return bench


def test_fold__order_above__the_effect_goes_with_the_actions() -> None:
    bench = fed(customer(1), order(1, 100, 50_001, day=0))
    assert effects(bench) == [("rule:big", "100")]
    (written,) = [output for output in bench.written if output.topic == EFFECTS]
    effect = decode_effect(written.value or b"")
    assert (written.key, written.partition) == (f"{STORE}:1".encode(), 0)
    assert effect.version == (1, 3, 0)
    bench.feed(order(1, 100, 50_001, day=0))
    bench.fold = bench.open()
    bench.feed(order(1, 100, 50_001, day=0))
    assert len(effects(bench)) == 1


def test_fold__action_that_waits__wakes_a_silent_customer_also_after_a_restart() -> None:
    bench = fed(customer(1), order(1, 100, 100, day=0))
    bench.feed(first(clock(BEGIN + timedelta(hours=36) - timedelta(seconds=1))))
    bench.sweep()
    assert effects(bench) == []
    bench.open()
    bench.feed(first(clock(BEGIN + timedelta(hours=36))))
    bench.sweep()
    assert effects(bench) == [("rule:ask", "100")]


@pytest.mark.parametrize(("named", "expected"), [((), []), (("segment:vip",), [("segment:vip", "entered")])])
def test_sweep__of_an_activation__releases_what_it_names(named: tuple[str, ...], expected: list[Any]) -> None:
    bench = fed(customer(1), order(1, 100, 150_000, day=0), rule_set=NOTHING)
    bench.rules(NOTES, 2)
    bench.feed(first(activation(NOTES, 2, send_effects=named)))
    bench.sweep()
    assert effects(bench) == expected


def test_activation__named__still_so_after_a_restart_before_the_sweep() -> None:
    bench = fed(customer(1), order(1, 100, 150_000, day=0), rule_set=NOTHING)
    bench.rules(NOTES, 2)
    bench.feed(first(activation(NOTES, 2, send_effects=("segment:vip",))))
    bench.open()
    bench.sweep()
    assert effects(bench) == [("segment:vip", "entered")]


def test_replay__same_log__same_states_and_no_effect() -> None:
    bench = fed(customer(1), order(1, 100, 150_000, day=0), first(clock(BEGIN + 3 * DAY)))
    bench.sweep()
    assert effects(bench) == [("rule:big", "100"), ("segment:vip", "entered")], "what waited came too late"

    again = Bench()
    again.rules(NOTES, 1)
    place, feed = Place("t.events", "t.", 2), cast("RulesFeed", None)
    fold = ReplayedCustomers(again.partition, place, Activations(again.partition, again.sets), feed)
    log = (*activation(NOTES, 1)[:1], *clock(BEGIN)[:1], customer(1), order(1, 100, 150_000, day=0))
    fold.apply([Read(n, key, value) for n, (_, key, value) in enumerate((*log, first(clock(BEGIN + 3 * DAY))))])
    fold.settle()
    folded = fold.close()
    assert not list(folded.outputs)
    stored = folded.changes[f"{STORE}:1".encode()]
    ours = bench.partition.get(f"{STORE}:1".encode())
    assert stored is not None
    assert ours is not None
    assert stored.body == ours.body


def test_promotion__effects_of_before_the_line__are_not_released_by_it() -> None:
    passing = Passing(2, silent=True)
    passing.rules(NOTES, 2)
    log = (first(activation(NOTES, 2)), first(clock(BEGIN)), customer(1), order(1, 100, 150_000, day=0))
    told = list(passing.pass_on(*log, first(clock(BEGIN + 2 * DAY)), promotion(2)).outputs)
    assert [output.topic for output in told] == ["t.actions.contact"]
    after = list(passing.pass_on(order(1, 101, 60_000, day=2)).outputs)
    assert [output.topic for output in after] == [EFFECTS]


FATES = rules(
    """
rules:
- {id: mail, when: order.placed, then: [{send_email: {template: a}}]}
- {id: note, when: order.placed, then: [{notify_staff: {channel: shop, text: New}}]}
- {id: row, when: order.placed, then: [{export_row: {file: sheet, columns: [customer.spend]}, after: 1 day}]}
- id: ask
  when: order.placed
  then: [{webhook: https://a.example/ask, after: 1 day, unless: {customer.orders: {from: 1}}}]
- {id: thanks, when: order.placed, then: [{add_attribute: {seen: a}, after: 1 day}]}
"""
)


def test_metric__each_outcome__counted_by_kind_once() -> None:
    kinds = ("send_email", "notify_staff", "export_row", "webhook")
    before = {kind: counted(kind) for kind in kinds}
    bench = fed(customer(1), order(1, 100, 100, day=0), rule_set=FATES)
    bench.feed(order(1, 100, 100, day=0))
    bench.feed(first(clock(BEGIN + DAY)))
    bench.sweep()

    since = {kind: {how: n - before[kind][how] for how, n in counted(kind).items()} for kind in kinds}

    assert since == {
        "send_email": {"released": 0, "waiting": 0, "withheld": 1},
        "notify_staff": {"released": 1, "waiting": 0, "withheld": 0},
        "export_row": {"released": 1, "waiting": 1, "withheld": 0},
        "webhook": {"released": 0, "waiting": 1, "withheld": 1},
    }


def test_metric__effect_withheld_from_whom_nothing_changes__counted() -> None:
    visits = rules("rules: [{id: seen, when: custom.visit, then: [{send_email: {template: b}}]}]")
    bench = fed(customer(1), rule_set=visits)
    before = counted("send_email")
    key = f"{STORE}:1"
    visit = encode_event(
        CustomEvent(payload={}), type="custom.visit", id="v1", store=STORE, subject=key, time=BEGIN, origin="live"
    )
    bench.feed((0, key.encode(), visit))

    assert counted("send_email") == before | {"withheld": before["withheld"] + 1}


def test_metric__silent_generation__counts_nothing() -> None:
    before = counted("notify_staff")
    passing = Passing(2, silent=True)
    passing.rules(NOTES, 2)
    passing.pass_on(first(activation(NOTES, 2)), first(clock(BEGIN)), customer(1), order(1, 100, 150_000, day=0))

    assert counted("notify_staff") == before
