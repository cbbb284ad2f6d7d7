"""The store's coupons (the older kind, v2): codes that take something off an order. No HTTP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from headrace.simulators.effects import Effects
from headrace.simulators.people import Refused
from headrace.simulators.trade import UNIT

SINK: Final = "coupon"


@dataclass(frozen=True, slots=True)
class Coupon:
    """Amounts in ten-thousandths, of a currency unit or of a per cent. `max_uses` 0: as often as one likes."""

    id: int
    name: str
    type: str
    amount: int
    code: str
    created: datetime
    entity: str = ""
    ids: tuple[int, ...] = ()
    min_purchase: int = 0
    expires: datetime | None = None
    enabled: bool = True
    max_uses: int = 0
    max_uses_per_customer: int = 0
    restricted_to: Mapping[str, Any] = field(default_factory=dict)
    shipping_methods: tuple[str, ...] = ()
    uses: tuple[int, ...] = ()
    """Whose, one a use; 0 is a guest."""


class Taken(Exception):
    """Another coupon has this `name` or `code`."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


@dataclass(slots=True)
class Coupons:
    """By id. Names and codes are unique; for codes capitals do not matter."""

    now: Callable[[], datetime]
    effects: Effects
    rows: dict[int, Coupon] = field(default_factory=dict)
    _made: int = 0
    _codes: dict[str, int] = field(default_factory=dict)
    _names: dict[str, int] = field(default_factory=dict)

    def create(self, fields: Mapping[str, Any]) -> Coupon:
        """Raises Taken."""
        self._check(fields, None)
        self._made += 1
        row = Coupon(id=self._made, created=self.now(), **fields)
        self._put(row)
        expires = None if row.expires is None else row.expires.isoformat()
        amount = f"{row.amount // UNIT}.{row.amount % UNIT:04d}"
        said: dict[str, Any] = {"type": row.type, "amount": amount, "max_uses": row.max_uses}
        self.effects.take(SINK, row.code, row.created, expires=expires, **said)
        return row

    def change(self, row: Coupon, fields: Mapping[str, Any]) -> Coupon:
        """Raises Taken."""
        self._check(fields, row.id)
        changed = replace(row, **fields)
        self.delete(row.id)
        self._put(changed)
        return changed

    def delete(self, number: int) -> bool:
        """False if there is none."""
        row = self.rows.pop(number, None)
        if row is None:
            return False
        del self._codes[row.code.lower()], self._names[row.name]
        return True

    def of_code(self, code: str) -> Coupon | None:
        """Capitals do not matter."""
        return self.rows.get(self._codes.get(code.lower(), 0))

    def use(self, code: str, customer_id: int = 0) -> Coupon:
        """A customer pays with it. Raises Refused where the checkout would."""
        row = self.of_code(code)
        if row is None or not row.enabled:
            raise Refused(f"no coupon {code}")
        if row.expires is not None and row.expires <= self.now():
            raise Refused(f"coupon {code} is past")
        of_customer = row.uses.count(customer_id) if customer_id else 0
        if 0 < row.max_uses <= len(row.uses) or 0 < row.max_uses_per_customer <= of_customer:
            raise Refused(f"coupon {code} is used up")
        used = replace(row, uses=(*row.uses, customer_id))
        self.rows[row.id] = used
        return used

    def truth(self) -> list[dict[str, Any]]:
        """Those that there are."""
        return [
            {"id": row.id, "code": row.code, "name": row.name, "uses": len(row.uses), "enabled": row.enabled}
            for row in self.rows.values()
        ]

    def _check(self, fields: Mapping[str, Any], own: int | None) -> None:
        if "code" in fields and self._codes.get(fields["code"].lower(), own) != own:
            raise Taken("code")
        if "name" in fields and self._names.get(fields["name"], own) != own:
            raise Taken("name")

    def _put(self, row: Coupon) -> None:
        self.rows[row.id] = row
        self._codes[row.code.lower()] = self._names[row.name] = row.id
