"""The simulated store's customers, groups, attributes with their values, and newsletter subscribers.

Every change is told to `emit` under BigCommerce's webhook scope; what fires nothing there (groups, attribute values by
API, addresses' effect on the customer) fires nothing here. No HTTP.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from headrace.simulators.rows import Address, Attribute, AttributeValue, Customer, Group, Subscriber
from headrace.simulators.table import Table

Emit = Callable[[str, dict[str, Any]], None]
MAX_ATTRIBUTES: Final = 50
MAX_VALUE: Final = 255


class Refused(Exception):
    """The store does not accept a change; says why."""


class People:
    """Customers and what hangs on them."""

    def __init__(
        self, now: Callable[[], datetime], elapsed: Callable[[], float], emit: Emit, *, lag_s: float = 0.0
    ) -> None:
        self._now = now
        self._emit = emit
        self.customers: Table[Customer] = Table(elapsed, lag_s=lag_s)
        self.groups: Table[Group] = Table(elapsed)
        self.attributes: Table[Attribute] = Table(elapsed)
        self.values: Table[AttributeValue] = Table(elapsed)
        self.subscribers: Table[Subscriber] = Table(elapsed)
        self._customer_by_email: dict[str, int] = {}
        self._subscriber_by_email: dict[str, int] = {}
        self._value_of: dict[int, dict[int, int]] = {}
        self._last_address = 0
        self.failing_discounts = 0

    # customers

    def customer_by_email(self, email: str) -> Customer | None:
        """The customer as seen."""
        row_id = self._customer_by_email.get(email.strip().lower())
        return None if row_id is None else self.customers.seen(row_id)

    def create_customer(self, fields: Mapping[str, Any], *, customer_id: int | None = None) -> Customer:
        """Create from fields of `Customer`; raises Refused for an e-mail or id in use or an unknown group."""
        email = str(fields.get("email", "")).strip()
        if not email or "@" not in email:
            raise Refused("email is not valid")
        if email.lower() in self._customer_by_email or (customer_id or 0) in self.customers:
            raise Refused(f"email {email} already in use" if customer_id is None else f"{customer_id} already in use")
        group_id = fields.get("group_id") or self._default_group()
        self.check_group(group_id)
        now = self._now()
        plain = {key: value for key, value in fields.items() if key not in {"addresses", "group_id", "email"}}
        row = Customer(
            id=customer_id or self.customers.next_id(),
            email=email,
            created=now,
            modified=now,
            group_id=group_id,
            addresses=tuple(self.new_address(address) for address in fields.get("addresses", ())),
            **plain,
        )
        self._customer_by_email[email.lower()] = row.id
        self.customers.put(row)
        self._emit("store/customer/created", {"type": "customer", "id": row.id})
        return row

    def update_customer(self, customer_id: int, changes: Mapping[str, Any]) -> bool:
        """Apply changed fields of `Customer`. False, and no event, if nothing changed; raises Refused."""
        row = self.customers.now(customer_id)
        if row is None:
            raise Refused("invalid customer ID")
        changes = {key: value for key, value in changes.items() if getattr(row, key) != value}
        if not changes:
            return False
        if "group_id" in changes:
            self.check_group(changes["group_id"])
        if "email" in changes:
            self._rename(row, changes["email"])
        self.customers.put(replace(row, **changes, modified=self._now()))
        self._emit("store/customer/updated", {"type": "customer", "id": customer_id})
        return True

    def set_addresses(self, customer_id: int, addresses: tuple[Address, ...]) -> None:
        """Replace a customer's addresses: address events, no `customer/updated`, the customer's date stays."""
        row = self.customers.now(customer_id)
        if row is None:
            raise Refused("invalid customer ID")
        before = {address.id: address for address in row.addresses}
        after = {address.id: address for address in addresses}
        self.customers.put(replace(row, addresses=addresses))
        for address_id in before.keys() | after.keys():
            if before.get(address_id) != after.get(address_id):
                kind = "deleted" if address_id not in after else "created" if address_id not in before else "updated"
                data = {"type": "customer", "id": address_id, "address": {"customer_id": customer_id}}
                self._emit(f"store/customer/address/{kind}", data)

    def delete_customer(self, customer_id: int) -> bool:
        """False if unknown."""
        row = self.customers.now(customer_id)
        if row is None:
            return False
        self.customers.delete(customer_id)
        self._customer_by_email.pop(row.email.lower(), None)
        for value_id in self._value_of.pop(customer_id, {}).values():
            self.values.delete(value_id)
        self._emit("store/customer/deleted", {"type": "customer", "id": customer_id})
        return True

    def new_address(self, fields: Mapping[str, Any]) -> Address:
        """An address with its own id."""
        self._last_address += 1
        names = ("address1", "city", "state", "postcode", "country", "country_code")
        return Address(self._last_address, **{name: str(fields.get(name) or "") for name in names})

    def _rename(self, row: Customer, email: str) -> None:
        owner = self._customer_by_email.get(email.lower(), row.id)
        if owner != row.id:
            raise Refused(f"email {email} already in use")
        self._customer_by_email.pop(row.email.lower(), None)
        self._customer_by_email[email.lower()] = row.id

    # groups: no event tells of them

    def check_group(self, group_id: object) -> None:
        """Raises Refused unless 0 or a group's id."""
        if isinstance(group_id, bool) or not isinstance(group_id, int) or (group_id and group_id not in self.groups):
            raise Refused("invalid customer group ID")

    def group_named(self, name: str) -> int:
        """The id of the group of that name, 0 for ""; raises Refused if there is none."""
        if not name:
            return 0
        for group in self.groups:
            if group.name == name:
                return group.id
        raise Refused(f"no customer group {name}")

    def group_name(self, group_id: int) -> str:
        """The name, "" for none."""
        group = self.groups.now(group_id)
        return "" if group is None else group.name

    def create_group(self, name: str, *, is_default: bool = False) -> Group:
        """Raises Refused without a name or for one in use."""
        self.check_group_name(name)
        now = self._now()
        group = Group(self.groups.next_id(), name, now, now, is_default)
        self.put_group(group)
        return group

    def check_group_name(self, name: str, group_id: int = 0) -> None:
        """Raises Refused without a name or for one that another group has."""
        if not name or any(group.name == name and group.id != group_id for group in self.groups):
            raise Refused("The field 'name' is invalid.")

    def put_group(self, group: Group) -> None:
        """Insert or replace; a new default ends the old one."""
        for other in list(self.groups) if group.is_default else ():
            if other.is_default and other.id != group.id:
                self.groups.put(replace(other, is_default=False))
        self.groups.put(group)

    def discount_fails(self) -> bool:
        """Whether saving a store-wide discount is to fail this time."""
        self.failing_discounts = max(0, self.failing_discounts - (fails := self.failing_discounts > 0))
        return fails

    def delete_group(self, group_id: int) -> bool:
        """The members' group becomes 0. False if unknown."""
        if group_id not in self.groups:
            return False
        self.groups.delete(group_id)
        for customer in list(self.customers):
            if customer.group_id == group_id:
                self.customers.put(replace(customer, group_id=0, modified=self._now()))
        return True

    def _default_group(self) -> int:
        return next((group.id for group in self.groups if group.is_default), 0)

    # attributes: writes by API fire nothing

    def create_attribute(self, name: str, type: str) -> Attribute:
        """Raises Refused at 50 attributes, for a name in use, a name over 255 or an unknown type."""
        if len(self.attributes) >= MAX_ATTRIBUTES:
            raise Refused(f"A store may have at most {MAX_ATTRIBUTES} customer attributes")
        if not name or len(name) > MAX_VALUE or any(row.name == name for row in self.attributes):
            raise Refused("name is invalid or in use")
        if type not in {"string", "number", "date"}:
            raise Refused("type must be string, number or date")
        now = self._now()
        row = Attribute(self.attributes.next_id(), name, type, now, now)
        self.attributes.put(row)
        return row

    def delete_attribute(self, attribute_id: int) -> None:
        """With all its values; unknown ids are ignored."""
        self.attributes.delete(attribute_id)
        for values in self._value_of.values():
            self.values.delete(values.pop(attribute_id, 0))

    def check_value(self, attribute_id: object, customer_id: object, value: object) -> str | None:
        """Why a value would be refused, or None."""
        if not isinstance(attribute_id, int) or attribute_id not in self.attributes:
            return "invalid attribute ID"
        if not isinstance(customer_id, int) or customer_id not in self.customers:
            return "invalid customer ID"
        if not isinstance(value, str) or len(value) > MAX_VALUE:
            return f"value must be a string of at most {MAX_VALUE} characters"
        return None

    def set_value(self, attribute_id: int, customer_id: int, value: str) -> tuple[AttributeValue, bool]:
        """The value's row and whether it changed. Checked before by `check_value`."""
        of_customer = self._value_of.setdefault(customer_id, {})
        now = self._now()
        old = self.values.now(of_customer.get(attribute_id, 0))
        if old is not None and old.value == value:
            return old, False
        row = (
            AttributeValue(self.values.next_id(), attribute_id, customer_id, value, now, now)
            if old is None
            else replace(old, value=value, modified=now)
        )
        of_customer[attribute_id] = row.id
        self.values.put(row)
        return row, True

    def values_of(self, customer_id: int) -> list[AttributeValue]:
        """Every value a customer has."""
        rows = (self.values.now(value_id) for value_id in self._value_of.get(customer_id, {}).values())
        return [row for row in rows if row is not None]

    def delete_value(self, value_id: int) -> None:
        """Unknown ids are ignored."""
        row = self.values.now(value_id)
        if row is not None:
            self.values.delete(value_id)
            self._value_of[row.customer_id].pop(row.attribute_id, None)

    # subscribers

    def subscriber_by_email(self, email: str) -> Subscriber | None:
        """Not linked to a customer but by e-mail."""
        row_id = self._subscriber_by_email.get(email.strip().lower())
        return None if row_id is None else self.subscribers.now(row_id)

    def subscribe(self, email: str, consents: tuple[str, ...], **names: str) -> Subscriber:
        """Create the row of this e-mail, or replace its consents; an event unless nothing changed."""
        old = self.subscriber_by_email(email)
        now = self._now()
        if old is not None and old.consents == consents:
            return old
        row = (
            Subscriber(self.subscribers.next_id(), email, now, now, consents=consents, **names)
            if old is None
            else replace(old, consents=consents, modified=now)
        )
        self._subscriber_by_email[email.strip().lower()] = row.id
        self.subscribers.put(row)
        kind = "created" if old is None else "updated"
        self._emit(f"store/subscriber/{kind}", {"type": "subscriber", "id": row.id})
        return row

    def delete_subscriber(self, subscriber_id: int) -> None:
        """Unknown ids are ignored."""
        row = self.subscribers.now(subscriber_id)
        if row is not None:
            self.subscribers.delete(subscriber_id)
            self._subscriber_by_email.pop(row.email.strip().lower(), None)
            self._emit("store/subscriber/deleted", {"type": "subscriber", "id": subscriber_id})
