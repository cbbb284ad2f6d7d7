"""The store's groups as a verb reads and writes them: what the rules want, what the store has, a change at a time.

What has to change is decided in `headrace.platforms.bigcommerce.group_plan`.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import Field, SecretStr

from headrace.cli.output import EXIT_FINDINGS, EXIT_UNAVAILABLE, EXIT_USAGE, CliError
from headrace.contracts.money import exponent
from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce.group_plan import Change, GroupPlan, plan_groups
from headrace.platforms.bigcommerce.wanted_groups import Known, WantedDiscount, WantedGroup
from headrace.platforms.errors import Rejected, Unauthorized, VendorError
from headrace.platforms.http import Reply, Request, VendorClient
from headrace.platforms.store import make_bigcommerce
from headrace.rules.group_names import store_name
from headrace.rules.model import Discount, Group, RuleSet
from headrace.runtime.retry import RetryPolicy
from headrace.runtime.settings import ServiceSettings, variable

_WEIGHT: Final = 0.05
"""Of our share of the store's quota, beside what the services have: for more, a verb waits until they leave it."""
RETRY: Final = RetryPolicy(first_delay_s=0.5, max_delay_s=15.0, deadline_s=45.0)
"""Somebody sits before it; a full window of the quota is waited out."""
_Rows = list[dict[str, Any]]
Outcome = Literal["done", "partly", "refused", "unknown"]


class StoreClientSettings(ServiceSettings):
    """What a verb needs that speaks to the store itself."""

    kafka_bootstrap_servers: str = ""
    bigcommerce_url: str = "https://api.bigcommerce.com"
    """The API's address without `/stores/...`."""
    bigcommerce_token: SecretStr
    """Access token of the store's API account."""
    bigcommerce_quota_share: float = Field(default=0.5, gt=0, le=1)
    """Our share of the store's API quota, all our processes together."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a change. `message`: the vendor's words, when it did not simply do it."""

    change: Change
    outcome: Outcome
    message: str = ""


@asynccontextmanager
async def store_client(settings: StoreClientSettings) -> AsyncIterator[VendorClient]:
    """A client for the store; the vendor's errors leave it as `CliError`."""
    client = make_bigcommerce(settings, _WEIGHT, retry=RETRY)
    try:
        yield client
    except VendorError as error:
        raise _cli_error(error) from error
    finally:
        await client.aclose()


def wanted_of(rule_set: RuleSet) -> list[WantedGroup]:
    """The rule set's groups by the names the store has for them."""
    digits = exponent(rule_set.store.currency)
    return [_wanted(group, digits) for group in rule_set.groups]


async def read_plan(client: VendorClient, wanted: Sequence[WantedGroup]) -> GroupPlan:
    """Reads the store's groups, and of its catalogue what the names need. Raises `VendorError`."""
    rows = await _pages(client, bigcommerce.customer_groups, by_count=True)
    held = [group for row in rows if (group := bigcommerce.group_of(row)) is not None]
    return plan_groups(wanted, held, await _known(client, wanted))


async def apply_change(client: VendorClient, change: Change) -> Applied:
    """Does one. What cannot be known (the connection broke) or was refused is told, anything else raised."""
    try:
        reply = await client.call(change.request())
    except Rejected as error:
        return Applied(change, "refused", error.message)
    except VendorError as error:
        if error.next != "look":
            raise
        return Applied(change, "unknown", error.message)
    if reply.status == bigcommerce.PARTLY_SAVED:
        return Applied(change, "partly", "saved, but for the discount of the whole store")
    return Applied(change, "done")


def _wanted(group: Group, digits: int) -> WantedGroup:
    discounts = None if group.discounts is None else tuple(_discount(each, digits) for each in group.discounts)
    return WantedGroup(store_name(group), group.categories, discounts, group.price_list)


def _discount(written: Discount, digits: int) -> WantedDiscount:
    if written.percent:
        return WantedDiscount(percent=written.percent, of=written.of, name=written.name)
    return WantedDiscount(amount=Decimal(written.amount).scaleb(-digits), of=written.of, name=written.name)


async def _known(client: VendorClient, wanted: Sequence[WantedGroup]) -> Known:
    """Only what some group names is read."""
    categories: _Rows = []
    lists: _Rows = []
    if any(group.names("category") for group in wanted):
        categories = await _pages(client, bigcommerce.categories)
    if any(group.names("price_list") for group in wanted):
        lists = await _pages(client, bigcommerce.list_price_lists)
    products = await _products(client, sorted(set().union(*(group.names("product") for group in wanted))))
    return Known.of(
        category=_pairs(categories, "name"), price_list=_pairs(lists, "name"), product=_pairs(products, "sku")
    )


async def _products(client: VendorClient, names: Sequence[str]) -> _Rows:
    """Those with one of these SKUs, and those with one of these ids."""
    found: _Rows = []
    for start in range(0, len(names), bigcommerce.IDS_PER_CALL):
        some = names[start : start + bigcommerce.IDS_PER_CALL]
        numbers = [int(name) for name in some if name.isascii() and name.isdigit() and len(name) < 10]
        found += bigcommerce.rows_of(await client.call(bigcommerce.products_by_sku(some)))
        if numbers:
            rows = bigcommerce.rows_of(await client.call(bigcommerce.products_by_id(numbers)))
            found += [{**row, "sku": f"#{row.get('id')}"} for row in rows]
    return list({row.get("id"): row for row in reversed(found)}.values())


def _pairs(rows: Iterable[dict[str, Any]], name: str) -> list[tuple[str, int]]:
    return [(row[name], row["id"]) for row in rows if isinstance(row.get(name), str) and isinstance(row.get("id"), int)]


async def _pages(client: VendorClient, ask: Callable[[int], Request], *, by_count: bool = False) -> _Rows:
    """Every row; `by_count`: a v2 list, which does not say how many pages there are."""
    rows: _Rows = []
    page: int | None = 1
    while page is not None:
        reply = await client.call(ask(page))
        rows += bigcommerce.rows_of(reply)
        page = _next(reply, page) if by_count else bigcommerce.next_page_of(reply)
    return rows


def _next(reply: Reply, page: int) -> int | None:
    return page + 1 if len(bigcommerce.rows_of(reply)) >= bigcommerce.PAGE_LIMIT else None


def _cli_error(error: VendorError) -> CliError:
    if isinstance(error, Unauthorized):
        hint = f"set {variable('bigcommerce_token')} to a token of this store"
        if error.forbidden:
            hint = "give the API account the scope for customers (modify) and products (read-only)"
        return CliError("store_unauthorized", f"the store refused the token: {error}", hint=hint, exit_code=EXIT_USAGE)
    if isinstance(error, Rejected):
        return CliError("store_refused", f"the store refused: {error}", exit_code=EXIT_FINDINGS)
    hint = f"see {variable('bigcommerce_url')}, then run it again: what is done already is not done twice"
    return CliError("store_unavailable", f"the store does not answer: {error}", hint=hint, exit_code=EXIT_UNAVAILABLE)
