"""Every verdict of the version check and the comparison, as rows."""

import pytest

from headrace.consumer.judge import Verdict, judge
from headrace.consumer.kind import Applied, Skip, Target

NEW, OLD = (1, 9, 0), (1, 3, 0)
GOLD = Target(NEW, "Gold", observed="")


@pytest.mark.parametrize(
    ("target", "applied", "fresh", "verdict"),
    [
        (GOLD, Applied(OLD, "Silver"), True, "write"),
        (GOLD, Applied(OLD, "Gold"), True, "unchanged"),
        (GOLD, Applied(NEW, "Gold"), False, "unchanged"),
        (GOLD, Applied(NEW, "Silver"), False, "write"),
        (Target(OLD, "Gold"), Applied(NEW, "Silver"), True, "stale"),
        (Target(OLD, "Gold"), Applied(None, None, "Silver", NEW), True, "stale"),
        (Target(OLD, skip=Skip("skipped", "x")), Applied(NEW, "Silver"), True, "stale"),
        (Target(NEW, skip=Skip("skipped", "x")), Applied(OLD, "Silver", "Gold", OLD), True, "skip"),
        (GOLD, Applied(OLD, "Silver", "Gold", NEW), True, "doubtful"),
        (Target(NEW, "Gold", observed="Press", overwrite=True), Applied(OLD, "Gold"), True, "doubtful"),
        (Target(NEW, "Gold", observed="Press", overwrite=True), Applied(OLD, "Silver"), True, "write"),
        (GOLD, Applied(), True, "write"),
        (GOLD, Applied(), False, "doubtful"),
        (Target(NEW, "Gold"), Applied(), True, "doubtful"),
        (Target(NEW, "Gold", observed="Gold"), Applied(), True, "unchanged"),
        (Target(NEW, "Gold", observed="Gold"), Applied(OLD, "Silver"), True, "doubtful"),
    ],
)
def test_judge__rows(target: Target, applied: Applied, *, fresh: bool, verdict: Verdict) -> None:
    assert judge(target, applied, fresh=fresh, reads_back=True) == verdict


def test_judge__a_kind_that_does_not_read_back__writes_in_doubt() -> None:
    assert judge(GOLD, Applied(), fresh=False, reads_back=False) == "write"
    assert judge(GOLD, Applied(OLD, "Gold", "Gold", NEW), fresh=True, reads_back=False) == "write"
    again = Target(NEW, "Gold", observed="Press", overwrite=True)
    assert judge(again, Applied(OLD, "Gold"), fresh=True, reads_back=False) == "write"
    seen_there = Target(NEW, "Gold", observed="Gold")
    assert judge(seen_there, Applied(OLD, "Silver"), fresh=True, reads_back=False) == "write"
