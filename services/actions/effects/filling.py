"""What a mail, an event or a template of a platform is filled with: the customer, a coupon, the shop, the rule's words.

Pure. The names are those of `templates.SAMPLE`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from headrace.consumer.effects import Letter, Refused
from headrace.contracts.effects import Effect
from services.actions.effects.coupon import Coupons, currency_of, shown

CUSTOMER: Final = "{customer}"


@dataclass(frozen=True, slots=True)
class Shop:
    """Who writes. `unsubscribe`: a URL, in which `{customer}` stands for the customer's number at the store."""

    name: str = ""
    url: str = ""
    unsubscribe: str = ""

    def unsubscribe_url(self, effect: Effect) -> str:
        """For this customer."""
        return self.unsubscribe.replace(CUSTOMER, quote(number_of(effect), safe=""))


def number_of(effect: Effect) -> str:
    """The customer's number at the store."""
    return effect.customer.partition(":")[2]


def address_of_letter(letter: Letter) -> str:
    """Where it goes. Raises Refused."""
    if letter.contact is None or not letter.contact.email or letter.contact.deleted:
        raise Refused("no_address", "the customer has no e-mail address that we know of")
    return letter.contact.email


def told(effect: Effect) -> dict[str, Any]:
    """What the rule passes, without the coupon."""
    passed = effect.with_.get("with") or {}
    return {name: value for name, value in passed.items() if name != "coupon"} if isinstance(passed, Mapping) else {}


async def coupon_shown(letter: Letter, coupons: Coupons | None) -> dict[str, Any] | None:
    """The coupon that the rule passes, made first if it is to be made; None without one. Raises what `Coupons` does."""
    passed = letter.effect.with_.get("with") or {}
    wanted = passed.get("coupon") if isinstance(passed, Mapping) else None
    if wanted is None:
        return None
    if not isinstance(wanted, Mapping):
        return {"code": str(wanted), "percent": "", "amount": "", "expires": "", "expires_on": ""}
    if coupons is None:
        raise Refused("no_coupons", "coupons are made at BigCommerce: set HEADRACE_BIGCOMMERCE_TOKEN")
    made = await coupons.make(letter.effect, wanted, letter.now)
    return shown(made, currency_of(wanted))


def values_of(letter: Letter, shop: Shop, coupon: Mapping[str, Any] | None) -> dict[str, Any]:
    """For a template. A name that we do not know is ""; without a coupon there is no `coupon`."""
    contact = letter.contact
    found: dict[str, Any] = {
        "customer": {
            "id": number_of(letter.effect),
            "first_name": (contact.first_name if contact else "") or "",
            "last_name": (contact.last_name if contact else "") or "",
            "email": (contact.email if contact else "") or "",
        },
        "store": {"name": shop.name, "url": shop.url, "unsubscribe_url": shop.unsubscribe_url(letter.effect)},
        "with": told(letter.effect),
    }
    return found | ({"coupon": dict(coupon)} if coupon else {})


def properties_of(letter: Letter, coupon: Mapping[str, Any] | None) -> dict[str, str]:
    """For an event: one level of texts. `effect` is its id; a coupon's parts are `coupon_code` and so on."""
    flat = {name: _as_text(value) for name, value in told(letter.effect).items()}
    flat |= {f"coupon_{name}": _as_text(value) for name, value in (coupon or {}).items() if value != ""}
    return flat | {"effect": letter.effect.id, "entry": letter.effect.entry}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
