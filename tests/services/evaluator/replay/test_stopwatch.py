"""The stopwatch: parts add up, what is waited for is passed on as it is, an error ends a part too."""

import pytest

from services.evaluator.replay.stopwatch import Stopwatch


def test_of__part_that_comes_again__adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 3.0, 10.0, 10.5])
    monkeypatch.setattr("services.evaluator.replay.stopwatch.time.perf_counter", lambda: next(times))
    watch = Stopwatch()
    with watch.of("fold"):
        pass
    with pytest.raises(ValueError, match="gone"), watch.of("fold"):
        raise ValueError("gone")

    assert watch.seconds == {"fold": 2.5}


def test_waiting__for_some_things__gives_them_all_and_times_only_the_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def slowly() -> list[int]:
        now[0] += 1.0
        return [len(seen)]

    monkeypatch.setattr("services.evaluator.replay.stopwatch.time.perf_counter", lambda: now[0])
    watch, seen = Stopwatch(), list[list[int]]()
    for found in watch.waiting("read", (slowly() for _ in range(3))):
        seen.append(found)
        now[0] += 5.0

    assert seen == [[0], [1], [2]]
    assert watch.seconds == {"read": 3.0}
