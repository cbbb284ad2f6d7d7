"""Members and tags over HTTP."""

from headrace.simulators.audience import member_hash
from tests.headrace.simulators.harness import Running

EMAIL = "Ann@x.example"
MEMBER = f"/lists/list/members/{member_hash(EMAIL)}"


async def test_member__put_twice__status_stays(running: Running) -> None:
    assert (await running.mail("GET", MEMBER)).status == 404
    body = {"email_address": EMAIL, "status_if_new": "transactional", "merge_fields": {"FNAME": "Ann"}}
    first = await running.mail("PUT", MEMBER, body)
    second = await running.mail("PUT", MEMBER, {**body, "status_if_new": "subscribed"})
    assert (first.status, first.json["status"], second.json["status"]) == (200, "transactional", "transactional")
    assert (await running.mail("GET", MEMBER)).json["merge_fields"] == {"FNAME": "Ann"}


async def test_tags__posted__are_204_and_listed(running: Running) -> None:
    tags = {"tags": [{"name": "VIP", "status": "active"}], "is_syncing": False}
    missing = await running.mail("POST", f"{MEMBER}/tags", tags)
    assert (missing.status, missing.json["title"]) == (404, "Resource Not Found")
    await running.mail("PUT", MEMBER, {"email_address": EMAIL, "status_if_new": "subscribed"})
    done = await running.mail("POST", f"{MEMBER}/tags", tags)
    assert (done.status, done.text) == (204, "")
    listed = (await running.mail("GET", f"{MEMBER}/tags")).json
    assert ([tag["name"] for tag in listed["tags"]], listed["total_items"]) == (["VIP"], 1)


async def test_member__in_compliance_state__is_refused_as_a_problem(running: Running) -> None:
    await running.operate({"op": "member.status", "email": EMAIL, "status": "cleaned"})
    body = {"email_address": EMAIL, "status_if_new": "subscribed", "status": "subscribed"}
    refused = await running.mail("PUT", MEMBER, body)
    assert (refused.status, refused.json["title"]) == (400, "Member In Compliance State")
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    assert set(refused.json) == {"type", "title", "status", "detail", "instance"}


async def test_member__forgotten__is_refused(running: Running) -> None:
    await running.mail("PUT", MEMBER, {"email_address": EMAIL, "status_if_new": "subscribed"})
    assert (await running.mail("POST", f"{MEMBER}/actions/delete-permanent")).status == 204
    refused = await running.mail("PUT", MEMBER, {"email_address": EMAIL, "status_if_new": "subscribed"})
    assert (refused.status, refused.json["title"]) == (400, "Forgotten Email Not Subscribed")


async def test_member__archived_twice__is_405(running: Running) -> None:
    await running.mail("PUT", MEMBER, {"email_address": EMAIL, "status_if_new": "subscribed"})
    assert [(await running.mail("DELETE", MEMBER)).status for _ in range(2)] == [204, 405]


async def test_member__bad_bodies__are_400(running: Running) -> None:
    for body in ({}, {"email_address": EMAIL}, {"email_address": "x", "status_if_new": "subscribed"},
                 {"email_address": EMAIL, "status_if_new": "loyal"},
                 {"email_address": "other@x.example", "status_if_new": "subscribed"}):  # fmt: skip
        assert (await running.mail("PUT", MEMBER, body)).status == 400
    assert (await running.mail("PUT", MEMBER)).status == 400


async def test_member__other_list__is_404(running: Running) -> None:
    body = {"email_address": EMAIL, "status_if_new": "subscribed"}
    assert (await running.mail("PUT", f"/lists/other/members/{member_hash(EMAIL)}", body)).status == 404


async def test_members__listed__are_paged(running: Running) -> None:
    for name in ("a", "b", "c"):
        email = f"{name}@x.example"
        body = {"email_address": email, "status_if_new": "subscribed"}
        await running.mail("PUT", f"/lists/list/members/{member_hash(email)}", body)
    listed = (await running.mail("GET", "/lists/list/members?count=2&offset=2")).json
    assert ([row["email_address"] for row in listed["members"]], listed["total_items"]) == (["c@x.example"], 3)
    assert (await running.mail("GET", "/lists/list/members?count=x")).status == 400
