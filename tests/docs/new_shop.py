"""The shop of `docs/tutorial.md`: the customers of the plan's page, without any rules yet, evaluated meanwhile."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from headrace.runtime.settings import ServiceSettings
from tests.docs.planned_shop import STORE, records
from tests.services.evaluator.service import committed_lag, publish, until


def open_new_shop(settings: ServiceSettings, folder: Path) -> subprocess.Popen[bytes]:
    """An evaluator that has read the shop's log, to be killed by the caller."""
    process = _evaluator(settings, folder)
    asyncio.run(_fill(settings.model_copy(update={"store": STORE})))
    return process


def _evaluator(settings: ServiceSettings, folder: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": settings.topic_prefix,
        "HEADRACE_STORE": STORE,
        "HEADRACE_PARENT_PID": str(os.getpid()),
    }
    with (folder / "evaluator.log").open("ab") as sink:
        return subprocess.Popen([sys.executable, "-m", "services.evaluator"], env=environment, stdout=sink, stderr=sink)


async def _fill(settings: ServiceSettings) -> None:
    await publish(settings, records())

    async def done() -> bool:
        return await committed_lag(settings) == 0

    await until("the evaluator to see the shop's log", done)
