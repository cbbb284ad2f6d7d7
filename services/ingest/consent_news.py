"""What notices tell of the newsletter: whose word it is, and whether it is news. Pure.

How they come in is in `consent_hooks`, what a word does to a customer in `words`.
"""

from collections.abc import Iterable

from services.ingest.backlog import Key, Pending
from services.ingest.identity import hash_of_guest
from services.ingest.owners import Entry, Owners
from services.ingest.words import word_id


def news(batch: Iterable[Pending], owners: Owners) -> list[Entry]:
    """Words that nobody has heard yet."""
    found = [
        Entry("consent", word_id(_hash(pending), source), word) for pending in batch for source, word in pending.words
    ]
    return [entry for entry in found if owners.is_news(entry)]


def speakers(batch: Iterable[Pending], owners: Owners) -> dict[Key, int]:
    """The customers who said it, by notice; guests and strangers have no newsletter."""
    found = {}
    for pending in batch:
        account = owners.account_of(_hash(pending)) if pending.words else None
        number = (account or "").rpartition(":")[2]
        if account is not None and hash_of_guest(account) is None and number.isdigit():
            found[pending.key] = int(number)
    return found


def _hash(pending: Pending) -> str:
    return f"{pending.key[1]:032x}"
