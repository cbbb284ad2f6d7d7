"""Rules that state a lasting property: once fired they hold for good, where a segment would follow the facts."""

from typing import Final

from headrace.rules.lint.looking import Looking, every_test
from headrace.rules.model import AssignGroup, Each, Leaf, Rule, Send

_LASTING_TRIGGERS: Final = frozenset(
    {"customer.created", "customer.updated", "order.placed", "order.paid", "product.ordered", "order.refunded"}
)
_OF_THE_MOMENT: Final = ("order.", "cart.", "event.", "customer.spend_before")
_BY_ORDERS: Final = (
    "customer.spend",
    "customer.orders",
    "customer.items",
    "customer.average_order",
    "customer.largest_order",
    "customer.refunds",
    "customer.purchased",
)


def check_lasting(looking: Looking, never: set[str]) -> None:
    """A rule without anything of the moment in it, which sets what a segment could give; `never` ones left out."""
    for rule in looking.rule_set.rules:
        tests = [test for test, _ in every_test(rule.if_)]
        if rule.id in never or rule.when.name not in _LASTING_TRIGGERS or not tests or not _only_gives(rule):
            continue
        if any(_of_the_moment(test) for test in tests):
            continue
        by_orders = next((test for test in tests if test.field in _BY_ORDERS), None)
        if by_orders is not None and any(isinstance(action, AssignGroup) for action in rule.then):
            looking.say(
                "never_leaves",
                rule,
                f"this rule puts customers into a group by {by_orders.field} and never lets them out, also after a "
                "refund",
                _offer(rule),
                at=by_orders,
            )
        else:
            looking.say(
                "should_be_segment",
                rule,
                f"{tests[0].field} lasts, this rule looks at it only at {rule.when.name}, and what it set stays",
                _offer(rule),
                at=tests[0],
            )


def _of_the_moment(test: Leaf | Each) -> bool:
    return test.field.startswith(_OF_THE_MOMENT) or (isinstance(test, Leaf) and test.operator.startswith("crosses"))


def _only_gives(rule: Rule) -> bool:
    return all(not isinstance(action, Send) and action.after is None for action in rule.then)


def _offer(rule: Rule) -> str:
    return (
        f"make it a segment: under segments: write - {{id: {rule.id}, who: ..., group: ...}} with the same condition; "
        "if it is meant to stay for good, test the order (order.value, order.lines)"
    )
