"""`headrace state digest | show`: the evaluator's committed state, looked at from outside.

The work is the evaluator's (`python -m services.evaluator state-digest | state-show`).
"""

from typing import Annotated, Any

import typer

from headrace.cli.customer import CustomerArgument, customer_key
from headrace.cli.output import JsonOption, as_line, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.service_child import ask_service
from headrace.runtime.settings import KafkaSettings, load_settings


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="The evaluator's state: its digest, one customer's.", no_args_is_help=True)
    group.command("digest")(digest)
    group.command("show")(show)
    app.add_typer(group, name="state")


def digest(json: JsonOption = False) -> None:
    """One digest over every customer's live state, pending rule sets and timers included; --json adds the offsets."""
    _settings()
    found, _ = ask_service("services.evaluator", "state-digest")
    emit(found, json, lambda it: f"{it['digest']}  generation {it['generation']}, {it['customers']} customers")


def show(
    customer: CustomerArgument,
    personal: Annotated[bool, typer.Option("--personal", help="Also e-mail, names, phone.")] = False,
    json: JsonOption = False,
) -> None:
    """Show one customer's state. Personal data is left out unless it is asked for."""
    _settings()
    words = [customer_key(customer), *["--personal"] * personal]
    found, _ = ask_service("services.evaluator", "state-show", *words)
    emit(found, json, _text)


def _settings() -> None:
    use_running_kafka()
    load_settings(KafkaSettings)  # what is wrong with them is said here, before anything starts


def _text(found: dict[str, Any]) -> str:
    state = found.pop("state") or {}
    head = "\n".join(f"{name}: {as_line(value)}" for name, value in found.items())
    return head + "".join(f"\n  {name}: {as_line(value)}" for name, value in state.items())
