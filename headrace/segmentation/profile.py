"""The customer's own facts from a snapshot, places normalised once so that conditions only compare.

A guest's come from the newest of the guest's orders. What rules read of them is named in `facts.py`.
"""

from typing import Final

from headrace.contracts.events import Address, CustomerPersonal, CustomerSnapshot, OrderSnapshot
from headrace.rules.geography import country_code, state_name
from headrace.rules.model import fold, form_key
from headrace.segmentation.state import Place, Profile

_NOTHING_PERSONAL: Final = CustomerPersonal()


def profile_of(snapshot: CustomerSnapshot, revision: str) -> Profile:
    """A store customer's facts."""
    personal = snapshot.personal or _NOTHING_PERSONAL
    return Profile(  # by position: sixteen fields by name would cost more than all the rest
        revision,
        snapshot.created_at,
        snapshot.modified_at,
        snapshot.group,
        personal.email,
        personal.first_name,
        personal.last_name,
        personal.phone,
        snapshot.email_domain,
        snapshot.company,
        snapshot.subscribed,
        tuple([place_of(address) for address in snapshot.addresses]),
        snapshot.store_credit,
        {form_key(purpose): given for purpose, given in snapshot.consents.items()} if snapshot.consents else {},
        {form_key(name): text for name, text in personal.form.items() if text.strip()} if personal.form else {},
        personal.birthday or "",
    )


def guest_profile(known: Profile | None, order: OrderSnapshot, revision: str) -> Profile | None:
    """A guest's facts: those of the newest order that has any; equal revisions go by the order's id.

    Addresses are left out: where a guest's parcel went is no address of the customer.
    """
    personal = order.personal
    mine = f"{revision}/{order.order_id}"
    if personal is None or personal.email is None or (known is not None and mine <= known.revision):
        return known
    return Profile(
        revision=mine,
        created_at=order.created_at,
        modified_at=order.modified_at,
        email=personal.email,
        first_name=personal.first_name,
        last_name=personal.last_name,
        email_domain=personal.email.rpartition("@")[2].lower(),
    )


def same_facts(one: Profile, other: Profile) -> bool:
    """Nothing a rule could react to differs: the group is not looked at, so our own write is no update."""
    return _facts(one) == _facts(other)


def same_consents(one: Profile, other: Profile) -> bool:
    """The newsletter and every other purpose; what is not named is denied, so its refusal changes nothing."""
    return one.subscribed is other.subscribed and _granted(one) == _granted(other)


def _granted(profile: Profile) -> list[str]:
    return sorted(purpose for purpose, given in profile.consents.items() if given)


def place_of(address: Address) -> Place:
    """An address as rules compare it; a country or state we do not know keeps its folded text."""
    known = country_code(address.country_code) or country_code(address.country)
    country = known or fold(address.country).upper()
    return Place(country, state_name(known or "", address.state), fold(address.city), fold(address.postcode))


def _facts(profile: Profile) -> tuple[object, ...]:
    return (
        profile.email,
        profile.first_name,
        profile.last_name,
        profile.phone,
        profile.email_domain,
        profile.company,
        profile.subscribed,
        profile.places,
        profile.store_credit,
        profile.consents,
        profile.form,
        profile.birthday,
    )
