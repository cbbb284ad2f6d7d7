"""`headrace history`: every change of a customer's memberships, with its time and cause.

The work is the evaluator's (`python -m services.evaluator history`).
"""

import typer

from headrace.cli.customer import CustomerArgument, customer_key
from headrace.cli.explain_text import history_text
from headrace.cli.output import JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.service_child import ask_service
from headrace.runtime.settings import KafkaSettings, load_settings


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("history")(history)


def history(customer: CustomerArgument, json: JsonOption = False) -> None:
    """Show when a customer came into and left each segment, rung, rule and group, and because of what."""
    words = [customer_key(customer)]
    use_running_kafka()
    load_settings(KafkaSettings)  # what is wrong with them is said here, before anything starts
    found, _ = ask_service("services.evaluator", "history", *words)
    emit(found, json, history_text)
