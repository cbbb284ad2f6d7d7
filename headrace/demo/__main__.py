"""Plays a shop's orders to a running simulator: `python -m headrace.demo URL [--orders N]`.

For containers and by hand; `headrace demo` does the same with the whole stack and verifies the end.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from headrace.demo.player import PlayError, Progress, play
from headrace.demo.scenario import group_operations, load_scenario, operations
from headrace.demo.table import ShopError

EXTRACT: Final = Path(__file__).resolve().parents[2] / "examples" / "online_retail" / "online_retail.parquet"
_TIMEOUT_S: Final = 60.0


async def run(url: str, data: Path, *, orders: int, seed: int, rate: float | None) -> Progress:
    """Groups first, then every operation. Raises ShopError, PlayError."""
    scenario = load_scenario(data, seed=seed, orders=orders)
    begin = group_operations(scenario.shop.events[0].at) if scenario.shop.events else []
    async with httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S) as client:
        await play(begin, client)
        return await play(operations(scenario), client, orders_per_second=rate)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all was played, 1 when it was refused."""
    parser = argparse.ArgumentParser(prog="python -m headrace.demo", description=__doc__)
    parser.add_argument("url", help="a simulator's address")
    parser.add_argument("--data", type=Path, default=EXTRACT)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=None, help="orders per second, at most")
    options = parser.parse_args(arguments)
    try:
        done = asyncio.run(run(options.url, options.data, orders=options.orders, seed=options.seed, rate=options.rate))
    except (ShopError, PlayError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's own words
        return 1
    print(f"{done.orders} orders, {done.refunds} refunds in {done.seconds:.1f} s", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
