"""Customers, groups, attributes, subscribers, and what is told of their changes."""

from typing import Any

import pytest

from headrace.simulators.people import MAX_ATTRIBUTES, Refused
from headrace.simulators.world import World

Events = list[tuple[str, dict[str, Any]]]


def _customer(world: World, email: str = "a@x.example", **fields: Any) -> int:
    return world.people.create_customer({"email": email, **fields}).id


def test_customer__created__emits_once(world: World, events: Events) -> None:
    customer_id = _customer(world)
    assert events == [("store/customer/created", {"type": "customer", "id": customer_id})]


def test_customer__email_in_use__is_refused(world: World) -> None:
    _customer(world)
    with pytest.raises(Refused, match="already in use"):
        _customer(world, "A@x.example")


def test_customer__group_changed__emits_updated(world: World, events: Events) -> None:
    customer_id = _customer(world)
    group = world.people.create_group("Gold")
    assert world.people.update_customer(customer_id, {"group_id": group.id})
    assert [scope for scope, _ in events] == ["store/customer/created", "store/customer/updated"]


def test_customer__update_changes_nothing__emits_nothing(world: World, events: Events) -> None:
    customer_id = _customer(world, company="Acme")
    events.clear()
    assert not world.people.update_customer(customer_id, {"company": "Acme", "group_id": 0})
    assert events == []


def test_customer__unknown_group__is_refused(world: World) -> None:
    customer_id = _customer(world)
    with pytest.raises(Refused, match="group"):
        world.people.update_customer(customer_id, {"group_id": 7})


def test_customer__email_changed__is_found_by_the_new_one(world: World) -> None:
    customer_id = _customer(world)
    world.people.update_customer(customer_id, {"email": "b@x.example"})
    assert world.people.customer_by_email("a@x.example") is None
    assert world.people.customer_by_email("B@x.example") is not None


def test_customer__address_changed__tells_of_the_address_not_the_customer(world: World, events: Events) -> None:
    customer_id = _customer(world)
    events.clear()
    world.people.set_addresses(customer_id, (world.people.new_address({"city": "Leeds"}),))
    data = {"type": "customer", "id": 1, "address": {"customer_id": customer_id}}
    assert events == [("store/customer/address/created", data)]


def test_customer__deleted__takes_its_values_along(world: World, events: Events) -> None:
    customer_id = _customer(world)
    attribute = world.people.create_attribute("headrace", "string")
    world.people.set_value(attribute.id, customer_id, ";a=b;")
    assert world.people.delete_customer(customer_id)
    assert not world.people.delete_customer(customer_id)
    assert len(world.people.values) == 0
    assert events[-1][0] == "store/customer/deleted"


def test_group__deleted__members_have_none_and_nothing_is_told(world: World, events: Events) -> None:
    group = world.people.create_group("Gold")
    customer_id = _customer(world, group_id=group.id)
    events.clear()
    assert world.people.delete_group(group.id)
    row = world.people.customers.now(customer_id)
    assert row is not None
    assert row.group_id == 0
    assert events == []


def test_group__default__is_given_to_new_customers(world: World) -> None:
    group = world.people.create_group("Everyone", is_default=True)
    row = world.people.customers.now(_customer(world))
    assert row is not None
    assert row.group_id == group.id


def test_attribute__the_fifty_first__is_refused(world: World) -> None:
    for index in range(MAX_ATTRIBUTES):
        world.people.create_attribute(f"a{index}", "string")
    with pytest.raises(Refused, match="50"):
        world.people.create_attribute("more", "string")


def test_attribute_value__set__fires_nothing_and_knows_no_change(world: World, events: Events) -> None:
    customer_id, attribute = _customer(world), world.people.create_attribute("headrace", "string")
    events.clear()
    assert world.people.set_value(attribute.id, customer_id, "x")[1]
    assert not world.people.set_value(attribute.id, customer_id, "x")[1]
    assert [row.value for row in world.people.values_of(customer_id)] == ["x"]
    assert events == []


@pytest.mark.parametrize(("value", "ok"), [("x" * 255, True), ("x" * 256, False), (5, False)])
def test_attribute_value__length_and_type__are_checked(world: World, value: object, *, ok: bool) -> None:
    customer_id, attribute = _customer(world), world.people.create_attribute("headrace", "string")
    assert (world.people.check_value(attribute.id, customer_id, value) is None) is ok


def test_subscriber__same_consents_again__emits_once(world: World, events: Events) -> None:
    for _ in range(2):
        world.people.subscribe("a@x.example", ("marketing_newsletter",))
    world.people.subscribe("a@x.example", ())
    assert [scope for scope, _ in events] == ["store/subscriber/created", "store/subscriber/updated"]
