"""A partition that is behind and stands still is stuck; one that moves, or has nothing to do, is not."""

from tests.kill.progress import Progress, is_done


def test_look__stands_still_behind_its_log__stuck_after_the_deadline() -> None:
    progress = Progress(10.0, 100.0)
    assert progress.look(100.0, {0: 5, 1: 8}, {0: 9, 1: 8}) == []
    assert progress.look(110.0, {0: 5, 1: 8}, {0: 9, 1: 8}) == []
    assert progress.look(110.5, {0: 5, 1: 8}, {0: 9, 1: 8}) == [0]


def test_look__never_committed__counts_from_the_beginning() -> None:
    progress = Progress(10.0, 100.0)
    assert progress.look(109.0, {}, {0: 9}) == []
    assert progress.look(111.0, {}, {0: 9}) == [0]


def test_look__slow_but_moving__not_stuck() -> None:
    progress = Progress(10.0, 0.0)
    assert [progress.look(9.0 * at, {0: at}, {0: 99}) for at in range(5)] == [[]] * 5


def test_look__new_records_after_a_long_rest__counts_from_then() -> None:
    progress = Progress(10.0, 0.0)
    assert progress.look(50.0, {0: 9}, {0: 9}) == []
    assert progress.look(55.0, {0: 9}, {0: 12}) == []
    assert progress.look(61.0, {0: 9}, {0: 12}) == [0]


def test_is_done__one_behind__not_done() -> None:
    assert is_done({0: 3, 1: 4}, {0: 3, 1: 4})
    assert not is_done({0: 3}, {0: 3, 1: 4})
