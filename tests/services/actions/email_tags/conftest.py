"""Starts the consumer of any platform."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from headrace.contracts.actions import Platform
from headrace.runtime.process import Running
from services.actions.bootstrap import main_of, settings_for
from tests.services.consumer_harness import Bench, in_process

Start = Callable[[], AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(bench: Bench, platform: Platform, tmp_path: Path) -> Start:
    """Starts the platform's consumer; its ledger stays from one start to the next."""
    kind = f"email-tags.{platform}"

    @asynccontextmanager
    async def run() -> AsyncIterator[Running]:
        database = SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}")
        settings = settings_for([kind])(**bench.environment, database_url=database)
        async with in_process(lambda running: main_of([kind])([settings], running)) as running:
            yield running

    return run
