"""Snapshots made anew from what the state keeps, as the store would tell them once more.

Only what rules can read comes back; the rest is in the state no longer.
"""

from datetime import datetime

from headrace.contracts.events import (
    Address,
    CustomerPersonal,
    CustomerSnapshot,
    OrderLine,
    OrderSnapshot,
    Refund,
    RefundLine,
)
from headrace.segmentation.codec import decode_lines
from headrace.segmentation.state import Entry, Line, Place, Profile, Refunded


def customer_again(key: str, profile: Profile, told_at: datetime) -> CustomerSnapshot:
    """A store's customer."""
    return CustomerSnapshot(
        customer_id=key.partition(":")[2],
        created_at=profile.created_at,
        modified_at=told_at,
        group=profile.group or "",
        email_domain=profile.email_domain,
        company=profile.company,
        subscribed=profile.subscribed,
        addresses=tuple(map(_address_again, profile.places)),
        store_credit=profile.store_credit,
        consents=profile.consents,
        personal=CustomerPersonal(
            email=profile.email,
            first_name=profile.first_name,
            last_name=profile.last_name,
            phone=profile.phone,
            birthday=profile.birthday or None,
            form=profile.form,
        ),
    )


def order_again(name: str, entry: Entry, told_at: datetime, currency: str) -> OrderSnapshot:
    """An order of the ledger."""
    return OrderSnapshot(
        order_id=name,
        status=entry.status,
        created_at=entry.created_at,
        modified_at=told_at,
        currency=currency,
        total=entry.total,
        subtotal=entry.subtotal,
        total_excluding_tax=entry.total_excluding_tax,
        lines=tuple(_line_again(line) for line in decode_lines(entry.lines)),
        refunds=tuple(map(_refund_again, entry.refunds)),
        archived=entry.archived,
        shipping=entry.shipping,
        shipping_excluding_tax=entry.shipping_excluding_tax,
        store_credit=entry.store_credit,
        channel_id=entry.channel,
    )


def _line_again(line: Line) -> OrderLine:
    return OrderLine(
        id=line.id,
        product_id=line.product_id,
        quantity=line.quantity,
        price=line.price,
        total=line.total,
        name=line.name,
        sku=line.sku,
        brand=line.brand,
        categories=line.categories,
        backordered=line.backordered,
    )


def _refund_again(refund: Refunded) -> Refund:
    line = RefundLine(line_id="", quantity=refund.units, amount=refund.amount)
    return Refund(id=refund.id, created_at=refund.created_at, amount=refund.amount, lines=(line,))


def _address_again(place: Place) -> Address:
    return Address(
        country_code=place.country, country=place.country, state=place.state, city=place.city, postcode=place.zip
    )
