"""The options of `headrace demo`, checked and read before anything is started.

What a run does with them is in `demo.py`.
"""

import os
from pathlib import Path
from typing import Final, get_args

import typer

from headrace.cli.apply import show_refused
from headrace.cli.output import EXIT_FINDINGS, CliError
from headrace.cli.stack_options import REPOSITORY
from headrace.demo.chaos import BROKER, ChaosError, parse_chaos
from headrace.demo.sabotage import Sabotage
from headrace.demo.scenario import Scenario, load_scenario
from headrace.demo.table import ShopError
from headrace.rules.load import load_rule_set
from headrace.runtime.settings import variable

EXTRACT: Final = REPOSITORY / "examples" / "online_retail" / "online_retail.parquet"
RULES: Final = REPOSITORY / "examples" / "rules" / "demo"


def chosen(chaos: str | None, sabotage: str | None) -> tuple[tuple[tuple[str, ...], int] | None, Sabotage | None]:
    """Who is killed how often, and what is broken. Raises CliError."""
    if sabotage is not None and sabotage not in get_args(Sabotage):
        names = ", ".join(get_args(Sabotage))
        raise CliError("bad_option", f"--sabotage {sabotage!r} is none of {names}", hint="", exit_code=2)
    try:
        kills = parse_chaos(chaos) if chaos else None
    except ChaosError as error:
        raise CliError("bad_option", str(error), hint="", exit_code=2) from error
    if kills and BROKER in kills[0] and os.environ.get(variable("kafka_bootstrap_servers")):
        message = f"--chaos {chaos!r}: the Kafka in use is not this demo's to kill"
        raise CliError("bad_option", message, hint="unset HEADRACE_KAFKA_BOOTSTRAP_SERVERS", exit_code=2)
    return kills, sabotage  # type: ignore[return-value]  # checked above


def check_rules(rules: Path | None, *, json: bool) -> None:
    """Before anything is started. Raises typer.Exit when the files are refused."""
    loaded = load_rule_set([rules or RULES])
    if loaded.rule_set is None:
        show_refused(loaded, json=json)
        raise typer.Exit(EXIT_FINDINGS)


def scenarios_of(path: Path, seed: int, orders: str, stores: int) -> tuple[Scenario, ...]:
    """One a store. The others have half of the first one's orders, of the same ids, by other customers."""
    if orders != "all" and not (orders.isdigit() and int(orders) > 0):
        raise CliError("bad_option", f"--orders {orders!r}: write a number above 0, or all", hint="", exit_code=2)
    first = _scenario(path, seed, None if orders == "all" else int(orders))
    half = max(1, len(first.shop.orders) // 2)
    return (first, *(_scenario(path, seed + place, half, places=place) for place in range(1, stores)))


def _scenario(path: Path, seed: int, orders: int | None, places: int = 0) -> Scenario:
    try:
        scenario = load_scenario(path, seed=seed, orders=orders, places=places)
    except (ShopError, OSError) as error:
        message = str(error) if str(path) in str(error) else f"{path}: {error}"
        raise CliError("bad_data", message, hint="see examples/online_retail", exit_code=2) from error
    if not scenario.shop.orders:
        raise CliError("bad_data", f"{path} holds no order", hint="see examples/online_retail", exit_code=2)
    return scenario
