"""Counts over customers, partition by partition, to be put together. Personal data leaves no trace but keyed hashes."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from headrace.rules.model import fold
from headrace.segmentation.codec import decode_entry
from headrace.segmentation.state import Profile, State

DAY_S: Final = 86_400
SHORTEST_PHONE: Final = 7
"""Digits; less than that is no number to know somebody by."""
FORM: Final = "customer.form."
Test = Callable[[Profile], bool]

FIELDS: Final[Mapping[str, Test]] = {
    "customer.email": lambda profile: bool(profile.email),
    "customer.first_name": lambda profile: bool(profile.first_name),
    "customer.last_name": lambda profile: bool(profile.last_name),
    "customer.phone": lambda profile: bool(profile.phone),
    "customer.company": lambda profile: bool(profile.company),
    "customer.subscribed": lambda profile: profile.subscribed is not None,
    "customer.birthday": lambda profile: bool(profile.birthday),
    "customer.store_credit": lambda profile: bool(profile.store_credit),
    "customer.addresses": lambda profile: bool(profile.places),
    "customer.addresses.country": lambda profile: any(place.country for place in profile.places),
    "customer.addresses.state": lambda profile: any(place.state for place in profile.places),
    "customer.addresses.city": lambda profile: any(place.city for place in profile.places),
    "customer.addresses.zip": lambda profile: any(place.zip for place in profile.places),
}
"""What a store knows of a customer, by the names that rules have for it; form fields come as `customer.form.<name>`."""

MARKS: Final = ("email", "phone", "name and postcode")
"""What two customers hardly have in common unless they are one."""
ORDERS: Final = "orders"
ACCOUNTS: Final = "accounts"
VISITS: Final = "visits"


@dataclass(slots=True)
class Tally:
    """What was counted. `key`: of the hashes by which customers who are alike are found; the same for all that merge.

    `customers`: with an account; `filled`: how many of them have a field. `days`: source -> how much of it, by days
    since the epoch in UTC; of orders that lie on pages only the first and the last, so `orders` is counted apart.
    `members`: `segment:vip`, `ladder:loyalty:2`, `group:Gold`. `alike`: what they have in common -> its hash ->
    customers.
    """

    key: bytes
    customers: int = 0
    guests: int = 0
    unreadable: int = 0
    filled: Counter[str] = field(default_factory=Counter)
    days: dict[str, Counter[int]] = field(default_factory=dict)
    orders: int = 0
    members: Counter[str] = field(default_factory=Counter)
    alike: dict[str, dict[bytes, list[str]]] = field(default_factory=dict)

    def add(self, state: State) -> None:
        """One customer; a grave is none. Raises `StateUnreadable`."""
        if state.deleted:
            return
        if state.guest:
            self.guests += 1
        else:
            self.customers += 1
        if state.profile is not None:
            self._add_profile(state, state.profile)
        self._add_days(state)
        self.members.update(f"segment:{name}" for name in state.standing.segments)
        self.members.update(f"ladder:{name}:{rung}" for name, rung in state.standing.rungs.items())

    def merge(self, other: "Tally") -> None:
        """With what another one counted of other customers."""
        self.customers += other.customers
        self.guests += other.guests
        self.unreadable += other.unreadable
        self.orders += other.orders
        self.filled += other.filled
        self.members += other.members
        for source, days in other.days.items():
            self.days[source] = self.days.get(source, Counter()) + days
        for what, found in other.alike.items():
            mine = self.alike.setdefault(what, {})
            for digest, customers in found.items():
                mine.setdefault(digest, []).extend(customers)

    def _add_profile(self, state: State, profile: Profile) -> None:
        if not state.guest:
            self.filled.update(name for name, test in FIELDS.items() if test(profile))
            self.filled.update(FORM + name for name, value in profile.form.items() if value)
            self._count(ACCOUNTS, profile.created_at)
            self.members[f"group:{profile.group or ''}"] += 1
        for what, value in _marks(profile):
            digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), key=self.key, digest_size=12).digest()
            self.alike.setdefault(what, {}).setdefault(digest, []).append(state.key)

    def _add_days(self, state: State) -> None:
        for body in state.ledger.values():
            self._count(ORDERS, decode_entry(body).created_at)
        for at in {*state.cold.first, *state.cold.last}:
            self._count(ORDERS, at)
        self.orders += len(state.ledger) + state.cold.orders
        visits = self.days.setdefault(VISITS, Counter())
        for second, amount in zip(state.visits.at, state.visits.amounts, strict=True):
            visits[second // DAY_S] += amount

    def _count(self, source: str, at: datetime) -> None:
        self.days.setdefault(source, Counter())[day_of(at)] += 1


def day_of(at: datetime) -> int:
    """Days since the epoch, in UTC."""
    return int(at.astimezone(UTC).timestamp() // DAY_S)


def _marks(profile: Profile) -> Iterator[tuple[str, str]]:
    """Of `MARKS`, what the customer has."""
    if profile.email:
        yield "email", profile.email.strip().lower()
    digits = "".join(character for character in profile.phone or "" if character.isdigit())
    if len(digits) >= SHORTEST_PHONE:
        yield "phone", digits[-10:]
    name = fold(f"{profile.first_name or ''} {profile.last_name or ''}")
    if profile.first_name and profile.last_name:
        for code in sorted({place.zip for place in profile.places if place.zip}):
            yield "name and postcode", f"{name}\n{code}"
