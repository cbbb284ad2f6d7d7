"""`headrace explain`: why a customer is in its group and in nothing else, and what would move it.

The work is the evaluator's (`python -m services.evaluator explain`); how it reads is `explain_text.py`'s.
"""

from typing import Annotated

import typer

from headrace.cli.customer import CustomerArgument, customer_key
from headrace.cli.explain_text import explanation_text
from headrace.cli.moments import moment
from headrace.cli.output import JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.service_child import ask_service
from headrace.runtime.settings import KafkaSettings, load_settings


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("explain")(explain)


def explain(
    customer: CustomerArgument,
    rule: Annotated[
        str | None,
        typer.Option("--rule", metavar="ID", help="Only this rule, segment or ladder."),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="As it was then (RFC 3339), folded from the log.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say why a customer is in its group and not in another, and what is the smallest change that would move it."""
    words = [customer_key(customer)]
    words += [] if rule is None else ["--rule", rule]
    words += [] if at is None else ["--at", moment("--at", at).isoformat()]
    use_running_kafka()
    load_settings(KafkaSettings)  # what is wrong with them is said here, before anything starts
    found, _ = ask_service("services.evaluator", "explain", *words)
    emit(found, json, explanation_text)
