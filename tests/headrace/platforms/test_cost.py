"""What it costs to bring a plan to the vendors."""

from typing import get_args

import pytest

from headrace.contracts.actions import Platform
from headrace.platforms.cost import PACES, Cost, Writes, cost_of


@pytest.mark.parametrize(
    ("writes", "expected"),
    [
        (Writes(), Cost({}, 0.0)),
        (Writes(groups=1), Cost({"bigcommerce": 2}, 0.0)),
        # 1,000 writes of ten, and as many reads of our own echo; 2.5 calls a second are ours, 0.30 of them for groups.
        (Writes(groups=10_000), Cost({"bigcommerce": 2_000}, 22.2)),
        (Writes(attributes=10_000), Cost({"bigcommerce": 1_000}, 33.3)),
        (Writes(tags={"mailchimp": 4_800}), Cost({"mailchimp": 9_600}, 10.0)),
        (Writes(tags={"klaviyo": 600}), Cost({"klaviyo": 600}, 1.0)),
        (Writes(tags={"sendgrid": 6_001}), Cost({"sendgrid": 305}, 5.1)),
        (Writes(tags={"omnisend": 3_200, "klaviyo": 0}), Cost({"omnisend": 3_200}, 10.0)),
        (
            Writes(groups=10_000, attributes=10_000, tags={"mailchimp": 480}),
            Cost({"bigcommerce": 3_000, "mailchimp": 960}, 33.3),
        ),
    ],
)
def test_cost__by_writes__counts_calls_and_the_slowest_takes_the_time(writes: Writes, expected: Cost) -> None:
    assert cost_of(writes, share=0.5) == expected


def test_paces__every_platform_of_the_contracts_has_one() -> None:
    assert PACES.keys() == set(get_args(Platform))


def test_cost__larger_quota__is_quicker_with_the_same_calls() -> None:
    small, large = (cost_of(Writes(groups=10_000), share=0.5, quota=quota) for quota in (150, 450))
    assert (large.total, large.minutes) == (small.total, round(small.minutes / 3, 1))
