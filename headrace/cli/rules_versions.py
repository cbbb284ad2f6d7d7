"""Versions of a rule set for people: one line each, one whole, and what two of them differ in. Pure."""

import difflib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from headrace.cli.activation import Version
from headrace.cli.output import EXIT_FINDINGS, CliError
from headrace.rules.dependencies import entries_of
from headrace.rules.model import RuleSet, decode_rule_set

_SHORT = 12
_LISTS = ("ladders", "segments", "rules")


def row_of(version: Version) -> dict[str, Any]:
    """One version: number, hash, when it was written, how many entries it has (None: unreadable), what it repeats."""
    record = version.record
    written = datetime.fromtimestamp(version.written_ms / 1000, UTC)
    return {
        "version": record.version,
        "hash": record.hash,
        "written_at": written.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "entries": _entries(version),
        "rollback_of": record.rollback_of or None,
    }


def history_text(rows: list[dict[str, Any]]) -> str:
    """The versions, one a line."""
    if not rows:
        return "no rule set yet: headrace apply --from DIR"
    return "\n".join(_line(row) for row in rows)


def show_text(version: Version) -> str:
    """The files as they were written; the compiled rule set where a version has none."""
    source = version.record.source.rstrip("\n")
    return source or json.dumps(document(version), indent=2, ensure_ascii=False)


def document(version: Version) -> Any:
    """The compiled rule set as plain data."""
    return json.loads(bytes(version.record.document))


def readable(version: Version) -> RuleSet:
    """The rule set of a version. Raises `CliError` when this release cannot read it."""
    try:
        return decode_rule_set(version.record.document)
    except msgspec.DecodeError as error:
        raise CliError(
            "version_unreadable",
            f"version {version.record.version} was written by another release: {error}",
            hint=f"headrace rules show {version.record.version} prints its files: mend them and apply those",
            exit_code=EXIT_FINDINGS,
        ) from error


def diff_of(one: Version, other: Version) -> dict[str, Any]:
    """Entries added, removed and changed from `one` to `other`, and the other keys that differ."""
    before, after = _by_id(one), _by_id(other)
    changed = [
        {"id": name, "before": before[name], "after": after[name]}
        for name in before.keys() & after.keys()
        if before[name] != after[name]
    ]
    return {
        "from": one.record.version,
        "to": other.record.version,
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(changed, key=lambda entry: str(entry["id"])),
        "settings": _settings(document(one), document(other)),
    }


def diff_text(one: Version, other: Version, found: Mapping[str, Any]) -> str:
    """The entries, then the files line by line."""
    lines = [f"{word}: {', '.join(found[word])}" for word in ("added", "removed", "settings") if found[word]]
    if found["changed"]:
        lines.append(f"changed: {', '.join(entry['id'] for entry in found['changed'])}")
    written = difflib.unified_diff(
        show_text(one).split("\n"),
        show_text(other).split("\n"),
        f"version {one.record.version}",
        f"version {other.record.version}",
        lineterm="",
    )
    return "\n".join([*(lines or ["both mean the same"]), *written])


def _line(row: Mapping[str, Any]) -> str:
    count = row["entries"]
    entries = "unreadable" if count is None else f"{count} {'entry' if count == 1 else 'entries'}"
    repeats = f", rolled back to {row['rollback_of']}" if row["rollback_of"] else ""
    in_force = ", in force" if row["in_force"] else ""
    return f"{row['version']:>4}  {row['written_at']}  {row['hash'][:_SHORT]}  {entries}{repeats}{in_force}"


def _entries(version: Version) -> int | None:
    try:
        return len(entries_of(decode_rule_set(version.record.document)))
    except msgspec.DecodeError:
        return None


def _by_id(version: Version) -> dict[str, Any]:
    found = document(version)
    return {entry["id"]: entry for name in _LISTS for entry in found.get(name, ())}


def _settings(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    names = {**one, **other}.keys() - set(_LISTS)
    return sorted(name for name in names if one.get(name) != other.get(name))
