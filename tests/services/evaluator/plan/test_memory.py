"""The most memory a process has had."""

from services.evaluator.plan.memory import peak_mb


def test_peak_mb__after_more_was_held__is_not_less() -> None:
    before = peak_mb()
    assert before > 0
    assert len(bytearray(before * 1024 * 1024)) > 0
    assert peak_mb() >= before
