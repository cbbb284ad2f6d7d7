"""How a verb is told which customer is meant: `store:customer`, or the number alone where --store names the store."""

import os
from typing import Annotated

import typer

from headrace.cli.output import CliError
from headrace.runtime.settings import variable
from headrace.runtime.stores import store_names

CustomerArgument = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help='"store:customer", or the number with --store.')
]


def customer_key(customer: str) -> str:
    """Its key in the log. Raises CliError for a number without a store, where there is not just one."""
    store, _, number = customer.partition(":")
    if store and number:
        return customer
    names = store_names()
    known = os.environ.get(variable("store")) or (names[0] if len(names) == 1 else "")
    if not known or "," in known or not customer or ":" in customer:
        name = customer.strip(":") or "42"
        which = f"; there are {', '.join(names)}" if len(names) > 1 else ""
        raise CliError(
            "usage",
            f"{customer!r} names no customer of a store",
            hint=f"did you mean {known or 'STORE'}:{name}? Or name the store with --store{which}",
        )
    return f"{known}:{customer}"
