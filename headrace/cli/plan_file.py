"""The file that `headrace plan -o` writes and `headrace apply` reads: the plan, its rule set, and who would change.

One JSON object; the customers come last, one a line, so that it is written without being held in memory.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from headrace.cli.output import CliError, as_line
from headrace.rules.load import rule_set_hash
from headrace.rules.model import RuleSet, decode_rule_set

FORMAT: Final = 1


class Mover(Struct, frozen=True, array_like=True):
    """One customer that changes: groups before and after, and a digest of all that is told before and after."""

    customer: str
    group: str | None
    to: str | None
    digest: str


class PlanFile(Struct, frozen=True):
    """What `apply` needs of a plan."""

    format: int
    store: str
    base_version: int
    rule_set_hash: str
    take_over: bool
    customers: int
    leaving: int
    document: Raw
    source: str
    movers: tuple[Mover, ...]

    @property
    def rule_set(self) -> RuleSet:
        """The rule set that was planned. Raises `msgspec.DecodeError` for what this release cannot read."""
        return decode_rule_set(self.document)


class _Group(Struct):
    group: str | None = None


class _Changed(Struct):
    customer: str
    before: _Group
    after: _Group


_CHANGED: Final = msgspec.json.Decoder(_Changed)
_FILE: Final = msgspec.json.Decoder(PlanFile)


def movers_in(lines: Iterable[bytes]) -> Iterator[Mover]:
    """From the evaluator's lines: customer, before, after."""
    for line in lines:
        found = _CHANGED.decode(line)
        digest = hashlib.blake2b(line.strip(), digest_size=8).hexdigest()
        yield Mover(found.customer, found.before.group, found.after.group, digest)


def changed_lines(folder: Path) -> Iterator[bytes]:
    """Every line that the evaluator wrote, partition by partition."""
    for part in sorted(folder.glob("*.jsonl"), key=lambda path: int(path.stem)):
        with part.open("rb") as stream:
            yield from stream


def write_plan(path: Path, head: Mapping[str, Any], document: bytes, lines: Iterable[bytes]) -> None:
    """Writes the file whole, or leaves what was there. Raises `CliError`."""
    beginning = as_line({"format": FORMAT, **head})[:-1].encode() + b',\n"document":' + document + b',\n"movers":['
    _replace(path, _pieces(beginning, lines))


def write_customers(path: Path, lines: Iterable[bytes]) -> None:
    """Writes the customers that change, one JSON object a line. Raises `CliError`."""
    _replace(path, lines)


def read_plan(path: Path) -> PlanFile:
    """Raises `CliError` for a file that is no plan of this release."""
    try:
        found = _FILE.decode(path.read_bytes())
        if found.format != FORMAT:
            reason = f"it is of format {found.format}, this release reads {FORMAT}"
        elif rule_set_hash(found.rule_set) == found.rule_set_hash:
            return found
        else:
            reason = "its rule set is not the one that it was made of"
    except (OSError, msgspec.DecodeError) as error:
        reason = str(error)
    raise CliError(
        "plan_unreadable",
        f"{path} is no plan: {reason}",
        hint=f"headrace plan PATH -o {path} writes one",
        file=str(path),
    )


def _pieces(beginning: bytes, lines: Iterable[bytes]) -> Iterator[bytes]:
    yield beginning
    between = b"\n"
    for mover in movers_in(lines):
        yield between + msgspec.json.encode(mover)
        between = b",\n"
    yield b"]}\n"


def _replace(path: Path, pieces: Iterable[bytes]) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as out:
                out.writelines(pieces)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CliError(
            "file_unwritable", f"{path} cannot be written: {(error.strerror or '').lower()}", hint="name another file"
        ) from error
