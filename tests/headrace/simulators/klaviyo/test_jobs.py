"""What is taken in with 202: done later, in part, or dropped in silence."""

from typing import Any

from tests.headrace.simulators.klaviyo.account import Port

JOBS = "/api/profile-bulk-import-jobs"


def imported(*emails: str, lists: Any = ()) -> Any:
    data = [{"type": "profile", "attributes": {"email": email, "properties": {"p": 1}}} for email in emails]
    job: Any = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": data}}}
    if lists:
        job["relationships"] = {"lists": {"data": [{"type": "list", "id": each} for each in lists]}}
    return {"data": job}


def event(unique_id: str | None = None, *, email: str = "a@x.example", **more: Any) -> Any:
    metric = {"data": {"type": "metric", "attributes": {"name": "Win back"}}}
    profile = {"data": {"type": "profile", "attributes": {"email": email}}}
    attributes = {"properties": {}, "metric": metric, "profile": profile, "unique_id": unique_id, **more}
    return {"data": {"type": "event", "attributes": attributes}}


def bulk(*unique_ids: str) -> Any:
    metric = {"data": {"type": "metric", "attributes": {"name": "Win back"}}}
    listed = [
        {"type": "event", "attributes": {"properties": {}, "metric": metric, "unique_id": each}} for each in unique_ids
    ]
    profile = {"data": {"type": "profile", "attributes": {"email": "a@x.example"}}}
    entry = {"type": "event-bulk-create", "attributes": {"profile": profile, "events": {"data": listed}}}
    job = {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": {"data": [entry]}}}
    return {"data": job}


def test_import__202__is_done_after_a_delay_and_in_part(port: Port) -> None:
    gold = port.list("Gold")
    status, job = port.call("POST", JOBS, imported("a@x.example", "nobody", "b@x.example", lists=[gold]))
    assert (status, job["data"]["attributes"]["status"]) == (202, "queued")
    path = f"{JOBS}/{job['data']['id']}"
    assert port.vendor.truth() == {}
    assert port.call("GET", path)[1]["data"]["attributes"]["status"] == "processing"
    port.wait(2.0)
    _, done = port.call("GET", path)
    counts = {name: done["data"]["attributes"][name] for name in ("status", "completed_count", "failed_count")}
    assert counts == {"status": "complete", "completed_count": 2, "failed_count": 1}
    assert {email: each["lists"] for email, each in port.vendor.truth().items()} == {
        "a@x.example": ["Gold"],
        "b@x.example": ["Gold"],
    }
    _, errors = port.call("GET", f"{path}/import-errors")
    assert errors["data"][0]["attributes"]["original_payload"]["attributes"]["email"] == "nobody"
    assert len(port.call("GET", f"{path}/profiles")[1]["data"]) == 2


def test_import__no_profiles_or_no_such_job__is_refused(port: Port) -> None:
    assert port.call("POST", JOBS, imported())[0] == 400
    assert port.call("POST", JOBS, imported("a@x.example", lists=["none"]))[0] == 400
    assert port.call("GET", f"{JOBS}/none")[0] == 404


def test_event__202__is_recorded_later_and_makes_the_profile(port: Port) -> None:
    assert port.call("POST", "/api/events", event("1"))[0] == 202
    assert port.vendor.truth() == {}
    port.wait(2.0)
    assert port.vendor.truth()["a@x.example"]["events"] == ["Win back"]


def test_event__same_unique_id__is_dropped_in_silence(port: Port) -> None:
    for unique_id in ("1", "1", "2"):
        assert port.call("POST", "/api/events", event(unique_id))[0] == 202
    assert port.call("POST", "/api/events", event("1", email="b@x.example"))[0] == 202
    port.wait(2.0)
    assert {email: len(each["events"]) for email, each in port.vendor.truth().items()} == {
        "a@x.example": 2,
        "b@x.example": 1,
    }


def test_event__no_unique_id__is_the_only_one_of_its_second(port: Port) -> None:
    for at in ("2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.9Z", "2026-01-01T00:00:01Z"):
        assert port.call("POST", "/api/events", event(None, time=at))[0] == 202
    port.wait(2.0)
    assert len(port.vendor.truth()["a@x.example"]["events"]) == 2


def test_event__backfill__starts_no_flow(port: Port) -> None:
    port.call("POST", "/api/events", event("1", backfill=True))
    port.wait(2.0)
    port.vendor.truth()
    assert [each.starts_flows for each in port.account.events] == [False]


def test_event__what_the_vendor_does_not_take__is_400(port: Port) -> None:
    for more in (
        {"time": "1990-06-01T00:00:00Z"},
        {"time": "2029-01-01T00:00:00Z"},
        {"time": "soon"},
        {"properties": dict.fromkeys(map(str, range(401)), 1)},
        {"metric": {"data": {"type": "metric", "attributes": {"name": "m" * 128}}}},
        {"profile": {"data": {"type": "profile", "attributes": {}}}},
    ):
        assert port.call("POST", "/api/events", event("1", **more))[0] == 400


def test_bulk_events__a_repeat__fails_the_whole_call(port: Port) -> None:
    assert port.call("POST", "/api/event-bulk-create-jobs", bulk("1", "2"))[0] == 202
    port.wait(2.0)
    assert port.call("POST", "/api/event-bulk-create-jobs", bulk("2", "3"))[0] == 400
    assert port.call("POST", "/api/event-bulk-create-jobs", bulk("3", "3"))[0] == 400
    port.wait(2.0)
    assert len(port.vendor.truth()["a@x.example"]["events"]) == 2
