"""How a verb is told which customer is meant: `store:customer`, or the number alone where --store names the store."""

import os
from typing import Annotated

import typer

from headrace.cli.output import CliError
from headrace.runtime.settings import variable

CustomerArgument = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help='"store:customer", or the number with --store.')
]


def customer_key(customer: str) -> str:
    """Its key in the log. Raises CliError for a number without a store."""
    store, _, number = customer.partition(":")
    if store and number:
        return customer
    known = os.environ.get(variable("store"))
    if not known or not customer or ":" in customer:
        name = customer.strip(":") or "42"
        raise CliError(
            "usage",
            f"{customer!r} names no customer of a store",
            hint=f"did you mean {known or 'STORE'}:{name}? Or name the store with --store",
        )
    return f"{known}:{customer}"
