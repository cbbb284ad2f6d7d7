"""`headrace consume NAME`: runs a consumer of your own, which some installed package names.

What it does is the consumer's; how it is kept going is `headrace.consumer`'s.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from headrace.cli.output import CliError, JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.consumer.run_own import run_own
from headrace.consumer.sdk import ENTRY_POINTS, EffectOfYourOwn, Own, UnknownConsumer, find, installed
from headrace.runtime.process import Running, run_service_of_stores


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("consume")(consume)


def consume(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The consumer, by its own name.")] = None,
    json: JsonOption = False,
) -> None:
    """Run a consumer of your own until Ctrl-C; without a name, list those that are installed."""
    if name is None:
        emit({"consumers": [_described(own) for own in installed().values()]}, json, _text)
        return
    own = _found(name)
    use_running_kafka()

    async def main(stores: Sequence[Any], running: Running) -> None:
        await run_own(own, stores, running)

    run_service_of_stores(f"consumer.{name}", lambda _: own.settings, main)


def _found(name: str) -> Own:
    try:
        return find(name)
    except UnknownConsumer as error:
        known = ", ".join(error.known)
        hint = f"installed are: {known}" if known else f"a package names it under the entry points {ENTRY_POINTS!r}"
        raise CliError("unknown_consumer", str(error), hint=hint) from error


def _described(own: Own) -> dict[str, Any]:
    if isinstance(own, EffectOfYourOwn):
        return {"name": own.name, "kind": "effect", "about": "do", "start": own.start, "schema": own.schema}
    return {"name": own.name, "kind": "desired state", "about": own.about, "start": own.start, "schema": None}


def _text(found: dict[str, Any]) -> str:
    rows = [f"{row['name']}: {row['kind']} ({row['about']})" for row in found["consumers"]]
    return "\n".join(rows) or "no consumer is installed; `headrace consumer new NAME` writes one"
