"""`headrace demo`: a real shop's orders flow through the whole stack, and the end is verified.

Options, the stack's life and what is printed; the run itself is `headrace.demo.flow`.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, get_args

import httpx
import typer
from rich.console import Console

from headrace.cli.apply import show_refused
from headrace.cli.demo_report import Live, as_json, print_result
from headrace.cli.dev import stop_on_signals
from headrace.cli.output import EXIT_FINDINGS, CliError
from headrace.cli.stack import (
    REPOSITORY,
    Broker,
    BrokerCrashes,
    Stack,
    StackOptions,
    make_folder,
    prepare_ports_file,
    remove_folder,
    start_stack,
)
from headrace.demo.chaos import BROKER, ChaosError, parse_chaos, schedule
from headrace.demo.control import SimulatorControl
from headrace.demo.flow import Result, Run, run_demo
from headrace.demo.player import PlayError, play
from headrace.demo.sabotage import NoVictimError, Sabotage
from headrace.demo.scenario import Scenario, group_operations, load_scenario, operations
from headrace.demo.settle import NotSettled
from headrace.demo.table import ShopError
from headrace.rules.load import load_rule_set
from headrace.runtime.logs import configure_logs
from headrace.runtime.settings import variable
from headrace.runtime.supervisor import READY_DEADLINE_S, ChildFailed, python_argv

EXTRACT: Final = REPOSITORY / "examples" / "online_retail" / "online_retail.parquet"
RULES: Final = REPOSITORY / "examples" / "rules" / "demo"


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("demo")(demo)


def demo(
    orders: Annotated[str, typer.Option(help="How many orders to play: a number, or all.")] = "3000",
    data: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A shop's invoice lines (parquet or CSV).")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0.001, help="Seconds of the store per real second, for quota windows and hook delays.")
    ] = 60.0,
    quota: Annotated[
        int, typer.Option(min=10, help="The store's calls per 30 s: 150 on Standard and Plus, 450 on Pro.")
    ] = 450,
    seed: Annotated[int, typer.Option(help="For made-up people, duplicates, reordering, kills.")] = 1,
    rules: Annotated[
        Path | None, typer.Option(exists=True, help="Rule files instead of the demo's; verification is then limited.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards, until Ctrl-C.")] = False,
    ports_file: Annotated[Path | None, typer.Option(help="Where to write the addresses, once all are ready.")] = None,
    chaos: Annotated[
        str | None, typer.Option(help="Kill on purpose: kill=evaluator,hydrate:3, or default for everyone, 3 times.")
    ] = None,
    sabotage: Annotated[
        str | None, typer.Option(help=f"Break one thing; the run must find it: {', '.join(get_args(Sabotage))}.")
    ] = None,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="The store has all its orders before Headrace is connected to it.")
    ] = False,
    as_json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; progress on stderr.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Show the services' log lines too.")] = False,
) -> None:
    """Play a real shop's orders through Kafka, watch customers move between groups, and verify the result."""
    kills, spoil = _chosen(chaos, sabotage)
    prepare_ports_file(ports_file)
    _check_rules(rules, json=as_json_)
    scenario = _scenario(data or EXTRACT, seed, orders)
    console = Console(stderr=True, highlight=False)
    if not logs:
        configure_logs("cli", "warning", human=sys.stderr.isatty())
    folder = make_folder()
    console.print("starting Kafka ...")
    broker = Broker(folder)
    options = StackOptions(
        backfill=backfill, quota=quota, speed=speed, seed=seed, start_time=scenario.shop.events[0].at.isoformat()
    )
    work = _Work(scenario, options, rules, kills, spoil, keep, ports_file, logs, as_json_, console)
    try:
        ok = asyncio.run(work.run(broker, folder))
    except ChildFailed as error:
        raise CliError("not_started", str(error), hint="\n".join(error.lines[-8:]), exit_code=3) from error
    except (NotSettled, PlayError, httpx.HTTPError, TimeoutError) as error:
        raise CliError("demo_failed", str(error) or repr(error), hint="run again with --logs", exit_code=3) from error
    except NoVictimError as error:
        raise CliError("no_victim", str(error), hint="play more orders", exit_code=2) from error
    finally:
        broker.stop()
        remove_folder(folder)
    raise typer.Exit(0 if ok else 1)


@dataclass(frozen=True, slots=True)
class _Work:
    """One run of the verb: what was asked, kept together."""

    scenario: Scenario
    options: StackOptions
    rules: Path | None
    chaos: tuple[tuple[str, ...], int] | None
    sabotage: Sabotage | None
    keep: bool
    ports_file: Path | None
    logs: bool
    as_json: bool
    console: Console

    async def run(self, broker: Broker, folder: Path) -> bool:
        """Whether the verification held."""
        self.console.print("starting simulators and services ...")
        show = (lambda line: self.console.print(line, markup=False, soft_wrap=True)) if self.logs else None
        stack = await start_stack(
            self.options,
            broker,
            folder,
            show=show,
            before_services=self._before,
        )
        try:
            if self.ports_file is not None:
                stack.write_addresses(self.ports_file)
            result = await self._play(stack)
            if self.as_json:
                print(json.dumps(as_json(result, self.options)))
            else:
                print_result(result, self.options, Console(highlight=False))
            if self.keep:
                await self._hold(stack)
            return result.verification.ok
        finally:
            await stack.supervisor.stop()

    async def _before(self, simulators: dict[str, str], environment: dict[str, str]) -> None:
        """The merchant's part: the store has its groups, the rules are in force; with --backfill also its history."""
        async with SimulatorControl(simulators["bigcommerce"]) as control:
            await control.operate(group_operations(self.scenario.shop.events[0].at))
        if self.options.backfill:
            async with httpx.AsyncClient(base_url=simulators["bigcommerce"], timeout=60) as client:
                await play(operations(self.scenario), client)
            self.console.print(f"the store has {len(self.scenario.shop.orders):,} orders before Headrace is connected")
        rules = self.rules or RULES
        await _apply(environment, rules)
        self.console.print(f"the rules of {rules.name} are in force")

    async def _play(self, stack: Stack) -> Result:
        self.console.print("playing orders")
        kills = tuple(schedule(*self.chaos, seed=self.options.seed)) if self.chaos else ()
        with Live(self.console, total=len(self.scenario.shop.orders)) as live:
            return await run_demo(
                Run(
                    settings=stack.settings,
                    simulator=stack.simulators["bigcommerce"],
                    access_token=stack.secrets["access_token"],
                    scenario=self.scenario,
                    partitions=self.options.partitions,
                    demo_rules=self.rules is None,
                    kills=kills,
                    kill=_killer(stack),
                    sabotage=self.sabotage,
                    show=live.update,
                    say=live.say,
                    already_played=self.options.backfill,
                )
            )

    async def _hold(self, stack: Stack) -> None:
        self.console.print(f"still running: {json.dumps(stack.describe())}; Ctrl-C stops it", markup=False)
        await stop_on_signals().wait()


def _killer(stack: Stack) -> Callable[[str], Awaitable[None]]:
    crashes = BrokerCrashes(stack.broker) if stack.broker else None

    async def kill(victim: str) -> None:
        if victim == BROKER and crashes is not None:
            return await crashes.crash()
        async with asyncio.timeout(READY_DEADLINE_S):
            while not await stack.supervisor.is_ready(victim):
                await asyncio.sleep(0.05)
        stack.supervisor.kill(victim)
        return None

    return kill


async def _apply(environment: dict[str, str], rules: Path) -> None:
    argv = python_argv("-m", "headrace.cli.main", "apply", "--from", str(rules), "--json")
    process = await asyncio.create_subprocess_exec(
        *argv,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise CliError(
            "rules_refused", f"headrace apply --from {rules} refused", hint=(out + err).decode(), exit_code=2
        )


def _chosen(chaos: str | None, sabotage: str | None) -> tuple[tuple[tuple[str, ...], int] | None, Sabotage | None]:
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


def _check_rules(rules: Path | None, *, json: bool) -> None:
    """Before anything is started. Raises typer.Exit when the files are refused."""
    loaded = load_rule_set([rules or RULES])
    if loaded.rule_set is None:
        show_refused(loaded, json=json)
        raise typer.Exit(EXIT_FINDINGS)


def _scenario(path: Path, seed: int, orders: str) -> Scenario:
    if orders != "all" and not (orders.isdigit() and int(orders) > 0):
        raise CliError("bad_option", f"--orders {orders!r}: write a number above 0, or all", hint="", exit_code=2)
    try:
        scenario = load_scenario(path, seed=seed, orders=None if orders == "all" else int(orders))
    except (ShopError, OSError) as error:
        message = str(error) if str(path) in str(error) else f"{path}: {error}"
        raise CliError("bad_data", message, hint="see examples/online_retail", exit_code=2) from error
    if not scenario.shop.orders:
        raise CliError("bad_data", f"{path} holds no order", hint="see examples/online_retail", exit_code=2)
    return scenario
