"""Does a condition hold? Every leaf reads what it needs from the events and compares; nothing is prepared."""

from datetime import date, datetime
from typing import Any

from headrace.contracts.events import OrderLine
from headrace.rules.model import AllOf, AnyOf, Condition, Day, Each, Leaf, Not, fold
from tests.reference import facts as read
from tests.reference import timeline
from tests.reference.numbers import NUMBER_FIELDS, number_of
from tests.reference.scene import Scene
from tests.reference.words import address_of, number_meets, set_meets, texts_meet

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
    if field in NUMBER_FIELDS:
        return number_meets(number_of(field, scene, leaf.window, leaf.only), leaf.operator, leaf.operand)
    if field == "calendar":
        during = scene.now is not None and _in_calendar(timeline.local_day(scene.now, scene.zone), leaf, scene)
        return during == (leaf.operator == "during")
    if field in TIME_FIELDS:
        return _time(_day_of(field, scene), _moment(field, scene), leaf, scene)
    if field == "customer.subscribed":
        customer = scene.facts.customer
        return (customer is not None and customer.subscribed is True) is leaf.operand
    for kind, prefix in (("attribute", "customer.attributes."), ("tag", "customer.tags.")):
        if field.startswith(prefix):
            name = field.removeprefix(prefix)
            return set_meets({fold(value) for k, n, value in scene.labels() if (k, n) == (kind, name)}, leaf)
    text = _text(field, scene)
    return texts_meet([text] if text else [], leaf)


def _text(field: str, scene: Scene) -> str | None:
    who, customer = read.person(scene.facts), scene.facts.customer
    match field:
        case "customer.email":
            return who.email
        case "customer.first_name":
            return who.first_name
        case "customer.last_name":
            return who.last_name
        case "customer.phone":
            return who.phone
        case "customer.company":
            return customer.company if customer else None
        case "customer.email_domain":
            if scene.facts.guest:
                return who.email.rpartition("@")[2] if who.email else None
            return customer.email_domain if customer else None
    raise AssertionError(field)


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
    elif each.field == "order.lines":
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
