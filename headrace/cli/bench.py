"""`headrace bench engine | decide`: starts the benchmarks of a checkout as a child; they are not part of the package.

What is measured and printed is theirs (`benchmarks/`).
"""

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from headrace.cli.output import EXIT_UNAVAILABLE, CliError, JsonOption

_ROOT: Final = Path(__file__).resolve().parents[2]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="Measure: the engine beside its peers, one decision.", no_args_is_help=True)
    group.command("engine")(engine)
    group.command("decide")(decide)
    app.add_typer(group, name="bench")


def engine(
    rounds: Annotated[int, typer.Option(min=1, help="How often each system runs, in turns.")] = 3,
    events: Annotated[int, typer.Option(min=1, help="Faust, which would take minutes, gets an eighth.")] = 240_000,
    customers: Annotated[int | None, typer.Option(min=1, help="Default: a twelfth of the events.")] = None,
    systems: Annotated[str | None, typer.Option(help="Names with commas between them; default: all.")] = None,
    json: JsonOption = False,
) -> int:
    """Fold the workload "long" in our engine, Faust, Quix Streams and Kafka Streams on one broker."""
    options = ["--rounds", str(rounds), "--events", str(events)]
    if customers is not None:
        options += ["--customers", str(customers)]
    if systems is not None:
        options += ["--systems", systems]
    if json:
        options.append("--json")
    return _run("benchmarks.engine.run", *options)


def decide() -> int:
    """Say what one decision costs: decode, decide, encode."""
    return _run("benchmarks.core.bench_decide")


def _run(module: str, *options: str) -> int:
    """The child's exit code; its output is ours."""
    if not (_ROOT / f"{module.replace('.', '/')}.py").is_file():
        raise CliError(
            "no_checkout",
            "the benchmarks are not part of the installed package",
            hint="clone the repository, `make setup`, and run .venv/bin/headrace bench there",
            exit_code=EXIT_UNAVAILABLE,
        )
    return subprocess.run([sys.executable, "-m", module, *options], cwd=_ROOT, check=False).returncode
