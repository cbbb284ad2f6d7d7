"""How to reach customers, as `headrace.actions.contact` last told: one table for all senders of a database."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Boolean, Column, Connection, Table, Text, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from headrace.consumer.effects.sender import Contact
from headrace.consumer.ledger import METADATA
from headrace.contracts.actions import ContactPersonal, DesiredContact

CONTACTS: Table = Table(
    "headrace_contacts",
    METADATA,
    Column("customer", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("email", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("subscribed", Boolean),
    Column("deleted", Boolean, nullable=False),
)
_VERSION = ("generation", "offset", "step")
_SLICE = 400


def keep_contacts(connection: Connection, contacts: Sequence[DesiredContact]) -> None:
    """Takes in what is newer than what is known."""
    newest: dict[str, DesiredContact] = {}
    for contact in contacts:
        known = newest.get(contact.customer)
        if known is None or contact.version > known.version:
            newest[contact.customer] = contact
    if not newest:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(CONTACTS)
    rest = [column.name for column in CONTACTS.columns if column.name != "customer"]
    newer = tuple_(*(statement.excluded[name] for name in _VERSION)) > tuple_(*(CONTACTS.c[name] for name in _VERSION))
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["customer"], set_={name: statement.excluded[name] for name in rest}, where=newer
        ),
        [_row(contact) for _, contact in sorted(newest.items())],
    )


def contacts_of(connection: Connection, customers: Sequence[str]) -> dict[str, Contact]:
    """Those that are known."""
    found: dict[str, Contact] = {}
    for start in range(0, len(customers), _SLICE):
        query = select(CONTACTS).where(CONTACTS.c.customer.in_(customers[start : start + _SLICE]))
        for row in connection.execute(query).mappings():
            found[row["customer"]] = Contact(
                email=row["email"],
                first_name=row["first_name"],
                last_name=row["last_name"],
                subscribed=row["subscribed"],
                deleted=row["deleted"],
            )
    return found


def _row(contact: DesiredContact) -> dict[str, object]:
    personal = contact.personal or ContactPersonal()
    return {
        "customer": contact.customer,
        **dict(zip(_VERSION, contact.version, strict=True)),
        "email": _text(personal.email),
        "first_name": _text(personal.first_name),
        "last_name": _text(personal.last_name),
        "subscribed": contact.subscribed,
        "deleted": contact.deleted,
    }


def _text(said: str | None) -> str | None:
    """As PostgreSQL keeps it."""
    return None if said is None else said.replace("\0", "")
