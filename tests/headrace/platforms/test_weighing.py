"""Replicas of a role divide its part of our share of a store's quota by the partitions they hold."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.platforms.quota import QuotaReply, Windows
from tests.headrace.platforms.test_borrowing import AT_ONCE, PARTS, SHARE, WINDOW_S, Role, Store, always, run

PARTITIONS = 12
ROLE = "group"


def learned(part: float, *, quota: int = 450) -> Windows:
    """In its second window, at 31 s."""
    windows = Windows(SHARE, part)
    ticket = windows.take(0.0)
    assert isinstance(ticket, int)
    windows.give_back(ticket, 0.1, QuotaReply(WINDOW_S, WINDOW_S, quota, quota - 1))
    windows.cancel(_taken(windows, 31.0))
    return windows


def _taken(windows: Windows, now: float) -> int:
    ticket = windows.take(now)
    assert isinstance(ticket, int)
    return ticket


@given(
    held=st.lists(st.integers(0, PARTITIONS), min_size=1, max_size=8).filter(any),
    part=st.floats(0.05, 1.0),
    quota=st.integers(300, 5000),
)
def test_weigh__any_split_of_the_partitions__sum_is_the_weight(held: list[int], part: float, quota: int) -> None:
    """But for what is rounded down, and the one call of those that hold nothing."""
    replicas = [learned(part, quota=quota) for _ in held]
    for replica, number in zip(replicas, held, strict=True):
        replica.weigh(number / sum(held), 31.0)
    assert sum(replica._part for replica in replicas) == pytest.approx(part)
    whole = learned(part, quota=quota).allowance()
    busy = sum(replica.allowance() for replica, number in zip(replicas, held, strict=True) if number)
    too_few = sum(1 for number in held if number and quota * SHARE * part * number / sum(held) < 1)
    assert whole - len(held) <= busy <= whole + too_few
    assert all(replica.allowance() == 1 for replica, number in zip(replicas, held, strict=True) if not number)


def test_weigh__less__from_now_on() -> None:
    windows = learned(1.0)
    windows.weigh(0.5, 31.0)
    assert windows.allowance() == 112


def test_weigh__more__from_the_next_window_on() -> None:
    """In this one the replica that is gone has used its part."""
    windows = learned(1.0)
    windows.weigh(1 / 3, 31.0)
    windows.weigh(1.0, 31.0)
    assert windows.allowance() == 75
    windows.cancel(_taken(windows, 61.0))
    assert windows.allowance() == 225


@dataclass
class Replica(Role):
    """A role's process; `held`: from these moments on it has so many of the partitions."""

    held: list[tuple[float, int]] = field(default_factory=list)

    def wants(self, at: float) -> bool:
        """Nothing while it holds nothing."""
        while len(self.held) > 1 and self.held[1][0] <= at:
            del self.held[0]
            self.windows.weigh(self.held[0][1] / PARTITIONS, at)
        return self.held[0][1] > 0 and super().wants(at)


def replicas_of(split: Sequence[tuple[float, Sequence[int]]], windows: int) -> list[Role]:
    """Of one role, always hungry; who has how many partitions at the beginning and after each rebalance."""
    made: list[Role] = []
    for at in range(len(split[0][1])):
        held = [(moment, numbers[at]) for moment, numbers in split]
        accounting = Windows(SHARE, PARTS[ROLE])
        accounting.weigh(held[0][1] / PARTITIONS, 0.0)
        made.append(Replica(f"{ROLE}{at}", accounting, AT_ONCE[ROLE], always(windows), held=held))
    return made


def others(windows: int) -> list[Role]:
    """All other roles, always hungry."""
    return [
        Role(name, Windows(SHARE, part), AT_ONCE[name], always(windows)) for name, part in PARTS.items() if name != ROLE
    ]


@pytest.mark.parametrize("numbers", [(12,), (6, 6), (4, 4, 4), (1, 11), (12, 0)])
def test_replicas__everybody_busy__role_has_its_part_and_the_share_is_kept(numbers: tuple[int, ...]) -> None:
    store, replicas = Store(450, 0.4, at_end=False), replicas_of([(0.0, numbers)], 6)
    roles = [*replicas, *others(6)]
    run(store, roles, random.Random(3), latency=0.1, until=6)
    assert max(store.history) <= int(450 * SHARE) + len(roles), "each asks once what is left"
    assert store.refused_to_others == 0
    for index in range(2, 6):
        used = sum(role.used.get(index, 0) for role in replicas)
        assert 0.9 * math.floor(450 * SHARE * PARTS[ROLE]) <= used


@pytest.mark.parametrize("numbers", [(6, 6), (4, 4, 4)])
def test_replicas__nobody_else_calls__use_the_whole_share_and_no_more(numbers: tuple[int, ...]) -> None:
    store, replicas = Store(450, 0.0, at_end=False), replicas_of([(0.0, numbers)], 6)
    run(store, replicas, random.Random(4), latency=0.1, until=6)
    share = int(450 * SHARE)
    assert max(store.history) <= share + len(replicas)
    assert min(store.history[2:]) >= 0.95 * share, store.history


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    rebalances=st.lists(
        st.tuples(st.floats(0, 180), st.integers(0, PARTITIONS), st.integers(0, PARTITIONS)), max_size=4
    ),
    latency=st.sampled_from([0.02, 0.1, 0.4]),
)
def test_replicas__rebalanced_at_any_moment__share_is_kept_but_for_calls_on_the_way(
    seed: int, rebalances: list[tuple[float, int, int]], latency: float
) -> None:
    """Everybody is always busy. A replica that takes partitions over has what is theirs when the next window opens."""
    split = [(0.0, (PARTITIONS, 0, 0))]
    for moment, first, second in sorted(rebalances):
        rest = PARTITIONS - first
        split.append((moment, (first, min(second, rest), max(0, rest - second))))
    store = Store(450, 0.4, at_end=False)
    run(store, [*replicas_of(split, 6), *others(6)], random.Random(seed), latency=latency, until=6)
    share, on_the_way = int(450 * SHARE), sum(AT_ONCE.values()) + 2 * AT_ONCE[ROLE]
    assert max(store.history) <= share + max(on_the_way, share // 10), store.history
    assert store.refused_to_others == 0
