"""What a benchmark leaves: one JSON file with what it was measured on, and a few lines for people.

`build/reports/bench-<name>.json` is the last run's; `docs/reports/bench/<name>.json` is kept when that is asked for,
and `docs/benchmarks.md` is made of those (`benchmarks.page.write`).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.engine.machine import describe_commit, describe_machine, describe_versions
from benchmarks.engine.results import medians
from benchmarks.engine.systems import ROOT

REPORTS: Final = ROOT / "build" / "reports"
KEPT: Final = ROOT / "docs" / "reports" / "bench"

Rounds = Sequence[Mapping[str, Any]]


def make_result(name: str, rounds: Rounds, *, kafka: str = "", **more: Any) -> dict[str, Any]:
    """The figures with machine, commit, versions and time around them."""
    return {
        "benchmark": name,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "commit": describe_commit(),
        "versions": describe_versions(kafka),
        "rounds": list(rounds),
        "medians": medians(rounds),
        **more,
    }


def finish(result: Mapping[str, Any], text: str, *, as_json: bool, keep: bool) -> int:
    """Writes and prints. 1 when a round went wrong, else 0; a peer's failure is told, and does not fail ours."""
    folders = [REPORTS, KEPT] if keep else [REPORTS]
    for folder, path in zip(folders, _paths(str(result["benchmark"])), strict=False):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    failed = [each for each in result["rounds"] if each.get("error")]
    lines = [text, *(f"{each['system']}, round {each['round']}: {each['error']}" for each in failed)]
    sys.stdout.write((json.dumps(result) if as_json else "\n".join(lines)) + "\n")
    return 1 if any(each["system"].startswith("headrace") for each in failed) else 0


def _paths(name: str) -> tuple[Path, Path]:
    return REPORTS / f"bench-{name}.json", KEPT / f"{name}.json"
