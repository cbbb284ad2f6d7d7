"""What the tests of the cures share: taking one out."""

from collections.abc import Callable, Iterator

import pytest

from services.evaluator.engine import cures


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Takes cures out until the test ends, here and in the processes that it starts."""

    def take_out(names: str) -> None:
        monkeypatch.setenv(cures.DISABLE, names)
        cures.read_switch()

    yield take_out
    monkeypatch.undo()
    cures.read_switch()
