"""Fixtures of the services' end-to-end tests."""

from collections.abc import AsyncIterator

import pytest

from headrace.runtime.settings import ServiceSettings
from tests.services.consumer_harness import Bench, bench_of


@pytest.fixture
async def bench(topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Real Kafka with fresh topics, and a simulated store with room for every call.

    Consumers in this process commit ten times as often: tests wait for the commit when they wait for what is done.
    """
    monkeypatch.setattr("headrace.consumer.loop._COMMIT_EVERY_S", 0.05)
    async with bench_of(topics_created) as one:
        yield one
