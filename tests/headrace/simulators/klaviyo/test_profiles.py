"""Profiles: made and changed, patched, found."""

from typing import Any

import pytest

from tests.headrace.simulators.klaviyo.account import Port


def test_import__new_then_known__is_201_then_200_and_the_id_is_no_address(port: Port) -> None:
    made, first = port.profile("Ann@x.example", first_name="Ann", properties={"a": 1, "b": 2})
    changed, second = port.profile("ann@X.example", properties={"a": None, "c": 3})
    assert (made, changed) == (201, 200)
    assert first["data"]["id"] == second["data"]["id"]
    assert "@" not in first["data"]["id"]
    assert second["data"]["attributes"]["first_name"] == "Ann"
    assert second["data"]["attributes"]["properties"] == {"b": 2, "c": 3}


@pytest.mark.parametrize(
    ("before", "append", "unappend", "after"),
    [
        (None, ["A"], None, ["A"]),
        (None, "A", None, ["A"]),
        (["A"], ["A", "B"], None, ["A", "A", "B"]),
        ("A", ["B"], None, ["A", "B"]),
        (["A", "B", "A"], ["C"], ["A"], ["B", "C"]),
        (["A"], None, ["A"], []),
        (None, None, ["A"], None),
        (["A"], ["A"], ["A"], []),
    ],
)
def test_import__patch__appends_then_unappends(
    port: Port, before: Any, append: Any, unappend: Any, after: list[str] | None
) -> None:
    port.profile("a@x.example", properties={"p": before})
    _, reply = port.profile("a@x.example", append=append, unappend=unappend)
    assert reply["data"]["attributes"]["properties"].get("p") == after


def test_import__unset__removes_the_property(port: Port) -> None:
    port.profile("a@x.example", properties={"p": 1, "q": 2})
    meta = {"patch_properties": {"unset": "p"}}
    data = {"type": "profile", "attributes": {"email": "a@x.example"}, "meta": meta}
    _, reply = port.call("POST", "/api/profile-import", {"data": data})
    assert reply["data"]["attributes"]["properties"] == {"q": 2}


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({"type": "profile", "attributes": {"email": "nobody"}}, "/data/attributes/email"),
        ({"type": "profile", "attributes": {}}, "/data"),
        ({"type": "person", "attributes": {"email": "a@x.example"}}, "/data/attributes"),
        (
            {
                "type": "profile",
                "attributes": {"email": "a@x.example"},
                "meta": {"patch_properties": {"append": {"p": [{"no": "object"}]}}},
            },
            "/data/meta/patch_properties/append",
        ),
    ],
)
def test_import__what_is_no_profile__is_a_json_api_error(port: Port, data: Any, pointer: str) -> None:
    status, reply = port.call("POST", "/api/profile-import", {"data": data})
    assert status == 400
    assert reply["errors"][0]["source"] == {"pointer": pointer}
    assert {"id", "code", "title", "detail"} <= set(reply["errors"][0])
    assert port.account.profiles == {}


def test_import__more_than_100_kb__is_413(port: Port) -> None:
    assert port.profile("a@x.example", properties={"p": "x" * 100_000})[0] == 413


def test_create__address_in_use__is_409(port: Port) -> None:
    data = {"data": {"type": "profile", "attributes": {"email": "a@x.example"}}}
    assert port.call("POST", "/api/profiles", data)[0] == 201
    status, reply = port.call("POST", "/api/profiles", data)
    assert (status, reply["errors"][0]["code"]) == (409, "duplicate_profile")


def test_update__by_id__patches_and_is_404_for_nobody(port: Port) -> None:
    key = port.id_of("a@x.example")
    data = {"type": "profile", "id": key, "attributes": {"properties": {"p": ["A", "B"]}}}
    assert port.call("PATCH", f"/api/profiles/{key}", {"data": data})[0] == 200
    assert port.call("GET", f"/api/profiles/{key}")[1]["data"]["attributes"]["properties"] == {"p": ["A", "B"]}
    assert port.call("PATCH", "/api/profiles/nobody", {"data": {**data, "id": "nobody"}})[0] == 404
    assert port.call("GET", "/api/profiles/nobody")[0] == 404


def test_update__address_of_another__is_refused_and_a_new_one_taken(port: Port) -> None:
    one, two = port.id_of("one@x.example"), port.id_of("two@x.example")
    taken = {"type": "profile", "id": one, "attributes": {"email": "two@x.example"}}
    assert port.call("PATCH", f"/api/profiles/{one}", {"data": taken})[0] == 400
    free = {"type": "profile", "id": one, "attributes": {"email": "new@x.example"}}
    assert port.call("PATCH", f"/api/profiles/{one}", {"data": free})[0] == 200
    assert (port.id_of("new@x.example"), port.id_of("two@x.example")) == (one, two)
    assert port.id_of("one@x.example") not in (one, two)


def test_find__by_addresses__pages_until_there_is_no_next(port: Port) -> None:
    for name in "abcde":
        port.id_of(f"{name}@x.example")
    wanted = 'any(email,["a@x.example","c@x.example","e@x.example","z@x.example"])'
    _, first = port.call("GET", "/api/profiles", **{"filter": wanted, "page[size]": "2", "sort": "-email"})
    assert [each["attributes"]["email"] for each in first["data"]] == ["e@x.example", "c@x.example"]
    cursor = first["links"]["next"].partition("page%5Bcursor%5D=")[2].replace("%3D", "=")
    query = {"filter": wanted, "page[size]": "2", "sort": "-email", "page[cursor]": cursor}
    _, second = port.call("GET", "/api/profiles", **query)
    assert [each["attributes"]["email"] for each in second["data"]] == ["a@x.example"]
    assert "next" not in second["links"]


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "any(email,[])"},
        {"filter": 'like(email,"a")'},
        {"filter": 'contains(email,"a")'},
        {"filter": "equals(email"},
        {"filter": "greater-than(created,soon)"},
        {"filter": f"any(email,{['a@x.example'] * 101})".replace("'", '"')},
        {"sort": "properties"},
        {"page[size]": "101"},
        {"page[size]": "x"},
        {"page[cursor]": "x"},
    ],
)
def test_find__what_cannot_be_asked__is_400_with_the_parameter(port: Port, query: dict[str, str]) -> None:
    status, reply = port.call("GET", "/api/profiles", **query)
    assert status == 400
    assert "parameter" in reply["errors"][0]["source"]


def test_find__fields_and_additional_fields__are_what_comes(port: Port) -> None:
    port.id_of("a@x.example")
    query = {"fields[profile]": "email,subscriptions", "additional-fields[profile]": "subscriptions"}
    _, reply = port.call("GET", "/api/profiles", **query)
    assert set(reply["data"][0]["attributes"]) == {"email", "subscriptions"}
    assert "subscriptions" not in port.call("GET", "/api/profiles")[1]["data"][0]["attributes"]
