"""`headrace demo`: a real shop's orders flow through the whole stack, in one store or several, and the end is verified.

Options, the stack's life and what is printed; the run itself is `headrace.demo.flow`.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, get_args

import httpx
import typer
from rich.console import Console

from headrace.cli.demo_options import EXTRACT, RULES, check_rules, chosen, scenarios_of
from headrace.cli.demo_report import Live, as_json, print_result
from headrace.cli.dev import stop_on_signals
from headrace.cli.local_broker import Broker, BrokerCrashes
from headrace.cli.output import CliError
from headrace.cli.own_consumers import own_consumer
from headrace.cli.stack import Stack, make_folder, prepare_ports_file, remove_folder, start_stack
from headrace.cli.stack_options import StackOptions
from headrace.cli.stack_services import BOOK_FILE, SimulatedStore
from headrace.consumer.sdk import reads_of
from headrace.demo.chaos import BROKER, schedule
from headrace.demo.control import SimulatorControl
from headrace.demo.flow import Result, Run
from headrace.demo.player import PlayError, play
from headrace.demo.sabotage import NoVictimError, Sabotage
from headrace.demo.scenario import Scenario, group_operations, operations
from headrace.demo.settle import NotSettled
from headrace.demo.together import run_side_by_side
from headrace.runtime.logs import configure_logs
from headrace.runtime.settings import variable
from headrace.runtime.supervisor import READY_DEADLINE_S, ChildFailed, python_argv


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
    stores: Annotated[
        int,
        typer.Option(
            min=1, max=9, help="Stores that the same services serve; beside the first, each of half its orders."
        ),
    ] = 1,
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
    consume: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Also run this consumer of your own; again for more.")
    ] = None,
    as_json_: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; progress on stderr.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Show the services' log lines too.")] = False,
) -> None:
    """Play a real shop's orders through Kafka, watch customers move between groups, and verify the result."""
    kills, spoil = chosen(chaos, sabotage)
    others = {name: reads_of(own_consumer(name)) for name in consume or ()}
    prepare_ports_file(ports_file)
    check_rules(rules, json=as_json_)
    scenarios = scenarios_of(data or EXTRACT, seed, orders, stores)
    console = Console(stderr=True, highlight=False)
    if not logs:
        configure_logs("cli", "warning", human=sys.stderr.isatty())
    folder = make_folder()
    console.print("starting Kafka ...")
    broker = Broker(folder)
    begin = min(scenario.shop.events[0].at for scenario in scenarios).isoformat()
    options = StackOptions(
        stores=stores, backfill=backfill, quota=quota, speed=speed, seed=seed, start_time=begin, consumers=tuple(others)
    )
    reading = dict(others.values())
    work = _Work(scenarios, options, rules, kills, spoil, keep, ports_file, logs, as_json_, console, reading)
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
    """One run of the verb: what was asked, kept together. `scenarios`: one a store."""

    scenarios: tuple[Scenario, ...]
    options: StackOptions
    rules: Path | None
    chaos: tuple[tuple[str, ...], int] | None
    sabotage: Sabotage | None
    keep: bool
    ports_file: Path | None
    logs: bool
    as_json: bool
    console: Console
    others: Mapping[str, tuple[str, ...]]
    """Groups of the merchant's own consumers, and what they read."""

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
            results = await self._play(stack)
            report = as_json(results, self.options)
            if self.as_json:
                print(json.dumps(report))
            else:
                print_result(report, Console(highlight=False))
            if self.keep:
                await self._hold(stack)
            return all(result.verification.ok for result in results)
        finally:
            await stack.supervisor.stop()

    async def _before(self, stores: Sequence[SimulatedStore], environment: dict[str, str]) -> None:
        """The merchants' part: groups are there, the rules are in force; with --backfill also the stores' history."""
        for store, scenario in zip(stores, self.scenarios, strict=True):
            url, name = store.addresses["bigcommerce"], f"store {store.name}" if len(stores) > 1 else "the store"
            async with SimulatorControl(url) as control:
                await control.operate(group_operations(scenario.shop.events[0].at))
            if self.options.backfill:
                async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                    await play(operations(scenario), client)
                self.console.print(f"{name} has {len(scenario.shop.orders):,} orders before Headrace is connected")
            await _apply(environment | {variable("store"): store.name}, self.rules or RULES)
        self.console.print(f"the rules of {(self.rules or RULES).name} are in force")

    async def _play(self, stack: Stack) -> list[Result]:
        self.console.print("playing orders")
        totals = {
            store.name: len(scenario.shop.orders) for store, scenario in zip(stack.stores, self.scenarios, strict=True)
        }
        with Live(self.console, totals) as live:
            return await run_side_by_side([self._run_of(stack, place, live) for place in range(len(stack.stores))])

    def _run_of(self, stack: Stack, place: int, live: Live) -> Run:
        """What is broken on purpose is so in the first store's run, and at its pace."""
        store, first = stack.stores[place], place == 0
        return Run(
            settings=store.settings,
            simulator=store.addresses["bigcommerce"],
            access_token=store.secrets["access_token"],
            scenario=self.scenarios[place],
            partitions=self.options.partitions,
            book=stack.folder / BOOK_FILE,
            demo_rules=self.rules is None,
            kills=tuple(schedule(*self.chaos, seed=self.options.seed)) if self.chaos and first else (),
            kill=_killer(stack) if first else None,
            sabotage=self.sabotage if first else None,
            show=partial(live.update, store.name),
            say=partial(live.say, store.name),
            already_played=self.options.backfill,
            others=self.others,
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
