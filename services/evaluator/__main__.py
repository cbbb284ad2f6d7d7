"""Starts the evaluator: `python -m services.evaluator`.

Everything it is made of is in `bootstrap.py`.
"""

from headrace.runtime.process import run_service
from services.evaluator.bootstrap import run
from services.evaluator.settings import EvaluatorSettings

if __name__ == "__main__":
    run_service("evaluator", EvaluatorSettings, run)
