"""How long one `decide` takes with the demo's rules and orders of the real shop's size: decode, decide, encode.

Run: `python -m benchmarks.core.bench_decide [SIZES]`, sizes in orders, `50,5000,50000` by default. It asserts nothing;
figures belong to the machine they are from.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import thread_time

from headrace.contracts.events import Address, CustomerSnapshot, OrderLine, OrderSnapshot, decode_event, encode_event
from headrace.rules.load import load_rule_set
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.pages import ORDER
from headrace.segmentation.state import State

RULES = Path(__file__).parents[2] / "examples" / "rules" / "demo" / "rules.yaml"
START = datetime(2010, 1, 1, tzinfo=UTC)
LINES = 18
ROUNDS = 2000
TURNS = 5
NEW = 90_000


def main() -> None:
    """Print microseconds per step for small customers, and per event for customers of growing size."""
    loaded = load_rule_set([RULES])
    assert loaded.rule_set is not None, loaded.findings
    rules = compile_rules(loaded.rule_set)
    _steps(rules)
    sizes = sys.argv[1] if len(sys.argv) > 1 else "50,5000,50000"
    _growth(rules, [int(size) for size in sizes.split(",")])


def _steps(rules: CompiledRules) -> None:
    value = _order(NEW)
    _say(f"event of {len(value)} bytes, {LINES} lines")
    decode = _measure(lambda: decode_event(value))
    _say(f"  decode event        {decode:8.1f} us")
    event = decode_event(value)
    for orders in (1, 10, 50):
        known = _customer(rules, orders)
        state, data = known.state, encode_state(known.state)
        after = decide(state, event, rules, _AT, pages=known).state
        _say(f"customer with {orders} orders, state of {len(data)} bytes, {len(known.stored)} pages")
        steps = [
            ("decode state", _measure(lambda data=data: decode_state(data))),  # type: ignore[misc]
            ("encode state", _measure(lambda after=after: encode_state(after))),  # type: ignore[misc]
            ("decide", _measure(lambda known=known: decide(known.state, event, rules, _AT, pages=known))),  # type: ignore[misc]
        ]
        for name, took in steps:
            _say(f"  {name:<20}{took:8.1f} us")
        codec = decode + steps[0][1] + steps[1][1]
        _say(f"  all / codec         {(codec + steps[2][1]) / codec:8.2f}")


def _growth(rules: CompiledRules, sizes: list[int]) -> None:
    """A whole event (decode event, decode state, decide, encode) by size, the sizes taking turns."""
    customers = {size: _customer(rules, size) for size in sizes}
    figures: dict[tuple[str, int], list[float]] = {}
    for _ in range(TURNS):
        for size, known in customers.items():
            for kind, value in (("new order", _order(NEW)), ("edit of an old order", _order(3, "r999999", 60_000))):
                took = _measure(lambda known=known, value=value: _whole(known, value, rules), 400)  # type: ignore[misc]
                figures.setdefault((kind, size), []).append(took)
    for kind in dict.fromkeys(kind for kind, _ in figures):
        smallest = median(figures[kind, sizes[0]])
        for size in sizes:
            took = median(figures[kind, size])
            _say(f"{kind}, customer with {size} orders: {took:8.1f} us an event, {took / smallest:.2f}x of {sizes[0]}")


def _whole(known: "Customer", value: bytes, rules: CompiledRules) -> int:
    decision = decide(decode_state(known.body), decode_event(value), rules, _AT, pages=known)
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

    def take(self, value: bytes, rules: CompiledRules) -> None:
        decision = decide(self.state, decode_event(value), rules, _AT, pages=self)
        self.state = decision.state
        self.stored.update({name: page for name, page in decision.pages.items() if page is not None})


_AT = Context(1, 1, None, 1)


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
    known.take(value, rules)
    for number in range(orders):
        known.take(_order(number), rules)
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


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
