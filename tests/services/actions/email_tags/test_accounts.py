"""Stores that write to one account share its contacts; stores of two accounts know nothing of each other."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from headrace.consumer import Database, open_database
from headrace.consumer.ledger import migrate_ledger
from headrace.runtime.settings import load_settings
from services.actions.email_tags import EmailTags
from services.actions.email_tags.accounts import Account, accounts_of
from services.actions.email_tags.platforms import PLATFORMS
from tests.services.actions.email_tags.people import Contacts, People

A, B = "a:1", "b:1"
ADDRESS = "x@x.example"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    migrate_ledger(opened)
    yield opened
    await opened.close()


def people_in(store: str, database: Database, contacts: Contacts, account: Account | None = None) -> People:
    """A store's consumer."""
    return People(EmailTags(contacts, store, database, account), database, contacts.platform)


async def test_one_account__a_tag_that_the_other_stores_customer_wants__stays(database: Database) -> None:
    contacts, account = Contacts(), Account(("a", "b"))
    ours, theirs = (people_in(store, database, contacts, account) for store in account.stores)
    await ours.perform((A, await ours.wanted(A, ADDRESS, "VIP", "UK")))
    await theirs.perform((B, await theirs.wanted(B, ADDRESS, "VIP")))
    await ours.perform((A, await ours.want(A, None, absent=["VIP", "UK"])))
    assert contacts.labels == {ADDRESS: {"VIP"}}
    await theirs.perform((B, await theirs.want(B, "y@x.example")))
    assert contacts.labels == {ADDRESS: set(), "y@x.example": {"VIP"}}


async def test_two_accounts__the_same_address__each_has_its_own(database: Database) -> None:
    first, second = Contacts(), Contacts()
    ours, theirs = people_in("a", database, first), people_in("b", database, second)
    await ours.perform((A, await ours.wanted(A, ADDRESS, "VIP", "UK")))
    await theirs.perform((B, await theirs.wanted(B, ADDRESS, "VIP")))
    await ours.perform((A, await ours.want(A, None, absent=["VIP", "UK"])))
    assert (first.labels, second.labels) == ({ADDRESS: set()}, {ADDRESS: {"VIP"}})
    assert second.written[-1].wanted.tags == ("VIP",)


def test_accounts_of__the_same_identity__one_account() -> None:
    accounts = accounts_of({"a": 1, "b": 2, "c": 1})
    assert [accounts[store].stores for store in "abc"] == [("a", "c"), ("b",), ("a", "c")]
    assert accounts["a"].turns is accounts["c"].turns
    assert accounts["a"].turns is not accounts["b"].turns


@pytest.mark.parametrize(
    ("platform", "same", "other"),
    [
        ("mailchimp", {"mailchimp_key": "k", "mailchimp_list": "l", "mailchimp_url": "u"}, {"mailchimp_list": "m"}),
        ("mailchimp", {"mailchimp_key": "k", "mailchimp_list": "l", "mailchimp_url": "u"}, {"mailchimp_key": "m"}),
        ("klaviyo", {"klaviyo_key": "k"}, {"klaviyo_property": "m"}),
        ("omnisend", {"omnisend_key": "k"}, {"omnisend_key": "m"}),
        ("sendgrid", {"sendgrid_key": "k"}, {"sendgrid_field": "m"}),
    ],
)
def test_account__settings__tell_it(platform: str, same: dict[str, Any], other: dict[str, Any]) -> None:
    of = PLATFORMS[platform]

    def account(store: str, **fields: Any) -> Any:
        given = {name: SecretStr(value) if name.endswith("_key") else value for name, value in fields.items()}
        return of.account(load_settings(of.settings, kafka_bootstrap_servers="none:1", store=store, **given))

    assert account("a", **same) == account("b", **same)
    assert account("a", **same) != account("b", **{**same, **other})
    assert len({account("a", **same), account("b", **same)}) == 1
