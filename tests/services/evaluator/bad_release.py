"""The evaluator as a bad release would start it: whatever is decided fails, or nothing gets on (`BAD_RELEASE=stuck`).

For the tests of what stops a worker and of what tells that one stands still; nothing else differs.
"""

import asyncio
import os
from typing import Any

from headrace.runtime.process import run_service
from services.evaluator import agent
from services.evaluator.bootstrap import run
from services.evaluator.settings import EvaluatorSettings


def fail(*_: Any, **__: Any) -> None:
    """Stands for `decide`."""
    raise ZeroDivisionError


async def wait_for_ever(*_: Any) -> None:
    """Stands for `prepare`."""
    await asyncio.Event().wait()


if __name__ == "__main__":
    if os.environ.get("BAD_RELEASE") == "stuck":
        agent.PartitionCustomers.prepare = wait_for_ever  # type: ignore[assignment,method-assign]
    else:
        agent.decide = fail  # type: ignore[assignment,attr-defined]
    run_service("evaluator", EvaluatorSettings, run)
