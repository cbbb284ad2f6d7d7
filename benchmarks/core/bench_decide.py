"""How long one `decide` takes with the demo's rules and orders of the real shop's size: decode, decide, encode.

Run: `python -m benchmarks.core.bench_decide`. It asserts nothing; figures belong to the machine they are from.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from headrace.contracts.events import Address, CustomerSnapshot, OrderLine, OrderSnapshot, decode_event, encode_event
from headrace.rules.load import load_rule_set
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.state import State

RULES = Path(__file__).parents[2] / "examples" / "rules" / "demo" / "rules.yaml"
START = datetime(2010, 1, 1, tzinfo=UTC)
LINES = 18
ROUNDS = 2000


def main() -> None:
    """Print microseconds per step for customers of three sizes."""
    loaded = load_rule_set([RULES])
    assert loaded.rule_set is not None, loaded.findings
    rules = compile_rules(loaded.rule_set)
    value = _order(10_000)
    _say(f"event of {len(value)} bytes, {LINES} lines")
    _say(f"  decode event        {_measure(lambda: decode_event(value)):8.1f} us")
    event = decode_event(value)
    for orders in (1, 10, 50):
        state = _customer(rules, orders)
        data = encode_state(state)
        after = decide(state, event, rules, Context(1, 1, None, 1)).state
        _say(f"customer with {orders} orders, state of {len(data)} bytes")
        _say(f"  decode state        {_measure(lambda data=data: decode_state(data)):8.1f} us")  # type: ignore[misc]
        _say(f"  decide              {_measure(lambda state=state: decide(state, event, rules, _AT)):8.1f} us")  # type: ignore[misc]
        _say(f"  encode state        {_measure(lambda after=after: encode_state(after)):8.1f} us")  # type: ignore[misc]


_AT = Context(1, 1, None, 1)


def _measure(call: Callable[[], object]) -> float:
    """The best of three, in microseconds a call."""
    best = float("inf")
    for _ in range(3):
        began = perf_counter()
        for _ in range(ROUNDS):
            call()
        best = min(best, perf_counter() - began)
    return best / ROUNDS * 1e6


def _customer(rules: CompiledRules, orders: int) -> State:
    snapshot = CustomerSnapshot(
        customer_id="7", created_at=START, modified_at=START, addresses=(Address(country_code="GB"),)
    )
    value = encode_event(
        snapshot, type="customer.snapshot", id="c", store="s", subject="s:7", time=START, origin="live", revision="r"
    )
    state = decide(None, decode_event(value), rules, _AT).state
    for number in range(orders):
        state = decide(state, decode_event(_order(number)), rules, _AT).state
    return state


def _order(number: int) -> bytes:
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
        total=55080,
        subtotal=55080,
        total_excluding_tax=55080,
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
        revision=f"r{number:06d}",
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
