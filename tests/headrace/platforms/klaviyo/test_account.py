"""Requests put to the simulated account, and what the readers make of its answers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.platforms import klaviyo
from headrace.platforms.http import Request
from headrace.platforms.replies import error_text
from tests.headrace.simulators.harness import START
from tests.headrace.simulators.klaviyo.account import Port

PATCH = klaviyo.Patch("tags", ("VIP",), ("Old",))


def asked(port: Port, request: Request) -> tuple[int, Any]:
    """Status and body, a second after the call before."""
    answer = port.answer(request.method, request.path, request.json, **dict(request.params))
    return answer.status, None if answer.body is None else json.loads(answer.body)


def profile(port: Port, email: str, patch: klaviyo.Patch | None = None) -> klaviyo.Profile:
    found = klaviyo.profile_of(asked(port, klaviyo.upsert_profile(email, patch))[1])
    assert found is not None
    return found


def test_profile__made_patched_replaced_and_found() -> None:
    port = Port()
    made = profile(port, "A@x.example", klaviyo.Patch("tags", ("Old",)))
    assert (made.email, made.values("tags")) == ("a@x.example", ["Old"])
    _, body = asked(port, klaviyo.patch_profile(made.id, PATCH))
    assert klaviyo.profile_of(body) == klaviyo.Profile(made.id, "a@x.example", {"tags": ["VIP"]})
    _, body = asked(port, klaviyo.set_values(made.id, "tags", ["x"]))
    assert [each.values("tags") for each in klaviyo.profiles_of(body)] == [["x"]]
    _, body = asked(port, klaviyo.profiles_by_email(["a@x.example", 'no"body@x.example']))
    assert [each.id for each in klaviyo.profiles_of(body)] == [made.id]


def test_profile__no_address__the_error_says_where() -> None:
    status, body = asked(Port(), klaviyo.upsert_profile("nobody"))
    assert (status, *error_text(body)) == (400, "Invalid input.", {"/data/attributes/email": "Invalid email address"})


def test_lists__made_found_joined_and_left() -> None:
    port = Port()
    ann = profile(port, "a@x.example")
    _, body = asked(port, klaviyo.create_list('Gold, "best"'))
    gold = klaviyo.list_of(body)
    assert gold is not None
    _, body = asked(port, klaviyo.find_lists(['Gold, "best"', "Silver"]))
    assert klaviyo.lists_of(body) == {'Gold, "best"': gold}
    assert asked(port, klaviyo.add_to_list(gold, [ann.id]))[0] == 204
    assert port.vendor.truth()["a@x.example"]["lists"] == ['Gold, "best"']
    assert asked(port, klaviyo.remove_from_list(gold, [ann.id]))[0] == 204


def test_import__polled_to_its_end__errors_told() -> None:
    port = Port()
    _, body = asked(port, klaviyo.import_profiles([("a@x.example", PATCH), ("nobody", None)]))
    job = klaviyo.job_of(body)
    assert job is not None
    seen = [job.status]
    while not job.is_over:
        job = klaviyo.job_of(asked(port, klaviyo.import_job(job.id))[1])
        assert job is not None
        seen.append(job.status)
    assert seen == ["queued", "processing", "complete"]
    assert (job.total, job.failed) == (2, 1)
    assert len(asked(port, klaviyo.import_errors(job.id))[1]["data"]) == 1
    assert port.vendor.truth()["a@x.example"]["properties"] == {"tags": ["VIP"]}


def test_suppressed_profiles__page_by_page_since_a_moment() -> None:
    port = Port()
    gold = port.account.create_list("Gold").id
    for number in range(103):
        port.wait(1.0)
        port.account.suppress(f"{number:03}@x.example", "SPAM_COMPLAINT" if number == 5 else "HARD_BOUNCE")
    member = profile(port, "member@x.example")
    port.account.add(gold, [member.id])
    port.account.unsubscribe("member@x.example", gold)
    port.account.unsubscribe("gone@x.example")
    since, cursor, found = START + timedelta(seconds=3), None, list[klaviyo.Profile]()
    for _ in range(2):
        _, body = asked(port, klaviyo.suppressed_profiles(since, cursor))
        found += klaviyo.profiles_of(body)
        cursor = klaviyo.next_cursor(body)
    assert cursor is None
    assert [each.email for each in found] == [*(f"{n:03}@x.example" for n in range(2, 103)), "gone@x.example"]
    assert found[3].suppressions == (klaviyo.Suppression("SPAM_COMPLAINT", START + timedelta(seconds=6)),)
    assert found[-1].consent == "UNSUBSCRIBED"
    _, body = asked(port, klaviyo.list_suppressed_profiles(since))
    (left,) = klaviyo.profiles_of(body)
    assert (left.email, left.suppressions[0].list_id) == ("member@x.example", gold)


def test_events__one_by_one_a_repeat_counts_once_and_in_bulk_fails() -> None:
    port = Port()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    first, second = (klaviyo.Event("Win back", "a@x.example", key, at, {"group": "Gold"}) for key in ("1", "2"))
    past = klaviyo.Event("Sale", "b@x.example", "1", at, backfill=True)
    assert [asked(port, klaviyo.send_event(each))[0] for each in (first, first, past)] == [202] * 3
    port.wait(2.0)
    assert asked(port, klaviyo.send_events([first, second]))[0] == 400
    assert asked(port, klaviyo.send_events([second, klaviyo.Event("Sale", "b@x.example", "2", at)]))[0] == 202
    port.wait(2.0)
    truth = port.vendor.truth()
    assert {email: row["events"] for email, row in truth.items()} == {
        "a@x.example": ["Win back"] * 2,
        "b@x.example": ["Sale"] * 2,
    }
    assert [each.starts_flows for each in port.account.events if each.metric == "Sale"] == [False, True]
