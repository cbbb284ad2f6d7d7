"""From paths to one checked rule set, or to all that is wrong with it: the only door of the rule language.

Reads files and nothing else; a rule set with any error is refused whole.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from msgspec import Struct

from headrace.rules.check import check
from headrace.rules.consumers import Consumers, check_consumers
from headrace.rules.findings import Enough, Finding, Place, Report
from headrace.rules.lint import lint
from headrace.rules.model import RuleSet, encode_rule_set
from headrace.rules.parse_rule_set import rule_set_of
from headrace.rules.reading import Reading
from headrace.rules.yaml_source import Mapping, Node, compose

MAX_FILE_BYTES: Final = 1 << 20
MAX_TOTAL_BYTES: Final = 2 << 20
MAX_FILES: Final = 200
SUFFIXES: Final = (".yaml", ".yml")
TESTS: Final = ".test"
"""What stands before the suffix of a file of golden cases."""


NOT_RULES: Final = {
    "template": ("this is a template, not a rule file", "make a rule file of it: headrace template use ID -o FILE"),
    "cases": ("these are golden cases, not rules", "name the file *.test.yaml; headrace test plays it"),
}
"""By their key: what other files are."""


class Source(Struct, frozen=True):
    """A rule file as written."""

    file: str
    text: str


class LoadResult(Struct, frozen=True):
    """`rule_set` is None when any finding is an error."""

    rule_set: RuleSet | None
    findings: tuple[Finding, ...]
    sources: tuple[Source, ...] = ()


def rule_set_hash(rule_set: RuleSet) -> str:
    """sha256, in hex, of the canonical form: two files that mean the same have the same hash."""
    return hashlib.sha256(encode_rule_set(rule_set)).hexdigest()


def load_rule_set(
    paths: Sequence[Path], *, today: date | None = None, consumers: Consumers | None = None
) -> LoadResult:
    """One rule set from files and folders (their .yaml and .yml files, by name; hidden ones and cases are left out).

    `today`: by which reviews are overdue. `consumers`: the merchant's own that are known here (None: not looked at).
    """
    report = Report()
    sources = read_sources(_files(paths, report), report)
    if not report.refused:
        return load_texts(sources, today=today, consumers=consumers)
    return LoadResult(None, report.sorted(), tuple(sources))


def load_texts(
    sources: Sequence[Source], *, today: date | None = None, consumers: Consumers | None = None
) -> LoadResult:
    """One rule set from the texts of its files."""
    return load_roots(lambda report: _roots(sources, report), sources, today=today, consumers=consumers)


def load_roots(
    read: Callable[[Report], Sequence[Node]],
    sources: Sequence[Source],
    *,
    today: date | None = None,
    consumers: Consumers | None = None,
) -> LoadResult:
    """One rule set from the documents that `read` returns, or records findings about; `sources`: where they stand."""
    reading = Reading(Report())
    rule_set = None
    try:
        roots = read(reading.report)
        if not reading.report.refused:
            rule_set = rule_set_of(roots, sources[0].file, reading)
            check(rule_set, reading)
            if consumers is not None:
                check_consumers(reading, consumers)
            if not reading.report.refused:
                lint(rule_set, reading, today)
    except Enough:
        rule_set = None
    refused = reading.report.refused
    return LoadResult(None if refused else rule_set, reading.report.sorted(), tuple(sources))


def _roots(sources: Sequence[Source], report: Report) -> list[Node]:
    roots = [_root(source, report) for source in sources]
    return [root for root in roots if root is not None]


def _root(source: Source, report: Report) -> Node | None:
    root = compose(source.text, source.file, report)
    other = next((key for key in NOT_RULES if isinstance(root, Mapping) and root.get(key) is not None), None)
    if root is None or other is None:
        return root
    report.add("not_rules", root.place, *NOT_RULES[other])
    return None


def is_rule_file(path: Path) -> bool:
    """Whether a file of a folder is one of its rule set: YAML, not hidden, and no golden cases (`*.test.yaml`)."""
    return path.suffix in SUFFIXES and not path.name.startswith(".") and Path(path.stem).suffix != TESTS


def _files(paths: Sequence[Path], report: Report) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if is_rule_file(p))
            if not inside:
                report.add("no_files", Place(str(path), 1, 1), "no rule file in this folder", "put rules.yaml into it")
            files.extend(inside)
        else:
            files.append(path)
    if len(files) > MAX_FILES:
        place = Place(str(paths[0]), 1, 1)
        report.add("no_files", place, f"{len(files)} rule files", f"one rule set has at most {MAX_FILES} files")
        return []
    return files


def read_sources(files: Sequence[Path], report: Report) -> list[Source]:
    """The texts of these files; those that cannot be read are left out, with a finding."""
    sources: list[Source] = []
    total = 0
    for file in files:
        data = _bytes(file, report)
        total += len(data or b"")
        text = _text(data, str(file), report) if data is not None else None
        if text is not None:
            sources.append(Source(str(file), text))
    if total > MAX_TOTAL_BYTES:
        place = Place(str(files[0]), 1, 1)
        report.add("file_too_big", place, f"{total:,} bytes in all", f"one rule set has at most {MAX_TOTAL_BYTES:,}")
    return sources


def _bytes(file: Path, report: Report) -> bytes | None:
    place = Place(str(file), 1, 1)
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        report.add("file_unreadable", place, f"cannot be read: {reason}", "check the path and its permissions")
        return None
    if len(data) > MAX_FILE_BYTES:
        report.add("file_too_big", place, "larger than 1 MiB", "split it into several files in one folder")
        return None
    return data


def _text(data: bytes, file: str, report: Report) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        report.add("not_utf8", Place(file, line, column), "this byte is not UTF-8 text", "save the file as UTF-8")
        return None
