"""Does a condition hold? Every leaf reads what it needs from the events and compares; nothing is prepared."""

from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from headrace.contracts.events import CustomEvent, OrderLine, RefundRequested
from headrace.rules.model import AllOf, AnyOf, Condition, Day, Each, Leaf, Not, fold
from tests.reference import facts as read
from tests.reference import timeline
from tests.reference.entries import MEMBERSHIPS, rung_names
from tests.reference.numbers import NUMBER_FIELDS, SHARE, channel_ids, number_of
from tests.reference.scene import Memberships, Scene
from tests.reference.words import address_of, company_name, number_meets, set_meets, texts_meet

TIME_FIELDS = frozenset(
    {
        *("customer.created_at", "customer.first_order_at", "customer.last_order_at", "customer.birthday"),
        "order.created_at",
    }
)


def holds(condition: Condition, scene: Scene) -> bool:
    """Whether it holds of the customer at this moment."""
    match condition:
        case AllOf(of=of):
            return all(holds(part, scene) for part in of)
        case AnyOf(of=of):
            return any(holds(part, scene) for part in of)
        case Not(of=part):
            return not holds(part, scene)
        case Each():
            return _each(condition, scene)
        case Leaf():
            return _leaf(condition, scene)


def _leaf(leaf: Leaf, scene: Scene) -> bool:
    field = leaf.field
    if leaf.operator in ("crosses", "crosses_down"):
        return _crosses(leaf, scene)
    if field in NUMBER_FIELDS or field.startswith(SHARE):
        return number_meets(number_of(field, scene, leaf.window, leaf.only), leaf.operator, leaf.operand)
    if field == "calendar":
        during = scene.now is not None and _in_calendar(timeline.local_day(scene.now, scene.zone), leaf, scene)
        return during == (leaf.operator == "during")
    if field in TIME_FIELDS:
        return _time(_day_of(field, scene), _moment(field, scene), leaf, scene)
    return _of_customer(leaf, scene)


def _of_customer(leaf: Leaf, scene: Scene) -> bool:
    field, customer = leaf.field, scene.facts.customer
    if field == "customer.subscribed":
        return (customer is not None and customer.subscribed is True) is leaf.operand
    if field.startswith("customer.consent."):
        purpose = field.removeprefix("customer.consent.")
        return (customer is not None and customer.consents.get(purpose) is True) is leaf.operand
    for kind, prefix in (("attribute", "customer.attributes."), ("tag", "customer.tags.")):
        if field.startswith(prefix):
            name = field.removeprefix(prefix)
            return set_meets({fold(value) for k, n, value in scene.labels() if (k, n) == (kind, name)}, leaf)
    if field in MEMBERSHIPS:
        return _membership(leaf, scene)
    if field in ("order.channel", "customer.channels"):
        return _channel(leaf, scene)
    if field == "customer.company":
        return _company(leaf, scene)
    text = _text(field, scene)
    return texts_meet([text] if text else [], leaf)


def _text(field: str, scene: Scene) -> str | None:
    who, customer = read.person(scene.facts), scene.facts.customer
    if field.startswith("event."):
        return _told(field.removeprefix("event."), scene)
    if field == "order.status":
        return scene.happening.order.status if scene.happening and scene.happening.order else None
    if field == "customer.email_domain":
        if scene.facts.guest:
            return who.email.rpartition("@")[2] if who.email else None
        return customer.email_domain if customer else None
    name = field.removeprefix("customer.").removeprefix("form.")
    if name in ("email", "first_name", "last_name", "phone"):
        value: str | None = getattr(who, name)
        return value
    return who.form.get(name)


def _told(key: str, scene: Scene) -> str | None:
    """What an event of the store's own says under a key."""
    data = scene.happening.data if scene.happening else None
    if isinstance(data, RefundRequested):
        return {"reason": data.reason, "order_id": data.order_id}.get(key)
    value = data.payload.get(key) if isinstance(data, CustomEvent) else None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _channel(leaf: Leaf, scene: Scene) -> bool:
    operand: Any = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    if leaf.field == "customer.channels":
        orders = read.counted(scene.orders, scene.rules.spend)
        bought = [any(one.channel_id in channel_ids(str(name), scene.rules) for one in orders) for name in operand]
        return {"has_any": any(bought), "has_all": all(bought), "has_none": not any(bought)}[leaf.operator]
    order = scene.happening.order if scene.happening else None
    channel = None if order is None else order.channel_id
    if leaf.operator in ("is_set", "is_unset"):
        return (channel is not None) == (leaf.operator == "is_set")
    inside = any(channel in channel_ids(str(name), scene.rules) for name in operand)
    return inside == (leaf.operator in ("is", "in"))


def _company(leaf: Leaf, scene: Scene) -> bool:
    """A company is the same by any of its spellings; its text is asked as written, and by its name."""
    written = fold(scene.facts.customer.company) if scene.facts.customer else ""
    if not written:
        return texts_meet([], leaf)
    aliases, operand = scene.rules.aliases, leaf.operand
    name = company_name(written, aliases)
    if leaf.operator == "matches":
        return texts_meet([written, name], leaf)
    meant: Any = (
        tuple(company_name(str(one), aliases) for one in operand)
        if isinstance(operand, tuple)
        else company_name(operand, aliases)
        if isinstance(operand, str)
        else operand
    )
    by_name = texts_meet([name], replace(leaf, operand=meant))
    if leaf.operator in ("is", "is_not", "in", "not_in", "is_set", "is_unset"):
        return by_name
    return by_name or texts_meet([written], leaf)


def _membership(leaf: Leaf, scene: Scene) -> bool:
    known, operand = scene.memberships(), leaf.operand
    if leaf.field == "customer.pinned":
        return known.pinned is operand
    if leaf.field in ("customer.in_segment", "customer.on_rung"):
        names = operand if isinstance(operand, tuple) else (operand,)
        inside = any(_is_in(str(name), leaf, scene, known) for name in names)
        return inside == (leaf.operator in ("is", "in"))
    group = next((one for one in scene.rules.groups if known.group and fold(one.name) == fold(known.group)), None)
    value = {
        "customer.group": known.group,
        "customer.kind": group.kind if group else None,
        "customer.erp_id": group.erp_id if group else None,
    }[leaf.field]
    wanted: Any = tuple(fold(str(one)) for one in operand) if isinstance(operand, tuple) else fold(str(operand))
    return texts_meet([value] if value else [], replace(leaf, operand=wanted))


def _is_in(name: str, leaf: Leaf, scene: Scene, known: Memberships) -> bool:
    """In the segment, or on a rung of that name, and for longer than `since` where it is asked."""
    if leaf.field == "customer.in_segment":
        began = [known.segments[name]] if name in known.segments else []
    else:
        ladders = {ladder.id: ladder for ladder in scene.rules.ladders}
        standing = [(ladders[ladder], *rung) for ladder, rung in known.rungs.items() if ladder in ladders]
        began = [since for ladder, number, since in standing if name in rung_names(ladder, number)]
    if leaf.since is None:
        return bool(began)
    now, since = scene.now, leaf.since
    return now is not None and any(at is not None and timeline.is_older(at, now, since, scene.zone) for at in began)


def _crosses(leaf: Leaf, scene: Scene) -> bool:
    """Was on one side of the amount before the event, is on the other after it."""
    if scene.before is None:
        return False
    bound: Any = leaf.operand
    values = [number_of(leaf.field, one, leaf.window, leaf.only) for one in (scene.before, scene)]
    was_above, is_above = (value is not None and value > bound for value in values)
    return (is_above and not was_above) if leaf.operator == "crosses" else (was_above and not is_above)


def _moment(field: str, scene: Scene) -> datetime | None:
    spend = scene.rules.spend
    match field:
        case "customer.created_at":
            return read.account_made(scene.facts)
        case "customer.first_order_at":
            return read.first_order_at(scene.orders, spend)
        case "customer.last_order_at":
            return read.last_order_at(scene.orders, spend)
        case "order.created_at":
            return scene.happening.order.created_at if scene.happening and scene.happening.order else None
    born = _day_of(field, scene)
    return None if born is None else timeline.day_start(born, scene.zone)


def _day_of(field: str, scene: Scene) -> date | None:
    """The day of the store's calendar; of a birthday the day itself."""
    if field == "customer.birthday":
        born = read.person(scene.facts).birthday
        return date.fromisoformat(born) if born else None
    at = _moment(field, scene)
    return None if at is None else timeline.local_day(at, scene.zone)


def _time(day: date | None, at: datetime | None, leaf: Leaf, scene: Scene) -> bool:
    if leaf.operator in ("is_set", "is_unset"):
        return (at is not None) == (leaf.operator == "is_set")
    if at is None or day is None:
        return leaf.operator == "not_during"
    operand: Any = leaf.operand
    match leaf.operator:
        case "within_last" | "older_than":
            older = scene.now is not None and timeline.is_older(at, scene.now, operand, scene.zone)
            return older == (leaf.operator == "older_than")
        case "during" | "not_during":
            return _in_calendar(day, leaf, scene) == (leaf.operator == "during")
        case "anniversary":
            today = None if scene.now is None else timeline.local_day(scene.now, scene.zone)
            return today is not None and today.year > day.year and today == timeline.yearly_day(day, today.year)
    assert isinstance(operand, Day)
    named = date.fromisoformat(operand.date)
    return {"before": day < named, "after": day > named, "on_date": day == named}[leaf.operator]


def _in_calendar(day: date, leaf: Leaf, scene: Scene) -> bool:
    return timeline.is_during(day, scene.rules.calendars[str(leaf.operand)])


def _each(each: Each, scene: Scene) -> bool:
    if each.field == "customer.addresses":
        customer = scene.facts.customer
        met = [_address(each.of, address_of(address)) for address in (customer.addresses if customer else ())]
    elif each.field in ("order.lines", "cart.lines"):
        met = [_line(each.of, line) for line in scene.lines]
    else:
        orders = read.counted(scene.orders, scene.rules.spend)
        met = [_line(each.of, line) for order in orders for line in order.lines]
    match each.quantifier:
        case "any":
            return any(met)
        case "all":
            return bool(met) and all(met)
        case "none":
            return not any(met)
        case "count":
            return number_meets(sum(met), each.operator or "", each.operand)


def _line(condition: Condition, line: OrderLine) -> bool:
    match condition:
        case AllOf(of=of):
            return all(_line(part, line) for part in of)
        case AnyOf(of=of):
            return any(_line(part, line) for part in of)
        case Not(of=part):
            return not _line(part, line)
        case Leaf(field="quantity" | "price" | "total"):
            return number_meets(getattr(line, condition.field), condition.operator, condition.operand)
        case Leaf(field="category"):
            return texts_meet(line.categories, condition)
        case Leaf():
            text = line.product_id if condition.field == "product" else getattr(line, condition.field)
            return texts_meet([text] if text else [], condition)
    raise AssertionError(condition)


def _address(condition: Condition, address: dict[str, str]) -> bool:
    match condition:
        case AllOf(of=of):
            return all(_address(part, address) for part in of)
        case AnyOf(of=of):
            return any(_address(part, address) for part in of)
        case Not(of=part):
            return not _address(part, address)
        case Leaf(field="country"):
            return texts_meet([address["country"]] if address["country"] else [], _lowered(condition))
        case Leaf():
            text = address[condition.field]
            return texts_meet([text] if text else [], condition)
    raise AssertionError(condition)


def _lowered(leaf: Leaf) -> Leaf:
    """Countries are codes in capitals; texts are compared in small letters."""
    operand: Any = leaf.operand
    if isinstance(operand, tuple):
        lowered: Any = tuple(str(one).lower() for one in operand)
    else:
        lowered = operand.lower() if isinstance(operand, str) else operand
    return Leaf(field=leaf.field, operator=leaf.operator, operand=lowered)
