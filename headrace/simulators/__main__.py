"""Runs the simulators as a process: `python -m headrace.simulators`.

Prints one JSON line with the addresses when ready; ends on SIGTERM, SIGINT, or when its parent is gone.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
import uvloop

from headrace.runtime.logs import configure_logs
from headrace.runtime.parent import watch_parent
from headrace.simulators.bigcommerce.dates import parse_date
from headrace.simulators.options import Options
from headrace.simulators.server import serving


def options_from(arguments: Sequence[str]) -> Options:
    """Options from the command line; ends the process with 2 on bad ones."""
    default = Options()
    parser = argparse.ArgumentParser(prog="python -m headrace.simulators", description=__doc__)
    for name, kind in _NAMES.items():
        parser.add_argument("--" + name.replace("_", "-"), type=kind, default=getattr(default, name))
    return Options(**vars(parser.parse_args(arguments)))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("a header is 'Name: value'")
    return name.strip(), value.strip()


_NAMES: dict[str, Callable[[str], Any]] = {
    "store": str,
    "speed": float,
    "seed": int,
    "host": str,
    "bigcommerce_port": int,
    "mailchimp_port": int,
    "klaviyo_port": int,
    "omnisend_port": int,
    "sendgrid_port": int,
    "smtp_port": int,
    "receiver_port": int,
    "access_token": str,
    "client_secret": str,
    "webhook_header": _header,
    "mailchimp_key": str,
    "list_id": str,
    "klaviyo_key": str,
    "klaviyo_delay_s": float,
    "omnisend_key": str,
    "sendgrid_key": str,
    "smtp_user": str,
    "smtp_password": str,
    "receiver_secret": str,
    "quota": int,
    "window_ms": int,
    "other_app_share": float,
    "duplicates": float,
    "reorders": float,
    "max_delay_s": float,
    "hook_start_delay_s": float,
    "read_lag_s": float,
    "latency_ms": float,
    "start_time": parse_date,
}


async def run(options: Options) -> None:
    """Serve until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def parent_gone() -> None:
        loop.call_soon_threadsafe(stop.set)

    async with serving(options) as (_, addresses):
        sys.stdout.write(msgspec.json.encode(asdict(addresses)).decode() + "\n")
        sys.stdout.flush()
        parent = os.environ.get("HEADRACE_PARENT_PID", "")
        if parent.isdigit():
            watch_parent(int(parent), parent_gone)
        await stop.wait()


def main() -> None:
    """Entry."""
    configure_logs("simulators")
    uvloop.run(run(options_from(sys.argv[1:])))


if __name__ == "__main__":
    main()
