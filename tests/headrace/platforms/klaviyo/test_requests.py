"""Every request as the vendor's OpenAPI files want it, and none that could touch consent."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from headrace.platforms import klaviyo
from headrace.platforms.http import Request
from headrace.platforms.klaviyo.pace import LIMITS, SMALL
from tests.headrace.platforms.openapi import Specs

KLAVIYO = Specs("klaviyo")
AT = datetime(2026, 7, 15, 9, 30, 15, 999, tzinfo=timezone(timedelta(hours=2)))
PATCH = klaviyo.Patch("Headrace tags", ("VIP", "Müller & Söhne"), ("Old",))
EVENT = klaviyo.Event("Win back", " A@b.example ", "e-1", AT, {"group": "Gold", "rungs": [1, 2], "left": None})
SALE = klaviyo.Event("Sale", "a@b.example", "e-2", AT, value=Decimal("9.90"), currency="EUR", backfill=True)

EVERY: Sequence[Request] = (
    klaviyo.upsert_profile("a@b.example"),
    klaviyo.upsert_profile(" a@b.example ", PATCH),
    klaviyo.patch_profile("01GDDKASAP8TKDDA2GRZDSVP4H", PATCH),
    klaviyo.set_values("01GDDKASAP8TKDDA2GRZDSVP4H", "Headrace tags", ["VIP", 7, Decimal("1.5"), True]),
    klaviyo.profiles_by_email(["a@b.example", 'quo"ted@b.example']),
    klaviyo.suppressed_profiles(AT),
    klaviyo.suppressed_profiles(AT, "bmV4dDoy"),
    klaviyo.list_suppressed_profiles(AT),
    klaviyo.find_lists(["Gold", "A, (B)"]),
    klaviyo.create_list("Gold"),
    klaviyo.add_to_list("Y6nRLr", ["01A", "01B"]),
    klaviyo.remove_from_list("Y6nRLr", ["01A"]),
    klaviyo.import_profiles([("a@b.example", PATCH), ("c@d.example", None)]),
    klaviyo.import_job("01J"),
    klaviyo.import_errors("01J"),
    klaviyo.send_event(EVENT),
    klaviyo.send_event(SALE),
    klaviyo.send_events([EVENT, SALE, EVENT]),
)


def named(request: Request) -> str:
    return request.route


@pytest.mark.parametrize("request_", EVERY, ids=named)
def test_request__vendor_s_files__have_nothing_against_it(request_: Request) -> None:
    assert KLAVIYO.request_problems(request_) == []


@pytest.mark.parametrize("request_", EVERY, ids=named)
def test_request__any__says_nothing_of_consent_and_has_a_route_with_a_limit(request_: Request) -> None:
    sent = json.dumps(request_.json)
    assert not any(word in sent for word in ("subscri", "suppress", "consent"))
    assert not any(word in request_.path for word in ("subscription", "suppression"))
    assert "01" not in request_.route
    assert "Y6nRLr" not in request_.route
    assert request_.route in LIMITS


def test_limit_of__unknown_endpoint__is_the_narrowest() -> None:
    assert klaviyo.limit_of(Request("GET", "/api/flows")) == SMALL


@pytest.mark.parametrize("route", sorted(LIMITS))
def test_limits__are_those_of_the_vendor_s_files(route: str) -> None:
    method, _, path = route.partition(" ")
    operation = KLAVIYO.operation(method, path.replace("{}", "01A"))
    assert operation is not None
    told = operation.content["x-klaviyo-ratelimit"]
    assert (f"{LIMITS[route].burst}/s", f"{LIMITS[route].steady}/m") == (told["burst"], told["steady"])


def test_upsert_profile__patch__appends_and_unappends_in_one_call() -> None:
    request = klaviyo.upsert_profile(" a@b.example ", PATCH)
    assert request.json["data"] == {
        "type": "profile",
        "attributes": {"email": "a@b.example"},
        "meta": {
            "patch_properties": {
                "append": {"Headrace tags": ["VIP", "Müller & Söhne"]},
                "unappend": {"Headrace tags": ["Old"]},
            }
        },
    }
    assert request.may_repeat


def test_patch__value_on_both_sides_or_no_name__is_none() -> None:
    with pytest.raises(ValueError, match="both"):
        klaviyo.Patch("p", ("A",), ("A",))
    with pytest.raises(ValueError, match="name"):
        klaviyo.Patch("")


@pytest.mark.parametrize(
    "build",
    [
        lambda: klaviyo.profiles_by_email([]),
        lambda: klaviyo.profiles_by_email(["a@b.example"] * 101),
        lambda: klaviyo.add_to_list("L", []),
        lambda: klaviyo.remove_from_list("L", ["01A"] * 1001),
        lambda: klaviyo.import_profiles([]),
        lambda: klaviyo.import_profiles([("a@b.example", None)] * 10_001),
        lambda: klaviyo.send_events([]),
        lambda: klaviyo.send_events([EVENT] * 1001),
        lambda: klaviyo.Event("", "a@b.example", "1", AT),
        lambda: klaviyo.Event("m" * 128, "a@b.example", "1", AT),
        lambda: klaviyo.Event("m", "a@b.example", "", AT),
        lambda: klaviyo.Event("m", "a@b.example", "1", AT, dict.fromkeys(map(str, range(401)), 1)),
    ],
)  # fmt: skip
def test_request__beyond_the_vendor_s_limits__is_none(build: object) -> None:
    assert callable(build)
    with pytest.raises(ValueError, match=r"."):
        build()


def test_filters__quotes_and_brackets__stay_inside_their_text() -> None:
    params = dict(klaviyo.find_lists(["A, (B)", 'say "hi"']).params)
    assert params["filter"] == 'any(name,["A, (B)", "say \\"hi\\""])'


def test_suppressed_profiles__moment__is_utc_and_the_earliest_come_first() -> None:
    params = dict(klaviyo.suppressed_profiles(AT, "c").params)
    name = "subscriptions.email.marketing.suppression.timestamp"
    assert (params["filter"], params["sort"]) == (f"greater-or-equal({name},2026-07-15T07:30:15Z)", name)
    assert (params["page[cursor]"], params["additional-fields[profile]"]) == ("c", "subscriptions")


def test_send_event__id_and_moment__tell_repeats_apart() -> None:
    request = klaviyo.send_event(EVENT)
    attributes = request.json["data"]["attributes"]
    assert (attributes["unique_id"], attributes["time"]) == ("e-1", "2026-07-15T07:30:15Z")
    assert attributes["profile"] == {"data": {"type": "profile", "attributes": {"email": "A@b.example"}}}
    assert request.may_repeat
    assert "backfill" not in attributes
    assert klaviyo.send_event(SALE).json["data"]["attributes"]["value"] == 9.9


def test_send_events__of_one_person__stand_together_and_the_past_apart() -> None:
    request = klaviyo.send_events([EVENT, SALE, EVENT])
    groups = request.json["data"]["attributes"]["events-bulk-create"]["data"]
    assert [len(each["attributes"]["events"]["data"]) for each in groups] == [2, 1]
    assert [each["attributes"].get("backfill") for each in groups] == [None, True]
    assert not request.may_repeat


def test_requests__what_makes_a_second_one__is_not_repeated() -> None:
    assert not klaviyo.create_list("Gold").may_repeat
    assert not klaviyo.import_profiles([("a@b.example", None)]).may_repeat


def test_event__moment__is_written_in_utc() -> None:
    assert klaviyo.Event("m", "a@b.example", "1", AT.astimezone(UTC)).attributes == (
        klaviyo.Event("m", "a@b.example", "1", AT).attributes
    )
