"""`headrace dev`: broker, topics, simulators and every service as child processes, one readable log stream."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.stack import Broker, StackOptions, make_folder, remove_folder, start_stack
from headrace.runtime.supervisor import ChildFailed


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("dev")(dev)


def dev(
    speed: Annotated[float, typer.Option(min=0.001, help="Seconds of the simulated store per real second.")] = 1.0,
    ports_file: Annotated[
        Path | None, typer.Option(help="Where to write the addresses, as JSON, once all are ready.")
    ] = None,
) -> None:
    """Start everything on this machine: Kafka, topics, simulators, services. Ctrl-C stops all in order."""
    folder = make_folder()
    broker = Broker(folder)
    try:
        code = asyncio.run(_dev(StackOptions(speed=speed), broker, folder, ports_file))
    finally:
        broker.stop()
        remove_folder(folder)
    raise typer.Exit(code)


async def _dev(options: StackOptions, broker: Broker, folder: Path, ports_file: Path | None) -> int:
    stopping = stop_on_signals()
    try:
        stack = await start_stack(options, broker, folder, show=say)
    except ChildFailed as error:
        say("\n".join([f"could not start: {error}", *error.lines]))
        return 3
    try:
        if ports_file is not None:
            stack.write_addresses(ports_file)
        say(f"ready: {json.dumps(stack.describe())}")
        fatal = asyncio.create_task(stack.supervisor.fatal.wait())
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({fatal, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stack.supervisor.fatal.is_set():
            say(stack.supervisor.fatal_reason)
            return 3
        say("stopping")
        return 0
    finally:
        await stack.supervisor.stop()


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
