"""The command line of the benchmarks that fold a real shop, and the records it asks for."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.engine.options import add_common, positive
from benchmarks.engine.systems import ROOT
from benchmarks.engine.workload import Record
from benchmarks.path.shop_events import shop_records
from headrace.demo.scenario import load_scenario

SHOP: Final = ROOT / "examples" / "online_retail" / "online_retail.parquet"


@dataclass(frozen=True, slots=True)
class Options:
    """`copies` of the shop in `data`, folded `rounds` times."""

    rounds: int
    copies: int
    data: Path
    json: bool
    keep: bool

    def records(self) -> list[Record]:
        """The events of all copies, in order."""
        return list(shop_records(load_scenario(self.data, seed=1), self.copies))


def parse_options(program: str, description: str | None, arguments: Sequence[str]) -> Options:
    """Options of the command line; exits with 2 and a usage text when they are wrong."""
    parser = argparse.ArgumentParser(program, description=description)
    add_common(parser)
    parser.add_argument("--copies", type=positive, default=12, help="of the shop, each with its own people")
    parser.add_argument("--data", type=Path, default=SHOP, help="invoice lines (default: the shop's first months)")
    return Options(**vars(parser.parse_args(arguments)))
