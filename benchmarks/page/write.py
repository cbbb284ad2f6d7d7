"""Writes `docs/benchmarks.md`: for every kept result its section, its text from `sections/`, its tables from the JSON.

A benchmark without a kept result has no section. Run: `headrace bench page` (`--check` only tells whether it differs).
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.engine.report import KEPT
from benchmarks.engine.systems import ROOT
from benchmarks.page.markdown import measured_on, result_table

PAGE: Final = ROOT / "docs" / "benchmarks.md"
SECTIONS: Final = Path(__file__).resolve().parent / "sections"
ORDER: Final = (
    "engine",
    "engine-large",
    "latency",
    "restore",
    "memory",
    "scale",
    "path",
    "scale-path",
    "decide",
    "templates",
    "plan",
    "consumer",
    "profile",
)
_INTRODUCTION: Final = "introduction"


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The whole page from results by name."""
    parts = [_section(_INTRODUCTION)]
    for name in ORDER:
        if name in results:
            parts += [_section(name), result_table(results[name]), f"*{measured_on(results[name])}*"]
    return "\n\n".join(parts) + "\n"


def kept_results() -> dict[str, dict[str, Any]]:
    """What is kept, by name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(KEPT.glob("*.json"))}


def _section(name: str) -> str:
    return (SECTIONS / f"{name}.md").read_text().strip()


def main(arguments: list[str]) -> int:
    """0; with `--check` 1 when the page is not what the results say."""
    wanted = page(kept_results())
    if "--check" in arguments:
        return 0 if PAGE.is_file() and PAGE.read_text() == wanted else 1
    PAGE.write_text(wanted)
    sys.stdout.write(f"{PAGE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
