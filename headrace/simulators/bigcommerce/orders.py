"""Orders v2 and refunds v3.

Lists are bare arrays, 204 when empty; archived orders are listed, with `is_deleted`.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from headrace.simulators.bigcommerce import shapes
from headrace.simulators.bigcommerce.dates import parse_date
from headrace.simulators.call import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Answer,
    Call,
    CallRefused,
    Routes,
    data,
    ok,
    v2_error,
    v3_error,
)
from headrace.simulators.people import Refused
from headrace.simulators.rows import STATUS_LABELS, Order
from headrace.simulators.world import World

KEPT_ORDERS: Final = 2_000
"""Orders whose lines are kept as JSON."""


def routes(world: World, base: str) -> Routes:
    """The handlers of these resources; `base` is the store's address, for links."""
    api = _Orders(world, base)
    return {
        ("GET", "/v2/orders"): api.many,
        ("GET", "/v2/orders/count"): api.count,
        ("GET", "/v2/orders/{id}"): api.one,
        ("PUT", "/v2/orders/{id}"): api.update,
        ("DELETE", "/v2/orders/{id}"): api.archive,
        ("GET", "/v2/orders/{id}/products"): api.products,
        ("GET", "/v2/orders/{id}/consignments"): api.consignments,
        ("GET", "/v2/order_statuses"): api.statuses,
        ("GET", "/v3/orders/payment_actions/refunds"): api.refunds,
        ("GET", "/v3/orders/payment_actions/refunds/{id}"): api.refund,
        ("GET", "/v3/orders/{id}/payment_actions/refunds"): api.refunds_of_order,
    }


class _Orders:
    def __init__(self, world: World, base: str) -> None:
        self._trade = world.trade
        self._base = base
        self._rendered: dict[int, tuple[object, msgspec.Raw]] = {}

    def many(self, call: Call) -> Answer:
        limit, number = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT), call.number("page", 1)
        part = list(islice(self._sorted(call), (number - 1) * limit, number * limit))
        return ok([self._render(row, call) for row in part]) if part else Answer(204)

    def count(self, call: Call) -> Answer:
        return ok({"count": len(self._trade.orders)})

    def one(self, call: Call) -> Answer:
        row = self._trade.orders.seen(call.ids[0])
        return _missing() if row is None else ok(self._render(row, call))

    def update(self, call: Call) -> Answer:
        fields = call.json()
        try:
            self._trade.set_status(call.ids[0], fields["status_id"])
        except (Refused, KeyError, TypeError) as refusal:
            return v2_error(400, str(refusal))
        return self.one(call)

    def archive(self, call: Call) -> Answer:
        try:
            self._trade.archive(call.ids[0])
        except Refused:
            return _missing()
        return Answer(204)

    def products(self, call: Call) -> Answer:
        row = self._trade.orders.seen(call.ids[0])
        if row is None:
            return _missing()
        limit, number = call.number("limit", DEFAULT_LIMIT, highest=MAX_LIMIT), call.number("page", 1)
        part = row.lines[(number - 1) * limit : number * limit]
        return ok(shapes.lines(row, part)) if part else Answer(204)

    def consignments(self, call: Call) -> Answer:
        row = self._trade.orders.seen(call.ids[0])
        return _missing() if row is None else ok(shapes.consignments(row, self._items(row, call)))

    def statuses(self, call: Call) -> Answer:
        return ok([{"id": index, "name": name, "custom_label": name} for index, name in enumerate(STATUS_LABELS)])

    def refunds(self, call: Call) -> Answer:
        orders = call.id_list("order_id:in")
        chosen = call.id_list("id:in")
        ids = sorted(set(self._trade.refund_ids.values())) if orders is None else orders
        since = _moment(call, "created:min")
        found = [
            refund
            for order_id in ids
            if (row := self._trade.orders.seen(order_id)) is not None
            for refund in row.refunds
            if (since is None or refund.created >= since) and (chosen is None or refund.id in chosen)
        ]
        return data([shapes.refund(row) for row in found])

    def refund(self, call: Call) -> Answer:
        row = self._trade.refund_by_id(call.ids[0])
        return v3_error(404, "The requested refund was not found.") if row is None else data(shapes.refund(row))

    def refunds_of_order(self, call: Call) -> Answer:
        row = self._trade.orders.seen(call.ids[0])
        if row is None:
            return v3_error(404, "The requested order was not found.")
        return data([shapes.refund(refund) for refund in row.refunds])

    def _sorted(self, call: Call) -> Iterator[Order]:
        tests = _tests(call)
        rows = (row for row in self._candidates(call) if all(test(row) for test in tests))
        sort = call.query.get("sort", "id:asc")
        return rows if sort in {"id", "id:asc"} else iter(_sort(rows, sort))

    def _candidates(self, call: Call) -> Iterator[Order]:
        """By id, within `min_id` and `max_id`."""
        low = call.number("min_id", 0) if call.query.get("min_id", "0") != "0" else None
        high = call.number("max_id", 0) if "max_id" in call.query else None
        since, customer_id = _moment(call, "min_date_modified"), call.query.get("customer_id")
        if since is not None:
            rows = sorted(self._trade.orders.changed_since(since), key=lambda row: row.id)
        elif customer_id is not None:
            ids = self._trade.of_customer.get(int(customer_id) if customer_id.isdigit() else -1, [])
            rows = [row for each in sorted(ids) if (row := self._trade.orders.seen(each)) is not None]
        else:
            return self._trade.orders.span(low, high)
        return (row for row in rows if (low is None or row.id >= low) and (high is None or row.id <= high))

    def _render(self, row: Order, call: Call) -> dict[str, Any]:
        include = (call.query.get("include") or "").split(",")
        if call.query.get("consignment_structure") != "object" or not any(
            each.startswith("consignments") for each in include
        ):
            return shapes.order(row, base=self._base)
        items = self._items(row, call)
        return shapes.order(row, base=self._base, consignments=shapes.consignments(row, items))

    def _items(self, row: Order, call: Call) -> Any:
        if "consignments.line_items" in (call.query.get("include") or "").split(","):
            return self._lines(row)
        path = f"/orders/{row.id}/consignments/shipping/{row.id}/line_items"
        return [{"url": f"{self._base}/v2{path}", "resource": path}]

    def _lines(self, row: Order) -> msgspec.Raw:
        """The lines as JSON, kept for the newest orders: those are read again and again."""
        stamp = (row.modified, len(row.lines), [(refund.id, refund.is_declined) for refund in row.refunds])
        known = self._rendered.get(row.id)
        if known is None or known[0] != stamp:
            self._rendered.pop(row.id, None)
            known = self._rendered[row.id] = (stamp, msgspec.Raw(msgspec.json.encode(shapes.lines(row))))
            if len(self._rendered) > KEPT_ORDERS:
                del self._rendered[next(iter(self._rendered))]
        return known[1]


def _tests(call: Call) -> list[Callable[[Order], bool]]:
    """The filters of the call besides ids, each read once."""
    query = call.query
    tests: list[Callable[[Order], bool]] = []
    if (most := _moment(call, "max_date_modified")) is not None:
        tests.append(lambda row: row.modified <= most)
    if (first := _moment(call, "min_date_created")) is not None:
        tests.append(lambda row: row.created >= first)
    if (last := _moment(call, "max_date_created")) is not None:
        tests.append(lambda row: row.created <= last)
    if (customer := query.get("customer_id")) is not None:
        tests.append(lambda row: str(row.customer_id) == customer)
    if (status := query.get("status_id")) is not None:
        tests.append(lambda row: str(row.status_id) == status)
    if (email := query.get("email")) is not None:
        tests.append(lambda row: row.billing.email.lower() == email.lower())
    return tests


def _sort(rows: Iterable[Order], order: str) -> list[Order]:
    name, _, direction = order.partition(":")
    keys: dict[str, Any] = {
        "id": lambda row: row.id,
        "customer_id": lambda row: (row.customer_id, row.id),
        "date_created": lambda row: (row.created, row.id),
        "date_modified": lambda row: (row.modified, row.id),
        "status_id": lambda row: (row.status_id, row.id),
    }
    if name not in keys:
        raise CallRefused(v2_error(400, f"The sort field {name!r} is not supported."))
    return sorted(rows, key=keys[name], reverse=direction == "desc")


def _moment(call: Call, name: str) -> Any:
    text = call.query.get(name)
    if text is None:
        return None
    try:
        return parse_date(text)
    except ValueError:
        raise CallRefused(v2_error(400, f"The field {name!r} is not a date.")) from None


def _missing() -> Answer:
    return v2_error(404, "The requested resource was not found.")
