"""`headrace dev`: broker, topics, simulators and every service as child processes, one readable log stream."""

import asyncio
import json as json_module
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from headrace.cli.local_broker import Broker
from headrace.cli.output import EXIT_INTERRUPTED, EXIT_UNAVAILABLE, CliError, JsonOption, emit
from headrace.cli.stack import (
    SERVICES_STOP_WITHIN_S,
    Stack,
    make_folder,
    prepare_ports_file,
    remove_folder,
    start_stack,
)
from headrace.cli.stack_options import StackOptions
from headrace.runtime.logs import configure_logs
from headrace.runtime.supervisor import ChildFailed

_BROKER_POLL_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Told:
    """Where the addresses go once all are ready."""

    ports_file: Path | None
    json: bool

    def tell(self, stack: Stack) -> None:
        """Everything answers."""
        if self.ports_file is not None:
            stack.write_addresses(self.ports_file)
        emit(stack.describe(), self.json, lambda _: "")
        say(f"ready: {json_module.dumps(stack.describe())}")
        config, several = stack.describe()["config"], len(stack.stores) > 1
        for store in stack.stores:
            of_store = f" --store {store.name}" if several else ""
            say(f"in another terminal: headrace apply --from examples/rules/demo --config {config}{of_store}")


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("dev")(dev)


def dev(
    speed: Annotated[float, typer.Option(min=0.001, help="Seconds of the simulated store per real second.")] = 1.0,
    stores: Annotated[int, typer.Option(min=1, max=9, help="Simulated stores that the same services serve.")] = 1,
    ports_file: Annotated[
        Path | None, typer.Option(help="Where to write the addresses, as JSON, once all are ready.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Start everything on this machine: Kafka, topics, simulators, services. Ctrl-C stops all in order."""
    told = _Told(ports_file, json)
    prepare_ports_file(ports_file)
    configure_logs("cli", human=True)  # one readable stream, wherever it goes
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the loop takes over
    folder = make_folder()
    stop_broker: Callable[[], None] = lambda: None  # noqa: E731
    try:
        broker = Broker(folder)
        stop_broker = broker.stop
        code = asyncio.run(_dev(StackOptions(stores=stores, speed=speed), broker, folder, told))
    finally:
        stop_broker()
        remove_folder(folder)
    raise typer.Exit(code)


async def _dev(options: StackOptions, broker: Broker, folder: Path, told: _Told) -> int:
    stopping = asyncio.create_task(stop_on_signals().wait())
    starting = asyncio.create_task(start_stack(options, broker, folder, show=say))
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        say("stopping before all was ready")
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return EXIT_INTERRUPTED
    try:
        stack = starting.result()
    except ChildFailed as error:
        raise CliError(
            "not_started", str(error), hint="\n".join(error.lines[-8:]), exit_code=EXIT_UNAVAILABLE
        ) from error
    try:
        told.tell(stack)
        return await _until_stopped(stack, broker, stopping)
    finally:
        await stack.supervisor.stop(SERVICES_STOP_WITHIN_S)


async def _until_stopped(stack: Stack, broker: Broker, stopping: "asyncio.Task[bool]") -> int:
    """Until a signal comes, or what cannot be started again has ended. Raises CliError for Kafka."""
    fatal = asyncio.create_task(stack.supervisor.fatal.wait())
    while not (fatal.done() or stopping.done()):
        await asyncio.wait({fatal, stopping}, timeout=_BROKER_POLL_S, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done() and (failure := broker.failed()) is not None:
            # Its log and its data go with this run: pointing at them would lead nowhere.
            raise CliError(failure.code, failure.message, hint="start again", exit_code=EXIT_UNAVAILABLE)
    if fatal.done():
        say(stack.supervisor.fatal_reason)
        return EXIT_UNAVAILABLE
    fatal.cancel()
    say("stopping")
    return 0


def stop_on_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    return stopping


def say(line: str) -> None:
    """One line for people, on stderr."""
    print(line, file=sys.stderr, flush=True)
