"""How long one `decide` takes with the demo's rules and orders of the real shop's size: decode, decide, encode.

Run: `headrace bench decide`. It asserts nothing; figures belong to the machine they are from.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import thread_time
from typing import Any

from benchmarks.engine.options import add_common
from benchmarks.engine.report import finish, make_result
from benchmarks.engine.results import table
from headrace.contracts.events import Address, CustomerSnapshot, OrderLine, OrderSnapshot, decode_event, encode_event
from headrace.rules.load import load_rule_set
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, Decision, decide
from headrace.segmentation.pages import ORDER
from headrace.segmentation.state import State, first_due
from headrace.segmentation.wake import wake

RULES = Path(__file__).parents[2] / "examples" / "rules" / "demo" / "rules.yaml"
START = datetime(2010, 1, 1, tzinfo=UTC)
LINES = 18
ROUNDS = 2000
STEPS = (1, 10, 50)
COLUMNS = {
    "decode_event_us": "event",
    "decode_state_us": "state",
    "decide_us": "decide",
    "encode_state_us": "encode",
    "all_by_codec": "all/codec",
    "us_per_event": "whole us",
    "state_bytes": "state B",
    "pages": "pages",
}
_NEW_ORDER = "new order"
_OLD_ORDER = "edit of an old order"


def main(arguments: list[str]) -> int:
    """Microseconds per step for small customers, and per event for customers of growing size."""
    parser = argparse.ArgumentParser("benchmarks.core.bench_decide", description=__doc__)
    add_common(parser)
    parser.add_argument("--sizes", type=_sizes, default=(50, 5_000, 50_000), help="customers, by their orders")
    options = parser.parse_args(arguments)
    loaded = load_rule_set([RULES])
    assert loaded.rule_set is not None, loaded.findings
    rules = compile_rules(loaded.rule_set)
    growing = {size: _customer(rules, size) for size in options.sizes}
    rounds: list[dict[str, Any]] = []
    for number in range(1, options.rounds + 1):
        sys.stderr.write(f"round {number}\n")
        rounds += [{"round": number, **row} for row in (*_steps(rules), *_growth(rules, growing))]
    result = make_result("decide", rounds, workload={"lines": LINES, "event_bytes": len(_order(90_000))})
    result["growth"] = _growth_ratios(result["medians"], options.sizes)
    lines = [table(result["medians"], COLUMNS), *(f"{name}: {ratio:.2f} x" for name, ratio in result["growth"].items())]
    return finish(result, "\n".join(lines), as_json=options.json, keep=options.keep)


def _steps(rules: CompiledRules) -> Iterator[dict[str, Any]]:
    for orders in STEPS:
        known, value, at = _customer(rules, orders), _order(orders), _at(orders)
        event = decode_event(value)
        state, data = known.state, encode_state(known.state)
        after = decide(state, event, rules, at, pages=known).state
        us = {
            "decode_event_us": _measure(partial(decode_event, value)),
            "decode_state_us": _measure(partial(decode_state, data)),
            "encode_state_us": _measure(partial(encode_state, after)),
            "decide_us": _measure(partial(decide, known.state, event, rules, at, pages=known)),
        }
        codec = sum(us.values()) - us["decide_us"]
        yield {
            "system": f"{orders} orders",
            **{name: round(took, 2) for name, took in us.items()},
            "all_by_codec": round(sum(us.values()) / codec, 2),
            "state_bytes": len(data),
            "pages": len(known.stored),
            "error": None,
        }


def _growth(rules: CompiledRules, customers: Mapping[int, "Customer"]) -> Iterator[dict[str, Any]]:
    """A whole event (decode event, decode state, decide, encode) by size, the sizes taking turns."""
    for size, known in customers.items():
        for kind, value in ((_NEW_ORDER, _order(size)), (_OLD_ORDER, _order(3, "r999999", 60_000))):
            took = _measure(partial(_whole, known, value, rules, _at(size)), 400)
            yield {"system": f"{kind}, {size} orders", "us_per_event": round(took, 2), "error": None}


def _growth_ratios(by_system: Mapping[str, Mapping[str, Any]], sizes: Sequence[int]) -> dict[str, float]:
    """What an event costs by size, of what it costs at the first of them."""
    cost = {name: found["us_per_event"] for name, found in by_system.items() if "us_per_event" in found}
    return {
        f"{kind}, {size} orders by {sizes[0]}": round(
            cost[f"{kind}, {size} orders"] / cost[f"{kind}, {sizes[0]} orders"], 2
        )
        for kind in (_NEW_ORDER, _OLD_ORDER)
        for size in sizes[1:]
    }


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(","))


def _whole(known: "Customer", value: bytes, rules: CompiledRules, at: Context) -> int:
    decision = decide(decode_state(known.body), decode_event(value), rules, at, pages=known)
    return len(encode_state(decision.state))


@dataclass
class Customer:
    """A state as it is stored, and its pages."""

    state: State
    body: bytes = b""
    stored: dict[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes | None:
        return self.stored.get(name)

    def orders(self) -> Iterable[str]:
        return [name for name in self.stored if name.startswith(ORDER)]

    def take(self, value: bytes, rules: CompiledRules, at: Context) -> None:
        if (due := first_due(self.state)) is not None and at.now is not None and due <= at.now:
            self._keep(wake(self.state, rules, at))
        self._keep(decide(self.state, decode_event(value), rules, at, pages=self))

    def _keep(self, decision: Decision) -> None:
        self.state = decision.state
        self.stored.update({name: page for name, page in decision.pages.items() if page is not None})


def _at(number: int) -> Context:
    """When the order of this number comes: the store's clock stands at the one before."""
    return Context(1, number, START + timedelta(hours=number - 1), 1)


def _measure(call: Callable[[], object], calls: int = ROUNDS) -> float:
    """The best of three, in microseconds a call."""
    best = float("inf")
    for _ in range(3):
        began = thread_time()
        for _ in range(calls):
            call()
        best = min(best, thread_time() - began)
    return best / calls * 1e6


def _customer(rules: CompiledRules, orders: int) -> Customer:
    snapshot = CustomerSnapshot(
        customer_id="7", created_at=START, modified_at=START, addresses=(Address(country_code="GB"),)
    )
    value = encode_event(
        snapshot, type="customer.snapshot", id="c", store="s", subject="s:7", time=START, origin="live", revision="r"
    )
    known = Customer(State("s:7"))
    known.take(value, rules, _at(0))
    for number in range(orders):
        known.take(_order(number), rules, _at(number))
    known.body = encode_state(known.state)
    return known


def _order(number: int, revision: str = "", total: int = 55_080) -> bytes:
    at = START + timedelta(hours=number)
    lines = tuple(
        OrderLine(
            id=f"{number}-{line}",
            product_id=str(line),
            quantity=12,
            price=255,
            total=3060,
            name="WHITE HANGING HEART T-LIGHT HOLDER",
            sku=f"85{line:03d}A",
            brand="Harbour",
            categories=("Decoration",),
        )
        for line in range(LINES)
    )
    order = OrderSnapshot(
        order_id=str(number),
        status="completed",
        created_at=at,
        modified_at=at,
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=lines,
    )
    return encode_event(
        order,
        type="order.snapshot",
        id=f"o{number}",
        store="s",
        subject="s:7",
        time=at,
        origin="live",
        revision=revision or f"r{number:06d}",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
