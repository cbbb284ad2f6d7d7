"""`headrace attributes get CUSTOMER`: what the attributes service keeps of one customer, asked over HTTP.

The store itself is the service's: nothing here opens its database.
"""

from typing import Any
from urllib.parse import quote

import httpx
import typer
from pydantic import Field, SecretStr

from headrace.cli.customer import CustomerArgument, customer_key
from headrace.cli.output import EXIT_UNAVAILABLE, CliError, JsonOption, emit
from headrace.runtime.settings import PREFIX, KafkaSettings, load_settings

_TIMEOUT_S = 10.0


class AttributesClientSettings(KafkaSettings):
    """Where the service is, and the key it asks for."""

    kafka_bootstrap_servers: str = ""
    attributes_url: str = Field(default="", max_length=2000)
    """The service's address; without it, HEADRACE_PORT on this machine."""
    port: int = Field(default=8081, ge=1, le=65535)
    api_key: SecretStr | None = None


def register(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="The attributes kept for customers.", no_args_is_help=True)
    group.command("get")(get)
    app.add_typer(group, name="attributes")


def get(
    customer: CustomerArgument,
    json: JsonOption = False,
) -> None:
    """Show all values of a customer's attributes, with what set them and since when."""
    settings = load_settings(AttributesClientSettings)
    emit(_ask(settings, customer_key(customer)), json, _text)


def _ask(settings: AttributesClientSettings, customer: str) -> dict[str, Any]:
    base = settings.attributes_url.rstrip("/") or f"http://127.0.0.1:{settings.port}"
    headers = {"X-Api-Key": settings.api_key.get_secret_value()} if settings.api_key else {}
    try:
        url = f"{base}/v1/customers/{quote(customer, safe=':')}/attributes"
        reply = httpx.get(url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)
        return _answer(reply, customer)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise CliError(
            "attributes_unavailable",
            f"the attributes service at {base} does not answer: {type(error).__name__}",
            hint=f"set {PREFIX}ATTRIBUTES_URL to its address",
            exit_code=EXIT_UNAVAILABLE,
        ) from error


def _answer(reply: httpx.Response, customer: str) -> dict[str, Any]:
    if reply.status_code == 200:
        found: dict[str, Any] = reply.json()
        return found
    if reply.status_code == 404:
        raise CliError("unknown_customer", f"{customer} is no customer of this store", id=customer, exit_code=1)
    if reply.status_code == 401:
        raise CliError("unauthorized", "the attributes service refused the API key", hint=f"set {PREFIX}API_KEY")
    raise CliError(
        "attributes_unavailable",
        f"the attributes service answered {reply.status_code}",
        exit_code=EXIT_UNAVAILABLE,
    )


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"{name}: {entry['value']}  ({entry['source'] or 'unknown source'}, since {entry['since']})"
        for name, entries in found["attributes"].items()
        for entry in entries
    ]
    return "\n".join([found["customer"], *(f"  {line}" for line in lines)] if lines else [f"{found['customer']}: none"])
