"""What the engine's tests share: topics and workers of a test's own, and taking cures out."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine import cures
from tests.services.evaluator.engine.harness import Workers, create_topics


@pytest.fixture
def settings(kafka_settings: ServiceSettings) -> ServiceSettings:
    """Settings for the real Kafka with the engine's topics created; a file that needs others has its own."""
    create_topics(kafka_settings)
    return kafka_settings


@pytest.fixture
def workers(settings: ServiceSettings, tmp_path: Path) -> Iterator[Workers]:
    """None yet; those that the test starts are killed at its end."""
    started = Workers(settings, tmp_path)
    yield started
    started.kill_all()


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Takes cures out until the test ends, here and in the processes that it starts."""

    def take_out(names: str) -> None:
        monkeypatch.setenv(cures.DISABLE, names)
        cures.read_switch()

    yield take_out
    monkeypatch.undo()
    cures.read_switch()
