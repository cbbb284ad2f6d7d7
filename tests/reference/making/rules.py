"""Rule sets as a merchant writes them: one, and how it is edited later."""

import json
from random import Random
from typing import Any

from tests.reference.making.actions import Actions
from tests.reference.making.conditions import Conditions, Ids, Written, statuses
from tests.reference.making.words import (
    ALIASES,
    AMOUNTS,
    ATTRIBUTES,
    CALENDARS,
    CHANNEL_NAMES,
    COUNTS,
    CURRENCY,
    GROUPS,
    PLATFORMS,
    SPANS,
    TAGS,
    VALUES,
    VIP,
    ZONES,
    money,
    one_or_many,
    some,
)

TRIGGERS = (
    *("order.placed",) * 4, *("product.ordered",) * 2, *("order.refunded",) * 2, *("order.status_changed",) * 2,
    "customer.created", "customer.updated",
    *("order.paid", "order.cancelled", "order.reached", "order.backordered", "subscriber.changed", "refund.requested"),
    *("cart.abandoned", "cart.converted", "customer.deleted", "customer.deleted", "custom.visit", "custom.visit"),
    *("attribute.changed", "group.changed", "schedule", "time.reached"),
)  # fmt: skip
KINDS = {"Wholesale": {"kind": "B2B", "erp_id": "W-1"}, "Gold": {"kind": "B2C", "erp_id": "G-2"}}
SCHEDULES = ("0 9 * * 1", "30 6 1 * *", "15 23 29 3 *")
LISTS = ("segments", "ladders", "rules")


class Rules:
    """Draws rule sets of one store."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._zone = random.choice(ZONES)
        self._number = 0
        self._ids = Ids()

    def first(self) -> Written:
        """A rule set."""
        random = self._random
        written: Written = {"store": {"timezone": self._zone, "currency": CURRENCY}, "calendars": CALENDARS}
        written |= {"aliases": ALIASES, "channels": CHANNEL_NAMES}
        if random.random() < 0.4:
            written["spend"] = self._spend()
        if random.random() < 0.6:
            written["max_age"] = random.choice(("1 hour", "2 days", "400 days", "400 days"))
        if random.random() < 0.3:
            written["drift"] = random.choice(("overwrite", "pin"))
        written |= self._groups()
        written["ladders"] = [self._ladder() for _ in range(random.choice((0, 1, 1, 2)))]
        written["segments"] = [self._segment() for _ in range(random.choice((0, 1, 1, 2, 3, 4)))]
        written["rules"] = [self._rule() for _ in range(random.choice((0, 1, 2, 3, 4)))]
        return _without_empty(written)

    def edited(self, written: Written) -> Written:
        """The same some time later: entries gone, new, renamed, edited, moved."""
        random = self._random
        later = {key: list(value) if isinstance(value, list) else value for key, value in written.items()}
        for _ in range(random.randint(1, 3)):
            self._edit(later)
        return _without_empty(later)

    def _edit(self, later: Written) -> None:
        random = self._random
        name = random.choice(LISTS)
        entries = later.setdefault(name, [])
        make = {"segments": self._segment, "ladders": self._ladder, "rules": self._rule}[name]
        kind = random.choice(("gone", "new", "renamed", "edited", "other", "moved", "spend", "groups"))
        number = random.randrange(len(entries)) if entries else 0
        if kind == "spend":
            later["spend"] = self._spend()
        elif kind == "groups":
            kept = {name: value for name, value in later.items() if name in LISTS}
            later |= self._groups(kept)
        elif kind == "new" or not entries:
            entries.insert(number, make())
        elif kind == "gone":
            del entries[number]
        elif kind == "renamed":
            old = entries[number]
            entries[number] = old | {"id": f"{name[0]}{self._next()}", "renamed_from": old["id"]}
        elif kind == "moved":
            random.shuffle(entries)
        elif kind == "other":
            entries[number] = make() | {"id": entries[number]["id"]}
        else:
            entries[number] = self._touched(name, dict(entries[number]))

    def _touched(self, name: str, entry: Written) -> Written:
        random = self._random
        if name == "segments":
            return entry | {"who": Conditions(random, ids=self._ids).condition()}
        if name == "rules":
            return entry | {"past": random.choice(("apply", "ignore")) if _has_past(entry["when"]) else "ignore"}
        return entry | {"by": entry["by"]}

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _spend(self) -> Written:
        random = self._random
        spend: Written = {"amount": random.choice(("total", "subtotal", "total_excluding_tax"))}
        spend["refunds"] = random.choice(("subtract", "ignore"))
        spend |= {part: "exclude" for part in ("shipping", "store_credit") if random.random() < 0.3}
        if random.random() < 0.5:
            spend["count_statuses"] = statuses(random)
        return spend

    def _groups(self, known: Written | None = None) -> Written:
        """All, or after some time at least those that the entries name."""
        random = self._random
        named = json.dumps(known or "")
        groups = [name for name in GROUPS if known is None or f'"{name}"' in named or random.random() < 0.5]
        order: list[Any] = random.sample(groups, len(groups))
        if random.random() < 0.5:
            order = [order[:2], *order[2:]] if random.random() < 0.5 else [*order[:1], order[1:4], *order[4:]]
        default = random.choice(groups) if groups and random.random() < 0.3 else ""
        return {
            "groups": [{"name": name} | KINDS.get(name, {}) | self._alias(name) for name in groups],
            "group_order": [equals for equals in order if equals],
            "default_group": default,
        }

    def _alias(self, name: str) -> Written:
        """The store mostly calls it the same."""
        return {"alias": {"bigcommerce": VIP.format(name)}} if self._random.random() < 0.1 else {}

    def _gives(self) -> Written:
        random, gives = self._random, dict[str, Any]()
        while not gives:
            if random.random() < 0.5:
                gives["group"] = random.choice(GROUPS)
            if random.random() < 0.5:
                gives["attributes"] = {name: one_or_many(random, VALUES) for name in some(random, ATTRIBUTES, 1, 2)}
            if random.random() < 0.4:
                gives["tags"] = {random.choice(PLATFORMS): one_or_many(random, TAGS)}
            if random.random() < 0.1:
                gives["lists"] = {"klaviyo": "Newsletter"}
        return gives

    def _segment(self) -> Written:
        random = self._random
        segment: Written = {"id": f"s{self._next()}", "who": Conditions(random, ids=self._ids).condition()}
        self._ids.segments.append(segment["id"])
        actions = Actions(random, self._ids)
        for when in ("on_enter", "on_exit"):
            if random.random() < 0.3:
                segment[when] = actions.effects(("entry", "customer"))
        return segment | self._gives()

    def _ladder(self) -> Written:
        random = self._random
        by: Any = random.choice(("customer.spend", "customer.spend", "customer.orders", "customer.average_order"))
        bounds: list[Any] = list(COUNTS) if by == "customer.orders" else [money(amount) for amount in AMOUNTS]
        if by != "customer.average_order" and random.random() < 0.4:
            by = {by: Conditions(random).window()}
        chosen = sorted(random.sample(range(len(bounds)), random.randint(1, 3)))
        rungs: list[Written] = [] if random.random() < 0.2 else [self._gives()]
        rungs += [self._gives() | {random.choice(("from", "above")): bounds[number]} for number in chosen]
        ladder: Written = {"id": f"l{self._next()}", "by": by, "rungs": rungs}
        self._ids.rungs += [f"{ladder['id']}/{number + 1}" for number in range(len(rungs))]
        if random.random() < 0.5:
            ladder["demote"] = random.choice(("one_step", "one_step", "direct", "never"))
            if ladder["demote"] != "never":
                ladder["grace"] = random.choice(("36 hours", "2 days", "30 days", "1 month"))
        actions = Actions(random, self._ids)
        for rung in rungs:
            if random.random() < 0.15:
                rung[random.choice(("on_enter", "on_exit"))] = actions.effects(("entry", "customer"))
        return ladder

    def _rule(self) -> Written:
        random = self._random
        trigger = random.choice(TRIGGERS)
        rule: Written = {"id": f"r{self._next()}", "when": self._when(trigger)}
        if random.random() < 0.75:
            rule["if"] = Conditions(random, trigger=trigger, ids=self._ids, labels=random.random() < 0.5).condition(1)
        actions = Actions(random, self._ids)
        rule["then"] = actions.effects(("customer",)) if trigger == "customer.deleted" else actions.of_rule()
        text = json.dumps(rule.get("if"))
        if any(name in text for name in ("customer.group", "kind", "erp_id", "in_segment", "on_rung", "pinned")):
            rule["past"] = "ignore"  # nobody knows what the customer was then
        else:
            rule["past"] = random.choice(("apply", "ignore")) if _has_past(rule["when"]) else "ignore"
        return rule

    def _when(self, trigger: str) -> Any:
        random = self._random
        match trigger:
            case "order.status_changed" if random.random() < 0.6:
                return {trigger: {random.choice(("from", "to")): random.choice(("completed", "pending", "cancelled"))}}
            case "order.reached":
                return {trigger: random.choice(("completed", "shipped", "cancelled"))}
            case "attribute.changed":
                return {trigger: random.choice(ATTRIBUTES)}
            case "group.changed":
                return (
                    {trigger: {random.choice(("from", "to")): random.choice(GROUPS)}}
                    if random.random() < 0.5
                    else trigger
                )
            case "schedule":
                return {trigger: random.choice(SCHEDULES)}
            case "time.reached":
                field = random.choice(("customer.created_at", "customer.last_order_at", "customer.birthday"))
                return {trigger: {field: random.choice(("every year", *SPANS))}}
        return trigger


def _has_past(when: Any) -> bool:
    """Older orders tell that it happened."""
    name = when if isinstance(when, str) else next(iter(when))
    return name in TRIGGERS_WITH_A_PAST


TRIGGERS_WITH_A_PAST = {
    *("order.placed", "product.ordered", "order.refunded", "order.reached", "order.paid", "order.cancelled"),
    "order.backordered",
}


def _without_empty(written: Written) -> Written:
    return {key: value for key, value in written.items() if value not in ([], "")}
