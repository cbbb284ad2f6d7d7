"""Which processes a process has started, and whether they are gone: for tests that end one and look for the others."""

from collections.abc import Iterator
from pathlib import Path


def descendants(pid: int) -> Iterator[int]:
    """A process's children, and theirs; a thread may have started one, so every task is asked."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            yield child
            yield from descendants(child)


def is_gone(pid: int) -> bool:
    """Whether it has ended, taken note of or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
