"""What the local broker is told, and what a caller may tell it instead."""

from pathlib import Path

from headrace.runtime.broker_config import server_properties


def lines(**others: str | int | None) -> set[str]:
    named = {name.replace("_", "."): value for name, value in others.items()}
    return set(server_properties(Path("/data"), 1, 2, named).splitlines())


def test_server_properties__of_the_caller__win() -> None:
    assert "group.initial.rebalance.delay.ms=0" in lines()
    assert "group.initial.rebalance.delay.ms=9" in lines(group_initial_rebalance_delay_ms=9)
    assert "log.cleaner.backoff.ms=50" in lines(log_cleaner_backoff_ms=50)
    assert "log.dirs=/elsewhere" in lines(log_dirs="/elsewhere")


def test_server_properties__none__leaves_it_to_kafka() -> None:
    assert not any(line.startswith("group.initial.rebalance") for line in lines(group_initial_rebalance_delay_ms=None))
