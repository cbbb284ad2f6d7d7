"""Facts as records of the log: origin `import`, ids and revisions that come from the content, so twice is once."""

import hashlib
from datetime import datetime
from typing import Any, Final

import msgspec

from headrace.contracts.events import (
    ATTRIBUTE_SET,
    CUSTOMER_PINNED,
    CUSTOMER_SNAPSHOT,
    ORDER_REMOVED,
    ORDER_SNAPSHOT,
    AttributeSet,
    CustomerSnapshot,
    EventData,
    OrderRemoved,
    encode_event,
    revision,
)
from services.ingest.identity import customer_key, guest_key, hash_of_guest
from services.ingest.importing.cells import Bad
from services.ingest.importing.facts import EPOCH, Facts, Order, Setting, Who
from services.ingest.owners import Owners
from services.ingest.publish import Record
from services.ingest.snapshots import Batch

_OFFLINE: Final = b"nobody"


class Maker:
    """Makes the records of one file. `owners` None: nothing is at hand to ask whose an address is."""

    def __init__(self, setting: Setting, owners: Owners | None) -> None:
        self._setting = setting
        self._owners = owners
        self._as_of = setting.as_of.isoformat().encode()
        self._last: tuple[str, Facts] | None = None
        self.batch = Batch()
        """What is to be written next."""

    def mark(self) -> tuple[int, ...]:
        """How far the batch is."""
        return tuple(len(part) for part in self._parts())

    def back_to(self, mark: tuple[int, ...]) -> None:
        """Without what was added since."""
        for part, length in zip(self._parts(), mark, strict=True):
            del part[length:]
        self._last = None

    def customer(self, facts: Facts) -> None:
        """Raises `Bad`. What the row before said is not said again."""
        key = self._key(facts.who)
        is_guest = hash_of_guest(key) is not None
        if is_guest and facts.pin is not None and self._owners is not None:
            message = "is for customers with an account, and nobody with this address has one"
            raise Bad("group", "guest", message, "name the customer's id, or import it again when there is an account")
        if self._last == (key, facts):
            return
        if facts.snapshot is not None and not is_guest:
            self._snapshot(key, facts.snapshot, facts.who)
        for name, values in sorted(facts.attributes.items()):
            self._add(key, ATTRIBUTE_SET, AttributeSet(name=name, values=values), self._setting.as_of)
        if facts.pin is not None:
            self._add(key, CUSTOMER_PINNED, facts.pin, self._setting.as_of)
        self._last = key, facts

    def order(self, order: Order) -> None:
        """Under its owner; out of the former one first."""
        snapshot, rev = order.snapshot, revision(EPOCH, self._setting.as_of)
        key = self._key(order.who)
        if self._owners is not None:
            email = order.who.email or None
            placed = self._owners.place(snapshot.order_id, order.who.customer or 0, email, rev)
            if placed is None:
                return  # the store knows better whose it is
            key = placed.owner.owner
            for left in placed.leave:
                gone = OrderRemoved(order_id=snapshot.order_id, to=key)
                self._add(left, ORDER_REMOVED, gone, snapshot.modified_at, rev, self.batch.removals)
            self.batch.placed.append(placed)
        self._add(key, ORDER_SNAPSHOT, snapshot, snapshot.modified_at, rev)

    def _parts(self) -> tuple[list[Any], ...]:
        return self.batch.records, self.batch.removals, self.batch.placed, self.batch.named

    def _snapshot(self, key: str, snapshot: CustomerSnapshot, who: Who) -> None:
        customer_id = key.rpartition(":")[2]
        rev = revision(snapshot.modified_at, self._setting.as_of)
        data = msgspec.structs.replace(snapshot, customer_id=customer_id)
        self._add(key, CUSTOMER_SNAPSHOT, data, snapshot.modified_at, rev)
        if self._owners is not None:
            named = self._owners.named(customer_id, who.email or None, rev)
            for entry in named:
                self._owners.take(entry, own=True)  # the next row may be of this address
            self.batch.named += named

    def _key(self, who: Who) -> str:
        if who.customer:
            return customer_key(self._setting.store, who.customer)
        if self._owners is None:
            return guest_key(self._setting.store, who.email, _OFFLINE)
        return self._owners.buyer(0, who.email, "")

    def _add(
        self,
        key: str,
        kind: str,
        data: EventData,
        time: datetime,
        rev: str | None = None,
        to: list[Record] | None = None,
    ) -> None:
        try:
            said = b"\n".join((key.encode(), kind.encode(), self._as_of, msgspec.json.encode(data)))
            value = encode_event(
                data,
                type=kind,
                id=f"import:{kind}:{hashlib.blake2b(said, digest_size=16).hexdigest()}",
                store=self._setting.store,
                subject=key,
                time=time,
                origin="import",
                revision=rev,
            )
        except ValueError as error:
            message = "holds half a character (a lone surrogate)"
            raise Bad("", "bad_text", message, "write the file anew: a system has cut a text in two") from error
        (self.batch.records if to is None else to).append(Record(key.encode(), value, kind, "import"))
