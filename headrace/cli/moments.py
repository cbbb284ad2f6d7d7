"""Moments as people write them on the command line."""

from datetime import datetime

from headrace.cli.output import CliError


def moment(option: str, text: str) -> datetime:
    """The moment of an RFC 3339 text. Raises CliError for what is none, or has no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CliError("usage", f"{option} {text}: not a time", hint="write 2026-01-31T12:00:00Z") from None
    if found.tzinfo is None:
        raise CliError("usage", f"{option} {text}: without a zone", hint="write 2026-01-31T12:00:00Z")
    return found
