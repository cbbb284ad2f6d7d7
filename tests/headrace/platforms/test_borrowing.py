"""Several roles share a store's window without a word between them: what each has for sure, and what they borrow."""

import heapq
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.platforms.borrowing import View, held, may_borrow, opens_at, room
from headrace.platforms.quota import QuotaReply, Windows

PARTS: Mapping[str, float] = {"hydrate": 0.4, "feed": 0.1, "group": 0.3, "attributes": 0.2}
AT_ONCE: Mapping[str, int] = {"hydrate": 8, "feed": 8, "group": 3, "attributes": 3}
SHARE = 0.5
WINDOW_S = 30.0


@pytest.mark.parametrize(("elapsed", "part"), [(0.0, 1.0), (0.5, 1.0), (0.7, 0.5), (0.9, 0.0), (1.0, 0.0)])
def test_held__rights_to_unused_calls__end_before_the_window_does(elapsed: float, part: float) -> None:
    assert held(elapsed) == pytest.approx(part)


def test_room__early__only_what_the_others_have_no_right_to() -> None:
    assert room(100, 0.3, 30, 0.4) == 0
    assert room(100, 0.3, 30, 0.7) == pytest.approx(35)
    assert room(100, 0.3, 30, 0.95) == 70


def test_may_borrow__some_of_what_is_free_at_a_time() -> None:
    view = View(20, 0.0)
    assert may_borrow(100, 0.2, view, 23, 0.95)
    assert not may_borrow(100, 0.2, view, 24, 0.95)
    assert may_borrow(100, 0.3, View(99, 0.0), 0, 0.95)
    assert not may_borrow(100, 0.3, View(100, 0.0), 0, 0.95)


def test_opens_at__is_where_one_call_is_free() -> None:
    at = opens_at(100, 0.3, 40)
    assert room(100, 0.3, 40, at) == pytest.approx(1)
    assert opens_at(100, 0.3, 100) == math.inf


@dataclass
class Store:
    """The vendor's windows, exact; another app that takes `others` of each, evenly or at its very end."""

    quota: int
    others: float
    at_end: bool
    window: int = 0
    by_others: int = 0
    ours: int = 0
    refused_to_others: int = 0
    history: list[int] = field(default_factory=list)

    def land(self, at: float) -> QuotaReply:
        """One call of ours."""
        self.move_to(at)
        reset = (self.window + 1) * WINDOW_S - at
        if self.ours + self.by_others < self.quota:
            self.ours += 1
        return QuotaReply(WINDOW_S, reset, self.quota, max(0, self.quota - self.ours - self.by_others))

    def move_to(self, at: float) -> None:
        """Lets the other app call until then."""
        index = int(at // WINDOW_S)
        while self.window < index:
            self._others(1.0)
            self.history.append(self.ours)
            self.window, self.ours, self.by_others = self.window + 1, 0, 0
        self._others(at / WINDOW_S - index)

    def _others(self, elapsed: float) -> None:
        due = int(self.quota * self.others * (max(0.0, elapsed - 0.95) / 0.05 if self.at_end else elapsed))
        free = self.quota - self.ours - self.by_others
        wanted = due - self.by_others
        self.by_others += max(0, min(wanted, free))
        self.refused_to_others += max(0, wanted - max(0, free)) if elapsed == 1.0 else 0


@dataclass
class Role:
    """One process: hungry in some windows, from some moment of them on."""

    name: str
    windows: Windows
    at_once: int
    hungry: Mapping[int, float]
    used: dict[int, int] = field(default_factory=dict)

    def wants(self, at: float) -> bool:
        """True when it has something to ask."""
        index = int(at // WINDOW_S)
        return at / WINDOW_S - index >= self.hungry.get(index, 2.0)


def run(store: Store, roles: Sequence[Role], rng: random.Random, *, latency: float, until: int) -> None:
    """All of them call as often as they may and want."""
    order = count()
    events: list[tuple[float, int, str, Role, int, QuotaReply | None]] = []
    flying = dict.fromkeys((role.name for role in roles), 0)

    def look(role: Role, at: float) -> None:
        heapq.heappush(events, (at, next(order), "look", role, 0, None))

    for role in roles:
        look(role, rng.uniform(0.0, 0.1))
    while events and events[0][0] < until * WINDOW_S:
        at, _, what, role, ticket, reply = heapq.heappop(events)
        if what == "land":
            back = (at + rng.expovariate(1 / latency), next(order), "back", role, ticket, store.land(at))
            role.used[store.window] = role.used.get(store.window, 0) + 1
            heapq.heappush(events, back)
            continue
        if what == "back":
            flying[role.name] -= 1
            role.windows.give_back(ticket, at, reply)
        if not role.wants(at):
            look(role, at + rng.uniform(0.05, 0.3)) if what == "look" else None
            continue
        while flying[role.name] < role.at_once:
            answer = role.windows.take(at)
            if isinstance(answer, float):
                if what == "look" or not flying[role.name]:
                    look(role, at + max(answer, 0.001))
                break
            flying[role.name] += 1
            landing = at + rng.expovariate(1 / latency)
            heapq.heappush(events, (landing, next(order), "land", role, answer, None))
        else:
            look(role, at + 0.2) if what == "look" else None
    store.move_to(until * WINDOW_S)


def roles_of(hungry: Mapping[str, Mapping[int, float]]) -> list[Role]:
    return [Role(name, Windows(SHARE, part), AT_ONCE[name], hungry.get(name, {})) for name, part in PARTS.items()]


def always(windows: int) -> dict[int, float]:
    return dict.fromkeys(range(windows), 0.0)


@pytest.mark.parametrize("quota", [150, 450])
@pytest.mark.parametrize("name", ["hydrate", "group", "attributes"])
def test_one_role_alone__quiet_store__uses_our_whole_share(quota: int, name: str) -> None:
    store = Store(quota, 0.0, at_end=False)
    run(store, roles_of({name: always(6)}), random.Random(1), latency=0.1, until=6)
    share = int(quota * SHARE)
    assert max(store.history) <= share
    assert min(store.history[2:]) >= 0.95 * share, store.history


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("quota", [150, 450])
def test_all_roles__busy_store__each_has_its_part_and_the_other_app_all_it_needs(quota: int, *, at_end: bool) -> None:
    store = Store(quota, 0.4, at_end=at_end)
    roles = roles_of({name: always(6) for name in PARTS})
    run(store, roles, random.Random(2), latency=0.1, until=6)
    assert store.refused_to_others == 0
    assert max(store.history) <= int(quota * SHARE) + len(roles), "each asks once what is left"
    for role in roles:
        assert min(role.used[index] for index in range(2, 6)) >= 0.9 * math.floor(quota * SHARE * role.windows._part)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    quota=st.sampled_from([150, 450]),
    others=st.sampled_from([0.0, 0.2, 0.4]),
    at_end=st.booleans(),
    latency=st.sampled_from([0.02, 0.1, 0.4]),
)
def test_any_roles_and_hunger__share_is_kept_but_for_calls_on_the_way(
    seed: int, quota: int, others: float, latency: float, *, at_end: bool
) -> None:
    """Roles become hungry in any windows from any moment of them on: never more than the share and what was on the
    way when it was looked at; another app that needs 40 % is refused nothing."""
    rng = random.Random(seed)
    hungry = {name: {i: rng.choice([0.0, 0.0, rng.random()]) for i in range(5) if rng.random() < 0.7} for name in PARTS}
    store = Store(quota, others, at_end=at_end)
    run(store, roles_of(hungry), rng, latency=latency, until=5)
    share, on_the_way = int(quota * SHARE), sum(AT_ONCE.values())
    assert max(store.history) <= share + max(on_the_way, share // 10), store.history
    assert store.refused_to_others == 0
