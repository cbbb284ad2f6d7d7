"""The evaluator as a bad release would start it: whatever is decided fails, for every customer.

For the tests of the dead-letter limit; nothing else differs.
"""

from typing import Any

from headrace.runtime.process import run_service
from services.evaluator import agent
from services.evaluator.bootstrap import run
from services.evaluator.settings import EvaluatorSettings


def fail(*_: Any, **__: Any) -> None:
    """Stands for `decide`."""
    raise ZeroDivisionError


if __name__ == "__main__":
    agent.decide = fail  # type: ignore[assignment]
    run_service("evaluator", EvaluatorSettings, run)
