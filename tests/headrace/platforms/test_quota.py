"""The vendor's window never holds more of our calls than our share, whatever the network and the clocks do."""

import heapq
import math
import random
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.platforms.quota import QuotaReply, Windows, read_quota

HEADERS = {
    "x-rate-limit-time-window-ms": "30000",
    "x-rate-limit-time-reset-ms": "12500",
    "x-rate-limit-requests-quota": "450",
    "x-rate-limit-requests-left": "449",
}


def test_read_quota__headers_of_a_reply__in_seconds() -> None:
    assert read_quota(HEADERS) == QuotaReply(window_s=30.0, reset_s=12.5, quota=450, left=449)


def test_read_quota__absent_or_senseless__none() -> None:
    assert read_quota({}) is None
    assert read_quota(HEADERS | {"x-rate-limit-requests-quota": "many"}) is None
    assert read_quota(HEADERS | {"x-rate-limit-time-window-ms": "0"}) is None
    assert read_quota(HEADERS | {"x-rate-limit-time-reset-ms": "999999"}) is None


def test_windows__before_the_first_headers__one_call_at_a_time() -> None:
    windows = Windows(0.5)
    first = windows.take(0.0)
    assert isinstance(first, int)
    assert isinstance(windows.take(0.0), float)
    windows.give_back(first, 0.1)
    assert isinstance(windows.take(0.1), int)


def test_windows__started_late_in_a_window__uses_only_what_is_left_of_it() -> None:
    windows = Windows(0.5)
    ticket = windows.take(0.0)
    assert isinstance(ticket, int)
    windows.give_back(ticket, 0.1, QuotaReply(window_s=30, reset_s=3, quota=100, left=99))
    assert 1 <= windows.allowance() <= 5
    assert _fill(windows, 40.0) == 50


def test_windows__others_used_the_quota_up__waits_for_the_reset() -> None:
    windows = _learned(QuotaReply(window_s=30, reset_s=30, quota=450, left=449))
    ticket = windows.take(1.0)
    assert isinstance(ticket, int)
    windows.give_back(ticket, 1.1, QuotaReply(window_s=30, reset_s=28.9, quota=450, left=3))
    wait = windows.take(1.2)
    assert isinstance(wait, float)
    assert 28 < wait < 30


def test_windows__a_call_in_flight_over_the_boundary__counts_in_the_new_window_too() -> None:
    windows = _learned(QuotaReply(window_s=30, reset_s=30, quota=10, left=9))
    ticket = windows.take(29.0)
    assert isinstance(ticket, int)
    assert _fill(windows, 31.0) == 4
    windows.give_back(ticket, 31.1)
    assert _fill(windows, 31.2) == 0, "no headers, no word: it may have landed at 30.5"


def test_windows__a_reply_that_names_the_old_window__gives_the_place_back() -> None:
    windows = _learned(QuotaReply(window_s=30, reset_s=30, quota=10, left=9))
    ticket = windows.take(28.0)
    assert isinstance(ticket, int)
    assert _fill(windows, 30.6) == 4
    windows.give_back(ticket, 30.7, QuotaReply(window_s=30, reset_s=1.9, quota=10, left=3))
    assert _fill(windows, 30.8) == 1


def test_pace__most_of_the_window_used_at_its_begin__asks_for_a_pause() -> None:
    windows = _learned(QuotaReply(window_s=30, reset_s=30, quota=100, left=99))
    assert windows.pace(0.2) == 0.0
    for _ in range(40):
        assert isinstance(windows.take(0.2), int)
    assert 5 < windows.pace(0.3) < 30


def _learned(reply: QuotaReply) -> Windows:
    """Accounting of half the quota that has seen one reply, at 0.0, and none before."""
    windows = Windows(0.5)
    ticket = windows.take(0.0)
    assert isinstance(ticket, int)
    windows.give_back(ticket, 0.0, reply)
    return windows


def _fill(windows: Windows, now: float) -> int:
    count = 0
    while isinstance(windows.take(now), int):
        count += 1
        assert count < 10_000
    return count


@dataclass
class Vendor:
    """Counts calls where they land. Its windows drift against our clock and its stated reset is a little off."""

    window_s: float
    quota: int
    others: float
    first_end: float
    drift: float
    skew: float
    rng: random.Random
    ours: Counter[int] = field(default_factory=Counter)

    def land(self, at: float) -> QuotaReply:
        length = self.window_s * (1 + self.drift)
        index = math.floor((at - self.first_end) / length) + 1
        self.ours[index] += 1
        reset = self.first_end + index * length - at + self.skew * self.rng.uniform(-1, 1)
        left = max(0, int(self.quota * (1 - self.others)) - self.ours[index])
        return QuotaReply(self.window_s, max(0, math.floor(reset * 1000)) / 1000, self.quota, left)


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32),
    window_ms=st.sampled_from([250, 500, 1000, 30_000]),
    quota=st.integers(4, 450),
    share=st.floats(0.01, 1.0),
    others=st.sampled_from([0.0, 0.4, 0.9]),
    drift=st.floats(-0.0005, 0.0005),
    latency=st.sampled_from([0.002, 0.05, 0.4]),
    gap=st.sampled_from([0.0, 0.01, 0.3, 5.0]),
    lost=st.sampled_from([0.0, 0.2]),
)
def test_windows__any_interleaving__no_window_holds_more_than_the_allowance(
    seed: int,
    window_ms: int,
    quota: int,
    share: float,
    others: float,
    drift: float,
    latency: float,
    gap: float,
    lost: float,
) -> None:
    rng = random.Random(seed)
    window_s = window_ms / 1000
    vendor = Vendor(window_s, quota, others, rng.uniform(0.001, window_s), drift, min(0.04, window_s * 0.004), rng)
    windows = Windows(share)
    sent = _run(windows, vendor, rng, latency=latency, gap=gap, lost=lost)
    allowed = max(1, math.floor(quota * share + 1e-9))
    assert sent > 0
    assert max(vendor.ours.values()) <= max(allowed, 1), (vendor.ours.most_common(3), allowed)


def _run(windows: Windows, vendor: Vendor, rng: random.Random, *, latency: float, gap: float, lost: float) -> int:
    """Eight callers that call as often as they may; calls land, and replies arrive, in any order."""
    now, sent = 0.0, 0
    events: list[tuple[float, int, int, QuotaReply | None]] = []
    landings: list[tuple[float, int, float, int]] = []
    in_flight = 0
    while sent < 400 and now < 40 * vendor.window_s:
        answer = windows.take(now) if in_flight < 8 else math.inf
        if isinstance(answer, int):
            sent += 1
            in_flight += 1
            there, back = (rng.expovariate(1 / latency) for _ in range(2))
            heapq.heappush(landings, (now + there, sent, now + there + back, answer))
            step = rng.expovariate(1 / gap) if gap else 0.0
        else:
            step = min(answer, vendor.window_s)
        until = now + max(step, 1e-6)
        if landings and answer == math.inf:
            until = max(now, min(landing[0] for landing in landings))
        if events and answer == math.inf:
            until = min(until, events[0][0]) if landings else events[0][0]
        in_flight -= _deliver(windows, vendor, rng, until, lost, landings, events)
        now = until
    return sent


def _deliver(
    windows: Windows,
    vendor: Vendor,
    rng: random.Random,
    until: float,
    lost: float,
    landings: list[tuple[float, int, float, int]],
    events: list[tuple[float, int, int, QuotaReply | None]],
) -> int:
    done = 0
    while landings and landings[0][0] <= until:
        at, number, back, ticket = heapq.heappop(landings)
        reply = vendor.land(at)
        heapq.heappush(events, (back, number, ticket, None if number > 1 and rng.random() < lost else reply))
    while events and events[0][0] <= until:
        at, _, ticket, answer = heapq.heappop(events)
        windows.give_back(ticket, at, answer)
        done += 1
    return done


def test_windows__vendor_states_no_quota__old_calls_are_forgotten() -> None:
    windows = Windows(0.5)
    for second in range(5_000):
        ticket = windows.take(float(second))
        assert isinstance(ticket, int)
        windows.give_back(ticket, second + 0.1)
    assert windows.used() <= 301
