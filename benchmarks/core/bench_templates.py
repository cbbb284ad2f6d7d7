"""What a decision costs with the whole template library in force, beside the bytes of the same events and states.

Run: `headrace bench templates`. A real shop's orders and refunds are folded one by one, each customer's state through
its bytes as in the evaluator, and the collector at rest as there; it asserts nothing.

The codec is measured twice: apart, in a loop of nothing else, and once more where it stands in the fold, in whose
caches the next event's bytes are as cold as they are in the evaluator.
"""

import argparse
import gc
import sys
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
from headrace.contracts.events import Event, decode_event
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
WARM = 200
COLUMNS = {
    "events": "events",
    "decode_event_us": "event",
    "decode_state_us": "state",
    "encode_state_us": "encode",
    "decide_us": "decide",
    "decide_by_codec": "decide/codec",
    "codec_in_place_us": "codec in place",
    "decide_by_codec_in_place": "decide/in place",
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
class InPlace:
    """A call, and the seconds of CPU that it took; what the clock itself takes is taken off."""

    call: Callable[[Any], Any]
    clock: float
    seconds: float = 0.0

    def __call__(self, one: Any) -> Any:
        began = thread_time()
        found = self.call(one)
        self.seconds += thread_time() - began - self.clock
        return found


@dataclass(frozen=True)
class Codec:
    """What of the fold is no decision."""

    event: Callable[[bytes], Event] = decode_event
    state: Callable[[bytes], State] = decode_state
    encode: Callable[[State], bytes] = encode_state


def main(arguments: list[str]) -> int:
    """Microseconds of CPU an event, part by part, with the library's rules and with the demo's."""
    parser = argparse.ArgumentParser("benchmarks.core.bench_templates", description=__doc__)
    add_common(parser)
    parser.add_argument("--events", type=int, default=6000)
    parser.add_argument("--data", type=Path, default=SHOP)
    options = parser.parse_args(arguments)
    scenario = load_scenario(options.data, seed=1, orders=options.events)
    values = [record.value for record, _ in zip(shop_records(scenario, 1), range(options.events), strict=False)]
    systems = {"template library": _library(), "demo": _demo()}
    for rules in systems.values():
        _fold(values[:WARM], rules)  # tables that are read at their first use are no part of a decision
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    rounds: list[dict[str, Any]] = []
    for number in range(1, options.rounds + 1):
        sys.stderr.write(f"round {number}\n")
        rounds += [{"system": name, "round": number, **_fold(values, rules)} for name, rules in systems.items()]
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


def _fold(values: list[bytes], rules: CompiledRules) -> dict[str, Any]:
    """What the codec takes is measured apart, on the very bytes that the fold met, and taken off the whole."""
    known: dict[str, Customer] = {}
    before: list[bytes] = []
    codec = Codec()
    began = thread_time()
    for offset, value in enumerate(values):
        before.append(_one(offset, value, rules, known, codec))
    whole = (thread_time() - began) / len(values) * 1e6
    events, states = _us(decode_event, values), _us(decode_state, before)
    encode = _us(encode_state, list(map(decode_state, before)))
    decided, in_place = whole - events - states - encode, _in_place(values, rules)
    return {
        "events": len(values),
        "decode_event_us": round(events, 2),
        "decode_state_us": round(states, 2),
        "encode_state_us": round(encode, 2),
        "decide_us": round(decided, 2),
        "decide_by_codec": round(decided / (events + states + encode), 2),
        "codec_in_place_us": round(in_place, 2),
        "decide_by_codec_in_place": round((whole - in_place) / in_place, 2),
        "state_bytes": sum(map(len, before)) // len(before),
        "error": None,
    }


def _in_place(values: list[bytes], rules: CompiledRules) -> float:
    """Microseconds of CPU an event that the codec takes within the fold."""
    clock = median(-thread_time() + thread_time() for _ in range(1001))
    timed = [InPlace(call, clock) for call in (decode_event, decode_state, encode_state)]
    known: dict[str, Customer] = {}
    for offset, value in enumerate(values):
        _one(offset, value, rules, known, Codec(*timed))
    return sum(one.seconds for one in timed) / len(values) * 1e6


def _us(call: Callable[[T], object], each: list[T]) -> float:
    began = thread_time()
    for one in each:
        call(one)
    return (thread_time() - began) / len(each) * 1e6


def _one(offset: int, value: bytes, rules: CompiledRules, known: dict[str, Customer], codec: Codec) -> bytes:
    """Fold one event; the customer's state as it was stored before."""
    event = codec.event(value)
    subject, now = event.envelope.subject, event.envelope.time
    customer = known.get(subject) or known.setdefault(subject, Customer(encode_state(State(subject, rules_version=1))))
    before, context = customer.body, Context(1, offset, now, 1)
    state, due = codec.state(before), wake_at_of(before)
    if due and due <= microseconds(now):
        woken = wake(state, rules, context)
        customer.keep(woken.pages)
        state = woken.state
    decision = decide(state, event, rules, context, pages=customer)
    customer.keep(decision.pages)
    customer.body = codec.encode(decision.state)
    return before


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
