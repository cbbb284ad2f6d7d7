"""Numbers of the customer as rules read them: over all time or in a window, of everything or of some orders and lines.

How windowed sums follow the orders is in `headrace.segmentation.windows`, how a number is compared in `number.py`.
"""

from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Final

import msgspec

from headrace.rules.model import Duration, Leaf, Only, Window
from headrace.segmentation.conditions import age, demographics, spans
from headrace.segmentation.conditions.change import TIME, Bounds, CompiledNumber, Falling, NextChange
from headrace.segmentation.conditions.crossing import spend_before
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.contributions import window_sum
from headrace.segmentation.facts import NUMBERS, Facts, depends_on
from headrace.segmentation.state import Series
from headrace.segmentation.written import written

VISITS: Final = "customer.visits"
SPEND_BEFORE: Final = "customer.spend_before"
FIELDS: Final = frozenset({*NUMBERS, *age.SINCE, VISITS, SPEND_BEFORE})
"""Numbers of the customer and of the order."""


def compile_number(field: str, window: Window | None, only: Only | None, terms: Terms) -> CompiledNumber:
    """The reader of a number field. Raises ValueError for what is none, or has no such window or filter."""
    return terms.once("number", (field, window, only), lambda: _number(field, window, only, terms))


def _number(field: str, window: Window | None, only: Only | None, terms: Terms) -> CompiledNumber:
    if field == demographics.INCOME and window is None and only is None:
        return CompiledNumber(demographics.income(terms.currency), frozenset({depends_on(field)}))
    if field not in FIELDS:
        raise ValueError(f"no number {field!r}")
    if field in age.SINCE and window is None and only is None:
        return age.compile_age(field, terms.timezone)
    if field == VISITS and only is None:
        return _visits(window, terms.timezone)
    if field == SPEND_BEFORE and window is None and only is None:
        return CompiledNumber(spend_before, frozenset({"ledger"}))
    if window is None and only is None and field in NUMBERS:
        return CompiledNumber(NUMBERS[field], frozenset({depends_on(field)}))
    return _windowed(field, window, only, terms)


def _windowed(field: str, window: Window | None, only: Only | None, terms: Terms) -> CompiledNumber:
    span = spans.compile_span(window or Window(), terms.timezone)
    said = msgspec.json.encode((field, window, only, terms.timezone), order="deterministic")
    number = terms.windows.number(said, window_sum(field, only, span.bucket, span.left))
    value, later, falling, read = span.value, span.later, span.falling, frozenset({"ledger"})
    if later is None:
        return CompiledNumber(written("sum(facts.windows[{number}].amounts)", number=number), read)
    # As below, with less to call: these are asked for every order, and most customers have nothing in most windows.
    return CompiledNumber(
        written(
            "{value}(series, facts.now) if (series := facts.windows[{number}]).at else 0", value=value, number=number
        ),
        read | {TIME},
        lambda facts, bounds: later(facts.windows[number], facts.now),
        None if falling is None else _falling(number, falling),
    )


def _falling(number: int, falling: spans.Falling) -> Falling:
    @lru_cache
    def below(steps: Bounds) -> NextChange:
        return written(
            "{falling}(series, facts.now, {steps}) if (series := facts.windows[{number}]).at else None",
            falling=falling,
            number=number,
            steps=steps,
        )

    return below


def _visits(window: Window | None, timezone: str) -> CompiledNumber:
    if window is None:
        return CompiledNumber(lambda facts: sum(facts.state.visits.amounts), frozenset({"visits"}))
    span = spans.compile_span(window, timezone)
    if window.this is None:
        return _of_series(attrgetter("state.visits"), span, "visits")
    return _of_series(lambda facts: spans.in_buckets(facts.state.visits, span), span, "visits")


def _of_series(series: Callable[[Facts], Series], span: spans.Span, part: str) -> CompiledNumber:
    value, later, falling = span.value, span.later, span.falling
    if later is None:
        return CompiledNumber(lambda facts: value(series(facts), facts.now), frozenset({part}))
    return CompiledNumber(
        lambda facts: value(series(facts), facts.now),
        frozenset({part, TIME}),
        lambda facts, bounds: later(series(facts), facts.now),
        None if falling is None else lru_cache(lambda steps: lambda facts: falling(series(facts), facts.now, steps)),
    )


def named(leaf: Leaf) -> str:
    """The number a leaf is about, in words: `customer.spend (within 90 days, brand "apple")`."""
    said = (*_said_window(leaf.window), *_said_only(leaf.only))
    return f"{leaf.field} ({', '.join(said)})" if said else leaf.field


def _said_window(window: Window | None) -> list[str]:
    if window is None:
        return []
    if window.span is not None:
        return [f"within {said_span(window.span)}"]
    if window.this is not None:
        return [f"this {window.this}"]
    if window.first is None or window.last is None:
        return [f"until {window.last}" if window.first is None else f"since {window.first}"]
    return [f"from {window.first} to {window.last}"]


def said_span(span: Duration) -> str:
    """`90 days`."""
    return f"{span.count} {span.unit}{'' if span.count == 1 else 's'}"


def _said_only(only: Only | None) -> list[str]:
    if only is None:
        return []
    texts = {"brand": only.brand, "category": only.category, "product": only.product}
    said = [f"{name} {' or '.join(map(_quoted, values))}" for name, values in texts.items() if values]
    return said + ([f"channel {' or '.join(map(str, only.channel))}"] if only.channel else [])


def _quoted(text: str) -> str:
    return f'"{text}"'
