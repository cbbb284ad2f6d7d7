"""The merchant's own consumers that are installed here, as the rule language asks for them."""

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from headrace.cli.output import CliError
from headrace.consumer.effects import Refused
from headrace.consumer.sdk import ENTRY_POINTS, EffectOfYourOwn, Own, UnknownConsumer, find, installed
from headrace.rules.consumers import Consumers


@cache
def own_consumers() -> Consumers:
    """By name. Raises CliError for one that cannot be imported."""
    try:
        found = installed()
    except Exception as error:
        message = f"a consumer that is installed cannot be imported: {type(error).__name__}: {error}"
        raise CliError("broken_consumer", message, hint="mend its package, or uninstall it") from error
    return {name: partial(_wrong, own) for name, own in found.items() if isinstance(own, EffectOfYourOwn)}


def own_consumer(name: str) -> Own:
    """The one of this name. Raises CliError."""
    try:
        return find(name)
    except UnknownConsumer as error:
        known = ", ".join(error.known)
        hint = f"installed are: {known}" if known else f"a package names it under the entry points {ENTRY_POINTS!r}"
        raise CliError("unknown_consumer", str(error), hint=hint) from error


def _wrong(own: EffectOfYourOwn[Any, Any, Any], said: Mapping[str, Any]) -> str | None:
    try:
        own.read(said)
    except Refused as error:
        return error.detail
    return None
