"""Rules of one trigger asked together come to what each comes to alone, whatever the ones before it looked at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.segmentation.facts import Facts
from headrace.segmentation.firing import is_met
from headrace.segmentation.state import Line, State
from headrace.segmentation.steps import Rules
from headrace.segmentation.triggers import Occurrence
from tests.headrace.segmentation.edges import NOW
from tests.headrace.segmentation.story import compiled

CONDITIONS = (
    "customer.pinned: true",
    "order.lines: {any: {brand: Apple}}",
    "order.lines: {all: {brand: Apple}}",
    "all: [{order.lines: {any: {name: {contains: phone}}}}, {order.lines: {none: {category: Sale}}}]",
    "order.lines: {count: {of: {brand: Pear}, from: 2}}",
    "order.items: {above: 0}",
)
lines = st.builds(
    Line,
    st.just("1"),
    st.just("9"),
    st.just(1),
    st.just(100),
    st.just(100),
    st.sampled_from(["iPhone", "Case"]),
    st.just(""),
    st.sampled_from(["Apple", "Pear", ""]),
    st.sampled_from([(), ("Sale",), ("Phones", "Sale")]),
)


def rules_with(conditions: list[str], trigger: str) -> Rules:
    said = "".join(
        f"  - {{id: r{n}, when: {trigger}, if: {{{condition}}}, then: [{{tag: {{mailchimp: x{n}}}}}]}}\n"
        for n, condition in enumerate(conditions)
    )
    (together,) = compiled(f"rules:\n{said}").steps(frozenset({trigger}), frozenset())
    assert isinstance(together, Rules)
    return together


@pytest.mark.parametrize("trigger", ["order.placed", "product.ordered"])
@given(order=st.permutations(CONDITIONS), lines=st.lists(lines, max_size=3).map(tuple))
def test_woken__any_order_of_rules__each_is_met_as_it_is_alone(
    trigger: str, order: list[str], lines: tuple[Line, ...]
) -> None:
    together = rules_with(order, trigger)
    facts, occurrence = Facts(State("shop:7"), compiled("").spend), Occurrence(trigger, NOW, lines=lines)
    facts.lines = lines
    met = together.woken[trigger].met(facts)
    assert facts.lines is lines
    assert met == tuple(is_met(rule, facts, occurrence) for rule in together.rules)
