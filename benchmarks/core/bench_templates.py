"""What a decision costs with the whole template library in force, beside the bytes of the same events and states.

Run: `headrace bench templates`. A real shop's orders and refunds are folded one by one, each customer's state through
its bytes as in the evaluator, and the collector at rest as there; it asserts nothing.

Every call is timed where it stands in the fold. The codec decodes and encodes the event and the state; encoding the
event is ingest's, so the ratio without it is told too. It is measured once more apart, in a loop of nothing else, where
the caches hold nothing but its bytes. Timers that came due between two events are no part of a decision: they are told
beside it, by the events before which they came.
"""

import argparse
import gc
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import thread_time
from typing import Any, TypeVar

from msgspec.structs import replace

from benchmarks.engine.options import add_common
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import table
from benchmarks.path.options import SHOP
from benchmarks.path.shop_events import shop_records
from headrace.contracts.events import Event, decode_event, encode_event
from headrace.demo.scenario import load_scenario
from headrace.rules.load import load_rule_set
from headrace.rules.model import Store
from headrace.segmentation.codec import decode_state, encode_state, microseconds, wake_at_of
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.pages import ORDER
from headrace.segmentation.state import State
from headrace.segmentation.wake import wake
from headrace.templates.library import library
from headrace.templates.together import load_together

DEMO = Path(__file__).parents[2] / "examples" / "rules" / "demo"
T = TypeVar("T")
KINDS = {"order.snapshot": "orders", "customer.snapshot": "customers"}
"""Type of an event -> how the table calls it."""
TIMED = ("event", "state", "timers", "decide", "encode state", "encode event")
WARM = 200
COLUMNS = {
    "events": "events",
    "decode_event_us": "event in",
    "encode_event_us": "out",
    "decode_state_us": "state in",
    "encode_state_us": "out",
    "decide_us": "decide",
    "decide_by_codec": "/codec",
    "codec_in_place_us": "in place",
    "decide_by_codec_in_place": "/in place",
    "decide_by_own_codec": "/codec, event not encoded",
    "decide_by_own_codec_in_place": "/in place",
    "timers_us": "timers",
    "state_bytes": "state B",
}


@dataclass
class Customer:
    """A state as it is stored, and its pages."""

    body: bytes
    stored: dict[str, bytes] = field(default_factory=dict)

    def keep(self, written: Mapping[str, bytes | None]) -> None:
        self.stored.update({name: page for name, page in written.items() if page is not None})

    def read(self, name: str) -> bytes | None:
        return self.stored.get(name)

    def orders(self) -> Iterable[str]:
        return [name for name in self.stored if name.startswith(ORDER)]


@dataclass
class Clock:
    """Seconds of CPU by what was called and for which events; what the clock itself takes is taken off."""

    own: float = field(default_factory=lambda: median(-thread_time() + thread_time() for _ in range(1001)))
    seconds: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    def __call__(self, what: str, kind: str, call: Callable[[], T]) -> T:
        began = thread_time()
        found = call()
        self.seconds[what, kind] += thread_time() - began - self.own
        return found


@dataclass
class Met:
    """Events of one kind as they were met, and the states as they were stored before each."""

    values: list[bytes] = field(default_factory=list)
    states: list[bytes] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Microseconds of CPU an event, part by part, with the library's rules and with the demo's."""
    parser = argparse.ArgumentParser("benchmarks.core.bench_templates", description=__doc__)
    add_common(parser)
    parser.add_argument("--events", type=int, default=6000)
    parser.add_argument("--data", type=Path, default=SHOP)
    options = parser.parse_args(arguments)
    scenario = load_scenario(options.data, seed=1, orders=options.events)
    values = [record.value for record, _ in zip(shop_records(scenario, 1), range(options.events), strict=False)]
    events = [(KINDS[decode_event(value).envelope.type], value) for value in values]
    systems = {"template library": _library(), "demo": _demo()}
    for rules in systems.values():
        _fold(events[:WARM], rules)  # tables that are read at their first use are no part of a decision
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    rounds: list[dict[str, Any]] = []
    for number in range(1, options.rounds + 1):
        sys.stderr.write(f"round {number}\n")
        rounds += [
            {"system": f"{name}, {kind}", "round": number, **costs}
            for name, rules in systems.items()
            for kind, costs in _fold(events, rules).items()
        ]
    entries = len(systems["template library"].entries)
    result = make_result("templates", rounds, workload={"templates": len(library()), "entries": entries})
    return finish(result, table(result["medians"], COLUMNS), as_json=options.json, keep=options.keep)


def _library() -> CompiledRules:
    loaded = load_together(library().values())
    assert loaded.rule_set is not None, loaded.findings
    # Templates are in dollars, the shop in pounds: amounts are minor units of whatever it is.
    return compile_rules(replace(loaded.rule_set, store=Store(timezone="Europe/London", currency="GBP")))


def _demo() -> CompiledRules:
    loaded = load_rule_set([DEMO])
    assert loaded.rule_set is not None, loaded.findings
    return compile_rules(loaded.rule_set)


def _fold(events: list[tuple[str, bytes]], rules: CompiledRules) -> dict[str, dict[str, Any]]:
    """What each part takes, by the kind of event; the codec also apart, on the very bytes that the fold met."""
    known: dict[str, Customer] = {}
    met = {kind: Met() for kind in KINDS.values()}
    clock = Clock()
    for offset, (kind, value) in enumerate(events):
        met[kind].values.append(value)
        met[kind].states.append(_one(offset, kind, value, rules, known, clock))
    return {kind: _costs(kind, one, clock) for kind, one in met.items()}


def _costs(kind: str, met: Met, clock: Clock) -> dict[str, Any]:
    count = len(met.values)
    events, states = _us(decode_event, met.values), _us(decode_state, met.states)
    encode_events = _us(_encode_event, list(map(decode_event, met.values)))
    encode_states = _us(encode_state, list(map(decode_state, met.states)))
    us = {what: clock.seconds[what, kind] / count * 1e6 for what in TIMED}
    own, own_in_place = events + states + encode_states, us["event"] + us["state"] + us["encode state"]
    codec, in_place = own + encode_events, own_in_place + us["encode event"]
    return {
        "events": count,
        "decode_event_us": round(events, 2),
        "encode_event_us": round(encode_events, 2),
        "decode_state_us": round(states, 2),
        "encode_state_us": round(encode_states, 2),
        "decide_us": round(us["decide"], 2),
        "decide_by_codec": round(us["decide"] / codec, 2),
        "codec_in_place_us": round(in_place, 2),
        "decide_by_codec_in_place": round(us["decide"] / in_place, 2),
        "decide_by_own_codec": round(us["decide"] / own, 2),
        "decide_by_own_codec_in_place": round(us["decide"] / own_in_place, 2),
        "timers_us": round(us["timers"], 2),
        "state_bytes": sum(map(len, met.states)) // count,
        "error": None,
    }


def _us(call: Callable[[T], object], each: list[T]) -> float:
    began = thread_time()
    for one in each:
        call(one)
    return (thread_time() - began) / len(each) * 1e6


def _one(offset: int, kind: str, value: bytes, rules: CompiledRules, known: dict[str, Customer], clock: Clock) -> bytes:
    """Fold one event; the customer's state as it was stored before."""
    event = clock("event", kind, lambda: decode_event(value))
    subject, now = event.envelope.subject, event.envelope.time
    customer = known.get(subject) or known.setdefault(subject, Customer(encode_state(State(subject, rules_version=1))))
    before, context = customer.body, Context(1, offset, now, 1)
    state, due = clock("state", kind, lambda: decode_state(before)), wake_at_of(before)
    if due and due <= microseconds(now):
        stored = state
        woken = clock("timers", kind, lambda: wake(stored, rules, context))
        customer.keep(woken.pages)
        state = woken.state
    decision = clock("decide", kind, lambda: decide(state, event, rules, context, pages=customer))
    customer.keep(decision.pages)
    customer.body = clock("encode state", kind, lambda: encode_state(decision.state))
    clock("encode event", kind, lambda: _encode_event(event))
    return before


def _encode_event(event: Event) -> bytes:
    of = event.envelope
    return encode_event(
        event.data,
        type=of.type,
        id=of.id,
        store=of.source.removeprefix("/stores/"),
        subject=of.subject,
        time=of.time,
        origin=of.headraceorigin,
        revision=of.headracerevision,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
