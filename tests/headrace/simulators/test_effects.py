"""Counting effects, and finding the id of one in what a vendor was given."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.effects import effect_id as id_of
from headrace.simulators.effects import Effects, Kept, effect_id
from tests.headrace.simulators.harness import Running

ONE = id_of("store:1", "rule:thanks", "mail", "order:7")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([ONE], ONE),
        ([f"<{ONE}@headrace>"], ONE),
        ([f"msg_{ONE}"], ONE),
        ([str(UUID(ONE))], ONE),
        (["thanks", f'{{"effect": "{ONE}"}}'], ONE),
        ([ONE + "0"], None),
        ([ONE[:-1]], None),
        ([None, 7, {}], None),
        ([], None),
    ],
)
def test_effect_id__in_what_a_vendor_is_given(texts: list[object], found: str | None) -> None:
    assert effect_id(*texts) == found


def test_effect__asked_twice_and_done_once__counts_as_one() -> None:
    effects = Effects()
    effects.ask("coupon", "HR-1")
    effects.ask("coupon", "HR-1")
    effects.take("coupon", "HR-1", NOW, percent=10)
    assert effects.rows() == [
        {
            "sink": "coupon",
            "id": "HR-1",
            "to": "",
            "at": "2026-01-01T00:00:00Z",
            "count": 1,
            "asked": 2,
            "dropped": 0,
            "percent": 10,
        }
    ]


def test_effect__asked_and_never_done__is_no_effect() -> None:
    effects = Effects()
    effects.ask("smtp", ONE)
    assert effects.rows() == []
    assert effects.totals()["smtp"] == {"asked": 1, "count": 0, "dropped": 0, "most": 0}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans()), max_size=30))
def test_totals__are_the_sums_of_the_rows(taken: list[tuple[str, str, bool]]) -> None:
    effects, heard = Effects(), list[Kept]()
    effects.listeners.append(heard.append)
    for sink, name, reaches in taken:
        effects.take(sink, name, NOW, reaches=reaches)
    rows, totals = effects.rows(), effects.totals()
    assert sum(row["count"] for row in rows) == len(taken) == len(heard)
    for sink in {row["sink"] for row in rows}:
        mine = [row for row in rows if row["sink"] == sink]
        assert totals[sink]["count"] == sum(row["count"] for row in mine)
        assert totals[sink]["dropped"] == sum(row["dropped"] for row in mine)
        assert totals[sink]["most"] == max(row["count"] for row in mine)
        assert len(effects.of(sink)) == len(mine)


async def test_truth_and_calls__nothing_done__every_sink_holds_0(running: Running) -> None:
    truth, calls = await running.sim("GET", "/truth"), await running.sim("GET", "/calls")
    assert (truth["effects"], truth["coupons"]) == ([], [])
    assert set(calls["effects"]) == {"smtp", "sendgrid", "mailchimp", "klaviyo", "omnisend", "coupon", "webhook"}
    assert all(not any(counts.values()) for counts in calls["effects"].values())
