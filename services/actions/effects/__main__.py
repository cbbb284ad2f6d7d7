"""`python -m services.actions.effects FOLDER`: mail templates looked at, for `headrace effects check`.

One JSON object: `templates`, those that are `ready`, `parts` (files without a subject, which others include), and
`problems` (`path:line: what`).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.actions.effects.templates import check_template

_ENDS = (".html", ".txt")


def look_at(folder: Path) -> dict[str, Any]:
    """Each template of a folder, filled with sample values."""
    files = sorted(path for path in folder.iterdir() if path.suffix in _ENDS and path.is_file())
    templates = sorted({path.stem for path in files if _has_subject(path)})
    parts = [path.name for path in files if path.stem not in templates]
    wrong = {name: check_template(folder / f"{name}.html") for name in templates}
    problems = [problem for found in wrong.values() for problem in found]
    ready = [name for name in templates if not wrong[name]]
    return {"templates": templates, "ready": ready, "parts": parts, "problems": problems}


def _has_subject(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(1_000).lstrip(b"\xef\xbb\xbf").lower().startswith(b"subject:")


def main(arguments: Sequence[str]) -> int:
    """1 when something is wrong, 2 when there is no such folder."""
    parser = argparse.ArgumentParser(prog="python -m services.actions.effects")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    try:
        found = look_at(folder)
    except OSError as error:
        hint = "name the folder of HEADRACE_EFFECTS_TEMPLATES"
        told = {"code": "no_folder", "message": f"{folder}: {error.strerror}", "hint": hint}
        print(json.dumps({"error": told}))  # noqa: T201 - its only output
        return 2
    print(json.dumps(found))  # noqa: T201 - its only output
    return 1 if found["problems"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
