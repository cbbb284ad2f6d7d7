"""`headrace bench ...`: starts the benchmarks of a checkout as a child; they are not part of the package.

What is measured and printed is theirs (`benchmarks/`); an option that is not given is theirs to choose too.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from headrace.cli.output import EXIT_UNAVAILABLE, CliError, JsonOption

_ROOT: Final = Path(__file__).resolve().parents[2]

Rounds = Annotated[int | None, typer.Option(min=1, help="How often each system runs, in turns; default 3.")]
Events = Annotated[int | None, typer.Option(min=1, help="How many events; default: the benchmark's own.")]
Systems = Annotated[str | None, typer.Option(help="Names with commas between them; default: all.")]
Keep = Annotated[bool, typer.Option("--keep", help="Also keep the result under docs/reports/bench/.")]
PySpy = Annotated[str | None, typer.Option(help="Where py-spy is; default: the PATH.")]


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="Measure the engine beside its peers, and its parts.", no_args_is_help=True)
    verbs = (engine, large, latency, restore, memory, scale, scale_path, path, replay, plan, consumer, profile, decide)
    for verb in (*verbs, templates, page):
        group.command(verb.__name__.replace("_", "-"))(verb)
    app.add_typer(group, name="bench")


def engine(
    rounds: Rounds = None,
    events: Events = None,
    customers: Annotated[int | None, typer.Option(min=1, help="Default: a twelfth of the events.")] = None,
    systems: Systems = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Fold the workload "long" in our engine, Faust, Quix Streams and Kafka Streams on one broker."""
    options = {"rounds": rounds, "events": events, "customers": customers, "systems": systems}
    return _run("benchmarks.engine.run", {**options, "keep": keep, "json": json})


def large(rounds: Rounds = None, systems: Systems = None, keep: Keep = False, json: JsonOption = False) -> int:
    """Fold 2,000,000 events over 200,000 customers."""
    options = {"rounds": rounds, "workload": "large", "systems": systems}
    return _run("benchmarks.engine.run", {**options, "keep": keep, "json": json})


def latency(
    rounds: Rounds = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Events a second for all; default 10000.")] = None,
    seconds: Annotated[int | None, typer.Option(min=1, help="How long each load counts; default 10.")] = None,
    events: Events = None,
    systems: Systems = None,
    prototype: Annotated[Path | None, typer.Option(help="The prototype's script, to be measured beside.")] = None,
    commit_ms: Annotated[int | None, typer.Option(min=1, help="Of peers that run at least once; default 1000.")] = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Measure event to committed output, and CPU, at one rate and at half of each system's full speed."""
    options = {"rounds": rounds, "rate": rate, "seconds": seconds, "events": events, "systems": systems}
    place = prototype.absolute() if prototype else None
    more = {"prototype": place, "commit-ms": commit_ms, "keep": keep, "json": json}
    return _run("benchmarks.engine.latency", {**options, **more})


def restore(
    rounds: Rounds = None,
    keys: Annotated[int | None, typer.Option(min=1, help="How many states come back; default 200000.")] = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Measure how fast a state comes back, beside plain reading and Kafka Streams."""
    return _run("benchmarks.engine.restore", {"rounds": rounds, "keys": keys, "keep": keep, "json": json})


def memory(systems: Systems = None, keep: Keep = False, json: JsonOption = False) -> int:
    """Measure memory with a million customers."""
    options = {"rounds": 1, "workload": "million", "systems": systems}
    return _run("benchmarks.engine.run", {**options, "keep": keep, "json": json})


def scale(rounds: Rounds = None, events: Events = None, keep: Keep = False, json: JsonOption = False) -> int:
    """Measure two workers on two cores beside one, with the workload "long"."""
    return _run("benchmarks.engine.scale", {"rounds": rounds, "events": events, "keep": keep, "json": json})


def scale_path(
    rounds: Rounds = None,
    copies: Annotated[int | None, typer.Option(min=1, help="Of the shop, each with its own people.")] = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Measure two whole evaluators on two cores beside one, on a real shop's events."""
    return _run("benchmarks.path.scale", {"rounds": rounds, "copies": copies, "keep": keep, "json": json})


def path(
    rounds: Rounds = None,
    copies: Annotated[int | None, typer.Option(min=1, help="Of the shop, each with its own people.")] = None,
    data: Annotated[Path | None, typer.Option(help="The shop's invoice lines; default: those we ship.")] = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Measure the whole evaluator on a real shop's events, beside what their bytes cost."""
    options = {"rounds": rounds, "copies": copies, "data": data.absolute() if data else None}
    return _run("benchmarks.path.run", {**options, "keep": keep, "json": json})


def replay(
    rounds: Rounds = None,
    times: Annotated[int | None, typer.Option(min=1, help="How often the year is there; default 50.")] = None,
    orders: Annotated[int | None, typer.Option(min=1, help="Of the shop's; default: all.")] = None,
    data: Annotated[Path | None, typer.Option(help="The shop's invoice lines; default: those we ship.")] = None,
) -> int:
    """Measure a replay of a shop's year beside the live evaluator on the same log."""
    options = {"rounds": rounds, "times": times, "orders": orders, "data": data.absolute() if data else None}
    return _run("benchmarks.replay.run", options)


def plan(
    rounds: Rounds = None,
    customers: Annotated[int | None, typer.Option(min=1, help="Whose states are looked at; default 200000.")] = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Measure a plan of twenty rules beside reading and decoding the same states."""
    return _run("benchmarks.plan.run", {"rounds": rounds, "customers": customers, "keep": keep, "json": json})


def consumer(
    rounds: Rounds = None,
    customers: Annotated[int | None, typer.Option(min=1, help="Whose groups are taken over; default 200000.")] = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Measure what a consumer of your own takes to begin with the current state, beside plain reading."""
    return _run("benchmarks.consumer.run", {"rounds": rounds, "customers": customers, "keep": keep, "json": json})


def profile(
    events: Events = None,
    rate: Annotated[int | None, typer.Option(min=1, help="Of the paced load; default 10000.")] = None,
    seconds: Annotated[int | None, typer.Option(min=1, help="Of the paced load; default 10.")] = None,
    py_spy: PySpy = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Say where our worker's CPU goes, by py-spy: at full speed, under a paced load, on the full path."""
    options = {"events": events, "rate": rate, "seconds": seconds, "py-spy": py_spy}
    return _run("benchmarks.path.profile", {**options, "keep": keep, "json": json})


def decide(
    rounds: Rounds = None,
    sizes: Annotated[str | None, typer.Option(help="Customers by their orders; default 50,5000,50000.")] = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Say what one decision costs: decode, decide, encode; and that it does not grow with the orders."""
    return _run("benchmarks.core.bench_decide", {"rounds": rounds, "sizes": sizes, "keep": keep, "json": json})


def templates(
    rounds: Rounds = None,
    events: Annotated[int | None, typer.Option(min=1, help="How many of the shop's; default 6000.")] = None,
    keep: Keep = False,
    json: JsonOption = False,
) -> int:
    """Say what one decision costs with every template in force at once, beside decoding and encoding."""
    return _run("benchmarks.core.bench_templates", {"rounds": rounds, "events": events, "keep": keep, "json": json})


def page() -> int:
    """Write docs/benchmarks.md from the kept results."""
    return _run("benchmarks.page.write", {})


def _run(module: str, options: Mapping[str, object]) -> int:
    """The child's exit code; its output is ours."""
    if not (_ROOT / f"{module.replace('.', '/')}.py").is_file():
        raise CliError(
            "no_checkout",
            "the benchmarks are not part of the installed package",
            hint="clone the repository, `make setup`, and run .venv/bin/headrace bench there",
            exit_code=EXIT_UNAVAILABLE,
        )
    command = [sys.executable, "-m", module]
    for name, value in options.items():
        if value is True:
            command.append(f"--{name}")
        elif value is not None and value is not False:
            command += [f"--{name}", str(value)]
    environment = {**os.environ, "HEADRACE_BENCH_PARENT": str(os.getpid())}  # it ends with us
    return subprocess.run(command, cwd=_ROOT, check=False, env=environment).returncode
