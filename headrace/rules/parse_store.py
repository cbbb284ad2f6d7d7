"""The store, the declared meaning of spend, the groups and their order: what entries refer to."""

from functools import cache
from typing import Final, cast, get_args
from zoneinfo import available_timezones

import pycountry

from headrace.contracts.actions import Platform
from headrace.contracts.events import OrderStatus
from headrace.rules import scalars
from headrace.rules.catalogue import STATUSES
from headrace.rules.findings import Place, Refused, did_you_mean, quoted
from headrace.rules.model import Group, Spend, Store
from headrace.rules.parse_group import sees
from headrace.rules.reading import Reading, Use, each, items, keys
from headrace.rules.yaml_source import Items, Mapping, Node

ABOUT: Final = ("goal", "owner", "review_by")
MAX_PROSE: Final = 2_000
ALIAS_PLATFORMS: Final = ("bigcommerce", "shopify", *get_args(Platform))
"""Where a group may go by another name."""
GROUP_SEES: Final = ("categories", "discounts", "price_list")
_GROUP_KEYS: Final = ("name", "alias", "kind", "erp_id", "description", *GROUP_SEES, *ABOUT)
SPEND_CHOICES: Final = {
    "amount": ("total", "subtotal", "total_excluding_tax"),
    "refunds": ("subtract", "ignore"),
    "shipping": ("include", "exclude"),
    "store_credit": ("include", "exclude"),
}
_ORDER_EXAMPLE: Final = "group_order: [Gold, Silver], highest first"


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def timezone(node: Node) -> str:
    """A name of the IANA list."""
    name = scalars.text(node, "timezone")
    if name in _timezones():
        return name
    hint = did_you_mean(name.replace(" ", "_"), tuple(sorted(_timezones())), otherwise="")
    raise Refused(
        "unknown_timezone",
        node.place,
        f"no time zone is called {quoted(name)}",
        hint or "write a name of the IANA list, such as Europe/London or America/New_York",
    )


def currency(node: Node) -> str:
    """A code of ISO 4217."""
    code = scalars.text(node, "currency")
    if pycountry.currencies.get(alpha_3=code) is not None and code.isupper():
        return code
    upper = pycountry.currencies.get(alpha_3=code.upper()) is not None and len(code) == 3
    raise Refused(
        "unknown_currency",
        node.place,
        f"no currency has the code {quoted(code)}",
        f"write {code.upper()}" if upper else "write a code of ISO 4217, such as USD, GBP or EUR",
    )


def store(node: Node, reading: Reading) -> Store | None:
    """The store's time zone and currency, both required."""
    report = reading.report
    found = keys(node, "store", report, known=("timezone", "currency"))
    for key in ("timezone", "currency"):
        if key not in found:
            example = "Europe/London" if key == "timezone" else "GBP"
            report.add("missing_key", node.place, f"store has no {key}", f"add {key}, such as {key}: {example}")
    zone = report.tried(timezone, found["timezone"]) if "timezone" in found else None
    code = report.tried(currency, found["currency"]) if "currency" in found else None
    reading.currency = code or ""
    return Store(timezone=zone, currency=code) if zone and code else None


def status(node: Node) -> OrderStatus:
    """One of the store's order statuses."""
    return cast("OrderStatus", scalars.choice(node, "an order status", STATUSES))


def spend(node: Node, reading: Reading) -> Spend:
    """What counts as spend; keys left out keep their defaults."""
    report = reading.report
    found = keys(node, "spend", report, known=("count_statuses", *SPEND_CHOICES))
    values: dict[str, object] = {}
    if "count_statuses" in found:
        statuses = report.tried(each, found["count_statuses"], "count_statuses", "[shipped, completed]", report, status)
        values["count_statuses"] = tuple(dict.fromkeys(statuses or ()))
    for key in SPEND_CHOICES.keys() & found.keys():
        values[key] = report.tried(scalars.choice, found[key], key, SPEND_CHOICES[key])
    return Spend(**values) if None not in values.values() else Spend()  # type: ignore[arg-type]  # checked by choice


def about(found: dict[str, Node], reading: Reading) -> dict[str, str]:
    """Goal, owner and review_by of an entry."""
    values: dict[str, str] = {}
    for key in ABOUT:
        if key in found:
            read = reading.report.tried
            said = (
                read(scalars.day, found[key], key)
                if key == "review_by"
                else read(scalars.text, found[key], key, limit=MAX_PROSE)
            )
            values[key] = said or ""
    return values


def _alias(node: Node, reading: Reading, group: str) -> dict[str, str]:
    pairs = node.pairs if isinstance(node, Mapping) else None
    if pairs is None:
        raise Refused("wrong_shape", node.place, "alias is a mapping", "write alias: {bigcommerce: Gold members}")
    names: dict[str, str] = {}
    for key, value in pairs:
        if key.text not in ALIAS_PLATFORMS:
            otherwise = f"platforms are: {', '.join(ALIAS_PLATFORMS)}"
            hint = did_you_mean(key.text, ALIAS_PLATFORMS, otherwise=otherwise)
            reading.report.add("unknown_key", key.place, f"no platform is called {quoted(key.text)}", hint)
        name = reading.report.tried(scalars.text, value, "an alias")
        if name is not None:
            names[key.text] = name
            reading.group_aliases.append((key.text, Use(name, value.place, group)))
    return names


def group(node: Node, reading: Reading) -> Group | None:
    """One of the store's customer groups."""
    report = reading.report
    found = keys(node, "a group", report, known=_GROUP_KEYS)
    if "name" not in found:
        report.add("missing_key", node.place, "a group has no name", "write {name: Gold}")
        return None
    name = report.tried(scalars.text, found["name"], "the group's name")
    if name is None:
        return None
    reading.groups.append(Use(name, found["name"].place))
    values: dict[str, object] = {}
    if "kind" in found:
        values["kind"] = report.tried(scalars.choice, found["kind"], "kind", ("B2B", "B2C"))
    if "alias" in found:
        values["alias"] = report.tried(_alias, found["alias"], reading, name) or {}
    for key, limit in (("erp_id", scalars.MAX_TEXT), ("description", MAX_PROSE)):
        if key in found:
            values[key] = report.tried(scalars.text, found[key], key, limit=limit) or ""
    values |= sees(found, reading)
    return Group(name=name, **values, **about(found, reading))  # type: ignore[arg-type]  # each read by its type


def _ordered(node: Node, reading: Reading) -> str:
    name = scalars.text(node, "a group's name")
    reading.group_order.append(Use(name, node.place))
    return name


def group_order(node: Node, reading: Reading) -> tuple[tuple[str, ...], ...]:
    """Places from the highest to the lowest; a list inside the list is several groups of equal rank."""
    if isinstance(node, Items) and not node.items:
        return ()
    places: list[tuple[str, ...]] = []
    for place in items(node, "group_order", _ORDER_EXAMPLE):
        equals = items(place, "groups of equal rank", "[Gold, Apple]") if isinstance(place, Items) else (place,)
        names = [reading.report.tried(_ordered, item, reading) for item in equals]
        places.append(tuple(name for name in names if name is not None))
    return tuple(names for names in places if names)


def root(files: list[Node]) -> Place:
    """Where a missing top-level key is reported: the start of the first file."""
    return Place(files[0].place.file, 1, 1)
