"""The report of the soak: one JSON line a run in docs/reports/soak.jsonl, and which seeds have passed at which commit.

Every run is kept, failed ones too; nothing here runs anything.
"""

import subprocess
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tests.kill.run import Outcome

DIRTY: Final = "dirty"
_OUTSIDE_DOCS: Final = ("--", ".", ":(exclude)docs")


class Line(Struct):
    """One run. `kills`: SIGKILLs and stops of workers, wherever, and of the broker; `faults` has them by kind.

    `pages`: that there were at the end. `settled_s`: from the last fault to the last commit.
    """

    commit: str
    seed: int
    faults: dict[str, int]
    kills: int
    events: int
    ok: bool
    problems: list[str]
    seconds: float
    fold: str = ""
    load: str = ""
    outputs: int = 0
    pages: int = 0
    settled_s: float = 0.0


def line_of(outcome: Outcome, commit: str) -> Line:
    """What is written down of a run."""
    return Line(
        commit=commit,
        seed=outcome.plan.seed,
        faults=dict(sorted(outcome.faults.items())),
        kills=outcome.kills,
        events=outcome.events,
        ok=not outcome.problems,
        problems=outcome.problems,
        seconds=outcome.seconds,
        fold=outcome.plan.fold,
        load=outcome.plan.load,
        outputs=outcome.outputs,
        pages=outcome.pages,
        settled_s=outcome.settled_s,
    )


def append(path: Path, line: Line) -> None:
    """Adds one line, whole: a soak that is killed leaves no half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as report:
        report.write(msgspec.json.encode(line) + b"\n")


def passed(path: Path, commit: str) -> frozenset[int]:
    """The seeds that passed at this commit; a dirty tree is never the same one."""
    if commit == DIRTY or not path.exists():
        return frozenset()
    decoder = msgspec.json.Decoder(Line)
    lines = (decoder.decode(text) for text in path.read_bytes().splitlines() if text.strip())
    return frozenset(line.seed for line in lines if line.ok and line.commit == commit)


def commit_of(tree: Path) -> str:
    """The last commit that changes anything outside docs/, or "dirty" if something there is not committed."""
    if _git(tree, "status", "--porcelain", *_OUTSIDE_DOCS):
        return DIRTY
    return _git(tree, "log", "-1", "--format=%H", *_OUTSIDE_DOCS)


def _git(tree: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()
