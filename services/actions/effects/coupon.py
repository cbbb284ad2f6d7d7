"""Coupons of one customer's own: the code is made of the effect's id, so that whoever asks again finds the same.

The code is worth money: it stands in no log, outcome or error.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from headrace.consumer.effects import Done, Letter, Refused
from headrace.contracts.effects import Effect
from headrace.contracts.money import exponent, from_minor
from headrace.platforms.bigcommerce.coupons import Coupon, coupon_of, coupons_by_code, create_coupon
from headrace.platforms.errors import Rejected
from headrace.platforms.http import VendorClient
from headrace.segmentation.days import later
from services.actions.effects.asking import asking

ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Nobody takes one for another: no 0 and O, no 1 and I."""
PREFIX: Final = "HR-"
_LENGTH: Final = 16
_DUPLICATE: Final = frozenset({400, 409, 422})
_DEADLINE_S: Final = 30.0


def coupon_code(effect_id: str, key: bytes = b"") -> str:
    """`HR-` and 80 bits. `key`: without it, who knows the rules can tell the codes of others."""
    if key:
        bits = hashlib.blake2b(effect_id.encode(), digest_size=10, key=hashlib.sha256(key).digest()).digest()
    else:
        bits = bytes.fromhex(effect_id)[:10]
    number = int.from_bytes(bits, "big")
    return PREFIX + "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))


def wanted_coupon(told: Mapping[str, Any], code: str, now: datetime) -> Coupon:
    """What a rule says of a coupon. `now`: the store's clock, which it expires by. Raises Refused for nonsense."""
    try:
        uses = 0 if told.get("for") == "every_order" else 1
        expires = _expiry(told["expires"], now) if told.get("expires") else None
        if "percent" in told:
            return Coupon(code, "percentage_discount", Decimal(int(told["percent"])), expires, max_uses=uses)
        amount = told["amount"]
        money = from_minor(int(amount["amount_minor"]), str(amount["currency"]))
        return Coupon(code, "per_total_discount", money, expires, max_uses=uses)
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("bad_coupon", "the rule's coupon has neither percent nor amount that can be read") from error


def _expiry(span: Mapping[str, Any], now: datetime) -> datetime:
    count, unit, utc = int(span["count"]), span["unit"], now.astimezone(UTC)
    if unit == "hour":
        return utc + timedelta(hours=count)
    day: date | None = later(utc.date(), count, unit)
    if day is None:
        raise ValueError("beyond the calendar")
    return datetime.combine(day, utc.time(), UTC)


@dataclass(frozen=True, slots=True)
class Coupons:
    """The store's coupons. `key` makes the codes nobody's guess; it must stay the same."""

    store: VendorClient
    key: bytes = b""

    async def make(self, effect: Effect, told: Mapping[str, Any], now: datetime) -> Coupon:
        """The effect's coupon as the store has it: made, or found. Raises Refused and the client's errors."""
        wanted = wanted_coupon(told, coupon_code(effect.id, self.key), now)
        try:
            found = coupon_of(await self.store.call(create_coupon(wanted)), wanted.code)
        except Rejected as refusal:
            found = await self._find(wanted.code) if refusal.status in _DUPLICATE else None
            if found is None:
                raise
        return found or wanted

    async def _find(self, code: str) -> Coupon | None:
        return coupon_of(await self.store.call(coupons_by_code(code)), code)


def shown(coupon: Coupon, currency: str = "") -> dict[str, Any]:
    """What a mail may say of it: code, percent or amount, `expires` for people and `expires_on` for programs."""
    percent = coupon.type == "percentage_discount"
    expires = coupon.expires
    return {
        "code": coupon.code,
        "percent": int(coupon.amount) if percent else "",
        "amount": "" if percent else f"{coupon.amount:.{exponent(currency)}f} {currency}".strip(),
        "expires": f"{expires.day} {expires:%B %Y}" if expires else "",
        "expires_on": f"{expires:%Y-%m-%d}" if expires else "",
    }


def currency_of(told: Mapping[str, Any]) -> str:
    """Of a rule's coupon by amount, else ""."""
    amount = told.get("amount")
    return str(amount.get("currency", "")) if isinstance(amount, Mapping) else ""


class CouponSender:
    """`issue_coupon`. Asked twice, the second time finds the first's."""

    name: Final = "coupon"
    keyed: Final = True
    concurrency: Final = 4
    deadline_s: Final = _DEADLINE_S

    def __init__(self, coupons: Coupons) -> None:
        self._coupons = coupons

    def wants(self, effect: Effect) -> bool:
        """Coupons that come alone; those of a mail are made with it."""
        return effect.kind == "issue_coupon"

    async def send(self, letter: Letter) -> Done:
        """The receipt is the store's number of the coupon."""
        with asking(deadline_s=self.deadline_s, may_be_done=True):
            coupon = await self._coupons.make(letter.effect, letter.effect.with_, letter.now)
        return Done(receipt=str(coupon.id) if coupon.id else "")
