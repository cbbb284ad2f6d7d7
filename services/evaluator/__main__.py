"""Starts the evaluator, `python -m services.evaluator`, or what the verbs `headrace replay` and `headrace state` start.

Everything the service is made of is in `bootstrap.py`, everything of the others in `replay/`.
"""

import sys


def main() -> None:
    """Without an argument: the service. Imports only what is asked for, since each process of a replay comes here."""
    if sys.argv[1:]:
        from services.evaluator.replay.verbs import run_verb  # noqa: PLC0415

        sys.exit(run_verb(sys.argv[1:]))
    from headrace.runtime.process import run_service  # noqa: PLC0415
    from services.evaluator.bootstrap import run  # noqa: PLC0415
    from services.evaluator.settings import EvaluatorSettings  # noqa: PLC0415

    run_service("evaluator", EvaluatorSettings, run)


if __name__ == "__main__":
    main()
