"""Starts the consumer of any platform."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from headrace.consumer import dispatch
from headrace.contracts.actions import Platform
from headrace.platforms import http
from headrace.runtime.process import Running
from headrace.runtime.retry import RetryPolicy, decide_retry
from headrace.simulators.omnisend import Omnisend
from headrace.simulators.sendgrid import SendGrid
from services.actions.bootstrap import main_of, settings_for
from tests.services.consumer_harness import Bench, in_process

Start = Callable[[], AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(bench: Bench, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts the platform's consumer; its ledger stays from one start to the next.

    What failed is tried again soon, and jobs are quick.
    """
    kind = f"email-tags.{platform}"
    soon = RetryPolicy(first_delay_s=0.05, max_delay_s=0.5, deadline_s=60)
    monkeypatch.setattr(dispatch, "_BACK_OFF", soon)
    monkeypatch.setattr(http, "decide_retry", lambda _, *past, **said: decide_retry(soon, *past, **said))
    vendor = bench.simulator.vendors[platform]
    if isinstance(vendor, SendGrid | Omnisend):
        vendor.delay_s = 0.05

    @asynccontextmanager
    async def run() -> AsyncIterator[Running]:
        database = SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}")
        settings = settings_for([kind])(**bench.environment, database_url=database)
        async with in_process(lambda running: main_of([kind])([settings], running)) as running:
            yield running

    return run
