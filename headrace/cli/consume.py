"""`headrace consume NAME`: runs a consumer of your own, which some installed package names.

What it does is the consumer's; how it is kept going is `headrace.consumer`'s.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from headrace.cli.output import JsonOption, emit
from headrace.cli.own_consumers import own_consumer
from headrace.cli.running_kafka import use_running_kafka
from headrace.consumer.run_own import run_own
from headrace.consumer.sdk import EffectOfYourOwn, Own, installed
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
    own = own_consumer(name)
    use_running_kafka()

    async def main(stores: Sequence[Any], running: Running) -> None:
        await run_own(own, stores, running)

    run_service_of_stores(f"consumer.{name}", lambda _: own.settings, main)


def _described(own: Own) -> dict[str, Any]:
    if isinstance(own, EffectOfYourOwn):
        return {"name": own.name, "kind": "effect", "about": "do", "start": own.start, "schema": own.schema}
    return {"name": own.name, "kind": "desired state", "about": own.about, "start": own.start, "schema": None}


def _text(found: dict[str, Any]) -> str:
    rows = [f"{row['name']}: {row['kind']} ({row['about']})" for row in found["consumers"]]
    return "\n".join(rows) or "no consumer is installed; `headrace consumer new NAME` writes one"
