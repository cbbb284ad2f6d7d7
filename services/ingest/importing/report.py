"""What became of each row: counts, the first problems, and, where asked for, a file with a line for every row."""

import csv
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

SHOWN: Final = 100
_FIELDS: Final = ("row", "line", "result", "column", "code", "message", "hint")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is refused. `column`: the header as the file has it, "" for the whole row."""

    row: int
    line: int
    column: str
    code: str
    message: str
    hint: str

    def as_object(self) -> dict[str, Any]:
        """For the result."""
        return {name: getattr(self, name) for name in self.__slots__}


class Report:
    """Takes rows in their order; a context manager, for the file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._open = ExitStack()
        self._writer: Any = None
        self.accepted = 0
        self.refused = 0
        self.codes: Counter[str] = Counter()
        self.problems: list[Problem] = []

    def __enter__(self) -> Self:
        if self._path is not None:
            opened = self._open.enter_context(self._path.open("w", encoding="utf-8", newline=""))
            self._writer = csv.writer(opened)
            self._writer.writerow(_FIELDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def rows(self) -> int:
        """All there were."""
        return self.accepted + self.refused

    def accept(self, row: int, line: int) -> None:
        """It is in the log, or would be."""
        self.accepted += 1
        if self._writer is not None:
            self._writer.writerow((row, line, "accepted", "", "", "", ""))

    def refuse(self, problem: Problem) -> None:
        """Nothing of it is in the log."""
        self.refused += 1
        self.codes[problem.code] += 1
        if len(self.problems) < SHOWN:
            self.problems.append(problem)
        if self._writer is not None:
            found = problem.as_object()
            self._writer.writerow(("refused" if name == "result" else found[name]) for name in _FIELDS)

    def as_object(self) -> Mapping[str, Any]:
        """For the result."""
        return {
            "rows": self.rows,
            "accepted": self.accepted,
            "refused": self.refused,
            "refused_by_code": dict(sorted(self.codes.items())),
            "problems": [problem.as_object() for problem in self.problems],
            "report": None if self._path is None else str(self._path),
        }
