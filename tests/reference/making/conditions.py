"""Conditions as a merchant writes them, in plain mappings."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.reference.making.words import (
    AMOUNTS,
    ATTRIBUTES,
    CALENDARS,
    COUNTS,
    DAYS,
    GROUPS,
    SPANS,
    STATUSES,
    TAGS,
    VALUES,
    money,
    one_or_many,
    some,
)

Written = dict[str, Any]
MONEY = ("customer.spend", "customer.spend", "customer.average_order", "customer.largest_order", "customer.refunds")
NUMBERS = ("customer.orders", "customer.items")
TIMES = (
    *("customer.created_at", "customer.first_order_at", "customer.last_order_at", "customer.last_order_at"),
    "customer.birthday",
)
WINDOWED = ("customer.spend", "customer.spend", "customer.orders", "customer.items", "customer.refunds")
TEXTS: dict[str, tuple[str, ...]] = {
    "customer.email": ("ann@acme.com", "ANN@shop.acme.com", "eve@"),
    "customer.email_domain": ("acme.com", "example.org", "shop.acme.com"),
    "customer.company": ("acme", "Acme Intl", "cafe noir", "noir", "Acme Inc"),
    "customer.first_name": ("ann", "eve", "a"),
    "customer.last_name": ("smith",),
    "customer.phone": ("555", "+44 20 1"),
}
LINE_TEXTS: dict[str, tuple[str, ...]] = {
    "brand": ("apple", "Pear"),
    "name": ("iphone", "creme brulee", "phone"),
    "sku": ("IP-1", "pp-2", "p"),
    "product": ("7", "8"),
    "category": ("phones", "SALE"),
}
PLACE_TEXTS: dict[str, tuple[str, ...]] = {
    "country": ("US", "United Kingdom", "France"),
    "state": ("New York", "TX", "ny"),
    "city": ("london", "New York", "Paris"),
    "zip": ("10001", "N1 9GU", "1"),
}


@dataclass
class Ids:
    """What entries may refer to by name."""

    segments: list[str] = field(default_factory=list)
    rungs: list[str] = field(default_factory=list)


class Conditions:
    """Draws conditions for one place: `trigger` says what may be read there besides the customer."""

    def __init__(self, random: Random, *, trigger: str = "", labels: bool = True, ids: Ids | None = None) -> None:
        self._random = random
        self._ids = ids or Ids()
        kinds = [*("money",) * 2, *("number",) * 2, *("time",) * 3, *("text",) * 2, "consent", "places", "purchased"]
        kinds += [*("windowed",) * 3, *("age",) * 2, "visits", "calendar", "pinned"]
        kinds += [*("label",) * 2, *("membership",) * 2] if labels else []
        kinds += ["declared", "channel"]
        kinds += ["of_order"] * 6 if trigger.startswith(("order.", "product.", "refund.")) else []
        kinds += ["of_cart"] * 6 if trigger.startswith("cart.") else []
        kinds += ["of_event"] * 6 if trigger.startswith(("custom.", "refund.")) else []
        self._kinds = kinds

    def condition(self, depth: int = 2) -> Written:
        roll = self._random.random()
        if depth == 0 or roll < 0.55:
            return self._leaf()
        if roll < 0.7:
            return {"not": self.condition(depth - 1)}
        word = "all" if roll < 0.85 else "any"
        return {word: [self.condition(depth - 1) for _ in range(self._random.randint(2, 3))]}

    def _leaf(self) -> Written:
        leaf: Written = getattr(self, f"_{self._random.choice(self._kinds)}")()
        return leaf

    def _money(self) -> Written:
        return {self._random.choice(MONEY): self.amount()}

    def _number(self) -> Written:
        return {self._random.choice(NUMBERS): self.number()}

    def _time(self) -> Written:
        return {self._random.choice(TIMES): self.moment()}

    def _visits(self) -> Written:
        window = self.window(dates=False) if self._random.random() < 0.7 else {}
        return {"customer.visits": self._compared(list(COUNTS), mapping=True) | window}

    def _calendar(self) -> Written:
        return {"calendar": {self._random.choice(("during", "not_during")): self._random.choice(tuple(CALENDARS))}}

    def _text(self) -> Written:
        field = self._random.choice(tuple(TEXTS))
        return {field: self.text(TEXTS[field], field)}

    def _consent(self) -> Written:
        return {"customer.subscribed": self._random.random() < 0.7}

    def _pinned(self) -> Written:
        return {"customer.pinned": self._random.random() < 0.5}

    def _places(self) -> Written:
        return {"customer.addresses": self.each(self._place)}

    def _purchased(self) -> Written:
        return {"customer.purchased": self.each(self._line)}

    def _membership(self) -> Written:
        random, ids = self._random, self._ids
        kinds = ["group", "kind", "erp_id", *["segment"] * 2 * bool(ids.segments), *["rung"] * 2 * bool(ids.rungs)]
        kind = random.choice(kinds)
        if kind in ("segment", "rung"):
            field, names = (
                ("customer.in_segment", ids.segments) if kind == "segment" else ("customer.on_rung", ids.rungs)
            )
            test: Written = {random.choice(("is", "is_not")): random.choice(names)}
            if random.random() < 0.3:
                test = {random.choice(("in", "not_in")): some(random, names, 1, 2)}
            return {field: test | ({"since": random.choice(SPANS)} if random.random() < 0.5 else {})}
        words = {"group": GROUPS, "kind": ("B2B", "B2C"), "erp_id": ("W-1", "g-2")}[kind]
        return {f"customer.{kind}": {random.choice(("is", "is_not")): random.choice(words)}}

    def _declared(self) -> Written:
        random = self._random
        match random.choice(("consent", "credit", "gender", "size")):
            case "consent":
                return {"customer.consent.sms": random.random() < 0.7}
            case "credit":
                return {"customer.store_credit": self.amount()}
            case "gender":
                return {"customer.gender": {random.choice(("is", "is_not")): "female"}}
        return {"customer.form.size": {random.choice(("is", "is_not")): "10"}}

    def _channel(self) -> Written:
        random = self._random
        if random.random() < 0.5:
            names = one_or_many(random, ("online", "2"))
            return {"customer.channels": {random.choice(("has_any", "has_all", "has_none")): names}}
        return {f"customer.channel_share.{random.choice(('online', '2'))}": self._compared([0, 33, 50, 66, 100])}

    def _of_cart(self) -> Written:
        match self._random.choice(("value", "items", "lines")):
            case "value":
                return {"cart.value": self.amount()}
            case "items":
                return {"cart.items": self.number()}
        return {"cart.lines": self.each(self._line)}

    def _of_event(self) -> Written:
        key, words = self._random.choice(
            (("page", ("home", "cart")), ("score", ("3", "4")), ("reason", ("late", "broken")))
        )
        return {f"event.{key}": {self._random.choice(("is", "is_not", "contains")): self._random.choice(words)}}

    def _of_order(self) -> Written:
        random = self._random
        match random.choice(
            ("value", "items", "lines", "lines", "before", "crosses", "made", "status", "channel", "late")
        ):
            case "status":
                return {"order.status": {random.choice(("is", "is_not")): random.choice(("completed", "pending"))}}
            case "channel":
                return {"order.channel": {random.choice(("is", "is_not")): random.choice(("online", "2"))}}
            case "late":
                return {"order.backordered": self.number()}
            case "value":
                return {"order.value": self.amount()}
            case "before":
                return {"customer.spend_before": self.amount()}
            case "made":
                return {"order.created_at": self.moment()}
            case "crosses":
                field = random.choice(("customer.spend", "customer.orders", "customer.items"))
                bounds = [money(amount) for amount in AMOUNTS] if field == "customer.spend" else list(COUNTS)
                crossed = {random.choice(("crosses", "crosses_down")): random.choice(bounds)}
                return {field: crossed | (self.window() if random.random() < 0.3 else {})}
            case "items":
                return {"order.items": self.number()}
        return {"order.lines": self.each(self._line)}

    def _windowed(self) -> Written:
        field = self._random.choice(WINDOWED)
        bounds = list(COUNTS) if field in NUMBERS else [money(amount) for amount in AMOUNTS]
        return {field: self._compared(bounds, mapping=True) | self.window()}

    def window(self, *, dates: bool = True) -> Written:
        """What stands beside the comparison: the part of the past, of which orders."""
        random, window = self._random, dict[str, Any]()
        match random.choice(("within", "within", "this", "dates" if dates else "within", "only" if dates else "this")):
            case "within":
                window["within"] = random.choice(SPANS)
            case "this":
                window["this"] = random.choice(("month", "year"))
            case "dates":
                first, last = sorted(random.sample(DAYS, 2))
                window |= random.choice(
                    ({"from_date": first}, {"to_date": last}, {"from_date": first, "to_date": last})
                )
        if not dates or (window and random.random() < 0.6):
            return window
        only = random.choice(("brand", "category", "product", "channel"))
        words = {
            "brand": ("Apple", "pear"),
            "category": ("phones", "Sale"),
            "product": ("7", "8"),
            "channel": ("1", "2"),
        }
        return window | {only: one_or_many(random, words[only])}

    def _age(self) -> Written:
        random = self._random
        field = random.choice(("customer.account_age", "customer.days_since_last_order", "customer.age"))
        bounds = [0, 24, 25, 26, 35, 40, 41] if field == "customer.age" else [0, 1, 2, 29, 30, 31, 90, 365]
        return {field: self._compared(bounds)}

    def _label(self) -> Written:
        random = self._random
        wanted = {random.choice(("has_any", "has_all", "has_none")): one_or_many(random, (*VALUES, "vip"))}
        if random.random() < 0.6:
            return {f"customer.attributes.{random.choice(ATTRIBUTES)}": wanted}
        return {"customer.tags.mailchimp": {random.choice(("has_any", "has_none")): one_or_many(random, TAGS)}}

    def amount(self) -> Any:
        return self._compared([money(amount) for amount in AMOUNTS])

    def number(self) -> Any:
        return self._compared(list(COUNTS))

    def _compared(self, bounds: list[Any], *, mapping: bool = False) -> Any:
        random = self._random
        roll = random.random()
        if roll < 0.1 and not mapping:
            return random.choice(bounds)
        if roll < 0.25:
            low, high = sorted(random.sample(range(len(bounds)), 2))
            return {"from": bounds[low], "below": bounds[high]}
        return {random.choice(("is", "is_not", "above", "from", "below", "up_to")): random.choice(bounds)}

    def moment(self) -> Written:
        """A test of a time."""
        random = self._random
        roll = random.random()
        if roll < 0.08:
            return {random.choice(("is_set", "is_unset")): random.random() < 0.8}
        if roll < 0.2:
            return {random.choice(("before", "after", "on_date")): random.choice(DAYS)}
        if roll < 0.28:
            return {random.choice(("during", "not_during")): random.choice(tuple(CALENDARS))}
        if roll < 0.36:
            return {"anniversary": "today"}
        return {random.choice(("within_last", "older_than")): random.choice(SPANS)}

    def text(self, words: tuple[str, ...], field: str = "") -> Any:
        random = self._random
        operators = ["is", "is_not", "contains", "starts_with", "ends_with", "in", "not_in", "is_set", "is_unset"]
        operator = random.choice([*operators, "matches"])
        if operator in ("is_set", "is_unset"):
            return {operator: True}
        if operator == "matches":
            return {operator: random.choice(("^a", "n$", "[0-9]+", "o.*e", "p", "^eve"))}
        if operator in ("in", "not_in"):
            several: Written = {operator: some(random, words, 1, 2)}
            below = field == "customer.email_domain" and operator == "in" and random.random() < 0.6
            return several | ({"or_subdomains": True} if below else {})
        if field == "customer.email" and operator in ("is", "is_not"):
            words = words[:2]
        return {operator: random.choice(words)}

    def each(self, inner: Any) -> Written:
        quantifier = self._random.choice(("any", "any", "all", "none", "count"))
        if quantifier == "count":
            compared = self.number()
            return {"count": {"of": inner(1)} | (compared if isinstance(compared, dict) else {"is": compared})}
        return {quantifier: inner(1)}

    def _line(self, depth: int) -> Written:
        random = self._random
        if depth and random.random() < 0.3:
            return {random.choice(("all", "any")): [self._line(0), self._line(0)]}
        if depth and random.random() < 0.15:
            return {"not": self._line(0)}
        roll = random.random()
        if roll < 0.15:
            return {"quantity": self.number()}
        if roll < 0.3:
            return {random.choice(("price", "total")): self.amount()}
        field = random.choice(tuple(LINE_TEXTS))
        return {field: self.text(LINE_TEXTS[field])}

    def _place(self, depth: int) -> Written:
        random = self._random
        if depth and random.random() < 0.4:
            return {random.choice(("all", "any")): [self._place(0), self._place(0)]}
        field = random.choice(tuple(PLACE_TEXTS))
        operators = ["is", "is_not", "in", "not_in", "is_set", "is_unset"]
        operator = random.choice(operators + (["starts_with"] if field in ("city", "zip") else []))
        if operator in ("is_set", "is_unset"):
            return {field: {operator: True}}
        words = PLACE_TEXTS[field]
        return {field: {operator: some(random, words, 1, 2) if operator in ("in", "not_in") else random.choice(words)}}


def statuses(random: Random) -> list[str]:
    return sorted(set(some(random, STATUSES, 2, 6)))
