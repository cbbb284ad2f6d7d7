"""`headrace attributes get | list | define | undefine | set`: the attributes service, asked over HTTP.

The store itself is the service's: nothing here opens its database. A value that is set becomes an event.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer
from pydantic import Field, SecretStr

from headrace.cli.customer import CustomerArgument, customer_key
from headrace.cli.output import EXIT_FINDINGS, EXIT_UNAVAILABLE, CliError, JsonOption, emit
from headrace.runtime.settings import PREFIX, KafkaSettings, settings_of
from headrace.runtime.stores import one_store

_TIMEOUT_S = 10.0
_UNAUTHORIZED, _NOT_FOUND, _SERVER_ERROR = 401, 404, 500
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the attribute.")]


class Mirror(StrEnum):
    """Where the store shows an attribute."""

    TOGETHER = "together"
    STORE_ATTRIBUTE = "store-attribute"
    METAFIELD = "metafield"
    NONE = "none"


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
    for verb in (get, list_, define, undefine, set_):
        group.command(verb.__name__.rstrip("_"))(verb)
    app.add_typer(group, name="attributes")


def get(
    customer: CustomerArgument,
    json: JsonOption = False,
) -> None:
    """Show all values of a customer's attributes, with what set them and since when."""
    key = customer_key(customer)
    emit(_ask("GET", f"/v1/customers/{quote(key, safe=':')}/attributes", about=key), json, _customer_text)


def list_(json: JsonOption = False) -> None:
    """Show every attribute that is defined or that a customer has, with counts."""
    rows: list[Any] = []
    after = ""
    while True:
        page = _ask("GET", "/v1/attributes", params={"after": after, "limit": "200"})
        rows += page["attributes"]
        if page["next"] is None:
            break
        after = page["next"]
    emit({"attributes": rows}, json, lambda found: "\n".join(_attribute_text(row) for row in found["attributes"]))


def define(
    name: NameArgument,
    allow: Annotated[list[str] | None, typer.Option("--allow", help="A value it may have; again for more.")] = None,
    mirror: Annotated[Mirror, typer.Option(help="Where the store shows it.")] = Mirror.TOGETHER,
    json: JsonOption = False,
) -> None:
    """Say what an attribute may hold (without --allow: anything) and where in the store it is shown."""
    body = {"allowed": allow or None, "mirror": mirror.replace("-", "_")}
    emit(_ask("PUT", f"/v1/attributes/{quote(name, safe='')}", body=body), json, _attribute_text)


def undefine(name: NameArgument, json: JsonOption = False) -> None:
    """Take a definition away; the values stay, and are shown together with all others."""
    _ask("DELETE", f"/v1/attributes/{quote(name, safe='')}")
    emit({"name": name, "defined": False}, json, lambda found: f"{found['name']}: any value, mirrored together")


def set_(
    customer: CustomerArgument,
    name: NameArgument,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="VALUE...", help="All of them; none takes it away.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Set all values of one attribute of a customer by hand. It is an event: seen when it comes back."""
    key = customer_key(customer)
    path = f"/v1/customers/{quote(key, safe=':')}/attributes/{quote(name, safe='')}"
    emit(_ask("PUT", path, body={"values": values or []}, about=key), json, lambda found: f"accepted as {found['id']}")


def _ask(
    method: str,
    path: str,
    *,
    body: Any = None,
    params: dict[str, str] | None = None,
    about: str | None = None,
) -> Any:
    # Of several stores: the customer's, or the one that is named; with its own key, if it has one.
    entry = one_store(None if about is None else about.partition(":")[0])
    settings = settings_of(entry, AttributesClientSettings)
    if about is None and entry.among:
        params = {**(params or {}), "store": entry.name}
    base = settings.attributes_url.rstrip("/") or f"http://127.0.0.1:{settings.port}"
    headers = {"X-Api-Key": settings.api_key.get_secret_value()} if settings.api_key else {}
    try:
        reply = httpx.request(
            method, base + path, json=body, params=params, headers=headers, timeout=_TIMEOUT_S, trust_env=False
        )
        return _answer(reply, about)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise CliError(
            "attributes_unavailable",
            f"the attributes service at {base} does not answer: {type(error).__name__}",
            hint=f"set {PREFIX}ATTRIBUTES_URL to its address",
            exit_code=EXIT_UNAVAILABLE,
        ) from error


def _answer(reply: httpx.Response, about: str | None) -> Any:
    if reply.is_success:
        return reply.json() if reply.content else None
    if reply.status_code == _NOT_FOUND and about is not None:
        raise CliError("unknown_customer", f"{about} is no customer of this store", id=about, exit_code=EXIT_FINDINGS)
    if reply.status_code == _UNAUTHORIZED:
        raise CliError("unauthorized", "the attributes service refused the API key", hint=f"set {PREFIX}API_KEY")
    if reply.status_code < _SERVER_ERROR and (error := reply.json().get("error")):
        allowed = f": {', '.join(error['allowed'])}" if "allowed" in error else ""
        raise CliError(
            error["code"], error["message"], hint=error.get("hint", "") + allowed, id=about, exit_code=EXIT_FINDINGS
        )
    raise CliError(
        "attributes_unavailable",
        f"the attributes service answered {reply.status_code}",
        exit_code=EXIT_UNAVAILABLE,
    )


def _customer_text(found: Any) -> str:
    lines = [
        f"{name}: {entry['value']}  ({entry['source'] or 'unknown source'}, since {entry['since']}{_not_shown(entry)})"
        for name, entries in found["attributes"].items()
        for entry in entries
    ]
    return "\n".join([found["customer"], *(f"  {line}" for line in lines)] if lines else [f"{found['customer']}: none"])


def _not_shown(entry: Any) -> str:
    return f"; not in the store: {entry['reason']}" if entry.get("reason") and not entry.get("mirrored") else ""


def _attribute_text(row: Any) -> str:
    return ": ".join([row["name"], ", ".join(_said(row))])


def _said(row: Any) -> Iterator[str]:
    yield f"{row['customers']} customers, {row['values']} values"
    yield "any value" if row["allowed"] is None else f"allowed {' | '.join(row['allowed'])}"
    yield f"mirror {row['mirror'].replace('_', '-')}"
    if row["problem"]:
        yield row["problem"]
