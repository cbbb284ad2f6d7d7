"""The quota's busy windows: whole ones only, and only those in which enough waited at every look."""

from itertools import pairwise
from typing import Any

from headrace.demo.pressure import Pressure, batch_mean, note, others_share, share_used


def look(*windows: tuple[int, int], calls: int = 0, customers: int = 0) -> dict[str, Any]:
    rows = [{"index": index, "ours": ours, "others": 40, "quota": 100} for index, ours in windows]
    return {"quota": {"windows": rows}, "group_writes": {"calls": calls, "customers": customers}}


def test_note__busy_over_several_windows__the_whole_ones_count() -> None:
    pressure = Pressure()
    looks = [look((0, 10)), look((0, 50)), look((0, 60), (1, 20)), look((1, 54)), look((1, 54), (2, 54)), look((3, 5))]
    for before, after in pairwise(looks):
        note(pressure, before, after, busy=True)
    assert pressure.windows == {1: (54, 40, 100), 2: (54, 40, 100)}
    assert share_used([pressure], 0.6) == 108 / 120
    assert others_share([pressure]) == 0.4


def test_note__one_look_in_a_window_was_not_busy__the_window_does_not_count() -> None:
    pressure = Pressure()
    looks = [look((0, 1)), look((1, 1)), look((1, 2)), look((2, 1)), look((3, 1))]
    for number, (before, after) in enumerate(pairwise(looks)):
        note(pressure, before, after, busy=number != 1)
    assert set(pressure.windows) == {2}


def test_note__batches__are_counted_while_busy_only() -> None:
    pressure = Pressure()
    note(pressure, look(calls=0, customers=0), look(calls=2, customers=20), busy=True)
    note(pressure, look(calls=2, customers=20), look(calls=9, customers=27), busy=False)
    assert batch_mean([pressure]) == 10
    assert batch_mean([Pressure()]) is None
    assert share_used([Pressure()], 0.5) is None


def test_shares__two_stores__each_with_its_own_windows_and_the_whole_quota() -> None:
    one, other = Pressure(group_calls=1, group_customers=10), Pressure(group_calls=3, group_customers=6)
    for pressure, ours in ((one, 60), (other, 30)):
        pressure.busy = {0: True, 1: True, 2: True}
        pressure.seen = dict.fromkeys(range(3), (ours, 40, 100))
    assert share_used([one, other], 0.6) == 90 / 120
    assert others_share([one, other]) == 0.4
    assert batch_mean([one, other]) == 4
