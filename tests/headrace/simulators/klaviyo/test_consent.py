"""Who may be mailed: what subscribing, unsubscribing and suppressing by API do to it."""

from typing import Any

import pytest

from tests.headrace.simulators.klaviyo.account import Port

SUBSCRIBE = "/api/profile-subscription-bulk-create-jobs"
UNSUBSCRIBE = "/api/profile-subscription-bulk-delete-jobs"


def job(path: str, *emails: str, list_id: str | None = None, at: str | None = None, **more: Any) -> Any:
    kind = path.removeprefix("/api/").removesuffix("s")
    consent = {"consent": "SUBSCRIBED" if path == SUBSCRIBE else "UNSUBSCRIBED"} | ({"consented_at": at} if at else {})
    channels = {"subscriptions": {"email": {"marketing": consent}}} if "subscription" in kind else {}
    data = [{"type": "profile", "attributes": {"email": email, **channels}} for email in emails]
    found: Any = {"type": kind, "attributes": {"profiles": {"data": data}, **more}}
    if list_id:
        found["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
    return {"data": found}


def of(port: Port, email: str = "a@x.example") -> tuple[str, list[str]]:
    port.wait(2.0)
    found = port.vendor.truth()[email]
    return found["consent"], found["suppressions"]


@pytest.mark.parametrize(
    ("reason", "left"),
    [
        ("UNSUBSCRIBE", []),
        ("SPAM_COMPLAINT", []),
        ("USER_SUPPRESSED", []),
        ("HARD_BOUNCE", ["HARD_BOUNCE"]),
        ("INVALID_EMAIL", ["INVALID_EMAIL"]),
    ],
)
def test_subscribe__suppressed__lifts_what_somebody_had_asked_for(port: Port, reason: str, left: list[str]) -> None:
    port.account.suppress("a@x.example", reason)
    assert port.call("POST", SUBSCRIBE, job(SUBSCRIBE, "a@x.example"))[0] == 202
    assert of(port) == ("SUBSCRIBED", left)


def test_import_and_list__suppressed__lift_nothing(port: Port) -> None:
    port.account.unsubscribe("a@x.example")
    gold = port.list("Gold")
    port.on_list("POST", gold, port.id_of("a@x.example"))
    assert of(port) == ("UNSUBSCRIBED", ["UNSUBSCRIBE"])


def test_unsubscribe__from_a_list_one_is_not_on__ends_all_mail(port: Port) -> None:
    gold, silver = port.list("Gold"), port.list("Silver")
    port.call("POST", SUBSCRIBE, job(SUBSCRIBE, "a@x.example", "b@x.example", list_id=gold))
    assert of(port) == ("SUBSCRIBED", [])
    port.call("POST", UNSUBSCRIBE, job(UNSUBSCRIBE, "a@x.example", list_id=gold))
    port.call("POST", UNSUBSCRIBE, job(UNSUBSCRIBE, "b@x.example", list_id=silver))
    assert of(port, "a@x.example") == ("SUBSCRIBED", ["UNSUBSCRIBE"])
    assert of(port, "b@x.example") == ("UNSUBSCRIBED", ["UNSUBSCRIBE"])


def test_unsuppress__only_what_the_account_had_suppressed(port: Port) -> None:
    create, delete = "/api/profile-suppression-bulk-create-jobs", "/api/profile-suppression-bulk-delete-jobs"
    port.account.unsubscribe("a@x.example")
    assert port.call("POST", create, job(create, "a@x.example"))[0] == 202
    assert of(port) == ("UNSUBSCRIBED", ["UNSUBSCRIBE", "USER_SUPPRESSED"])
    assert port.call("POST", delete, job(delete, "a@x.example"))[0] == 202
    assert of(port) == ("UNSUBSCRIBED", ["UNSUBSCRIBE"])


def test_subscribe__history__needs_its_date_and_only_history_has_one(port: Port) -> None:
    at = "2020-01-01T00:00:00Z"
    assert port.call("POST", SUBSCRIBE, job(SUBSCRIBE, "a@x.example", at=at))[0] == 400
    assert port.call("POST", SUBSCRIBE, job(SUBSCRIBE, "a@x.example", historical_import=True))[0] == 400
    assert port.call("POST", SUBSCRIBE, job(SUBSCRIBE, "a@x.example", at=at, historical_import=True))[0] == 202


@pytest.mark.parametrize(("path", "most"), [(SUBSCRIBE, 1000), (UNSUBSCRIBE, 100)])
def test_job__too_many_or_none_or_no_address__is_400(port: Port, path: str, most: int) -> None:
    assert port.call("POST", path, job(path, *["a@x.example"] * (most + 1)))[0] == 400
    assert port.call("POST", path, job(path))[0] == 400
    assert port.call("POST", path, job(path, "nobody"))[0] == 400
    assert port.call("POST", path, job(path, "a@x.example", list_id="none"))[0] == 400


def test_find__suppressed_since__the_earliest_first_with_reasons(port: Port) -> None:
    name = "subscriptions.email.marketing.suppression.timestamp"
    for email, reason in (
        ("a@x.example", "HARD_BOUNCE"),
        ("b@x.example", "UNSUBSCRIBE"),
        ("c@x.example", "SPAM_COMPLAINT"),
    ):
        port.wait(60.0)
        port.account.suppress(email, reason)
    query = {"filter": f"greater-or-equal({name},2026-01-01T00:02:00Z)", "sort": name}
    _, reply = port.call("GET", "/api/profiles", **query, **{"additional-fields[profile]": "subscriptions"})
    found = [each["attributes"]["subscriptions"]["email"]["marketing"]["suppression"] for each in reply["data"]]
    assert [[each["reason"] for each in one] for one in found] == [["UNSUBSCRIBE"], ["SPAM_COMPLAINT"]]
    _, bounced = port.call(
        "GET", "/api/profiles", filter='equals(subscriptions.email.marketing.suppression.reason,"HARD_BOUNCE")'
    )
    assert [each["attributes"]["email"] for each in bounced["data"]] == ["a@x.example"]
