"""What `docs/import.md` starts from: the example file, with a date of its own, and rules in force."""

import asyncio
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from headrace.cli.apply import put_in_force
from headrace.rules.load import load_rule_set
from headrace.runtime.settings import ServiceSettings
from tests.docs.planned_shop import STORE

FILE: Final = Path(__file__).resolve().parents[2] / "examples/import/erp.csv"
WRITTEN: Final = datetime(2026, 3, 1, 9, 30, tzinfo=UTC).timestamp()


def open_importing_shop(settings: ServiceSettings, folder: Path) -> None:
    """The page's rules are announced; nobody evaluates."""
    shutil.copy(FILE, folder / "erp.csv")
    os.utime(folder / "erp.csv", (WRITTEN, WRITTEN))
    asyncio.run(_announce(settings.model_copy(update={"store": STORE}), folder))


async def _announce(settings: ServiceSettings, folder: Path) -> None:
    loaded = load_rule_set([folder / "rules/shop.yaml"])
    assert loaded.rule_set is not None, loaded.findings
    await put_in_force(settings, loaded, prune=False)
