"""Lists and who is on them."""

import pytest

from headrace.simulators.klaviyo.rows import NEVER
from tests.headrace.simulators.klaviyo.account import Port


def test_lists__by_name__the_oldest_first_and_names_may_repeat(port: Port) -> None:
    first, _, third = port.list("Gold"), port.list("Silver"), port.list("Gold")
    _, reply = port.call("GET", "/api/lists", filter='any(name,["Gold"])', sort="created")
    assert [each["id"] for each in reply["data"]] == [first, third]


def test_lists__page__holds_ten_at_most(port: Port) -> None:
    for number in range(11):
        port.list(f"L{number}")
    assert len(port.call("GET", "/api/lists")[1]["data"]) == 10
    assert port.call("GET", "/api/lists", **{"page[size]": "11"})[0] == 400


def test_members__put_on_twice_and_taken_off__by_profile_ids_without_consent(port: Port) -> None:
    gold, ann = port.list("Gold"), port.id_of("ann@x.example")
    assert [port.on_list("POST", gold, ann) for _ in range(2)] == [204, 204]
    assert port.vendor.truth()["ann@x.example"]["lists"] == ["Gold"]
    assert port.account.profiles[ann].consent == NEVER
    path = f"/api/lists/{gold}/relationships/profiles"
    assert port.call("GET", path)[1]["data"] == [{"type": "profile", "id": ann}]
    assert [port.on_list("DELETE", gold, ann) for _ in range(2)] == [204, 204]
    assert port.vendor.truth()["ann@x.example"]["lists"] == []


def test_members__one_unknown_profile__nobody_is_put_on(port: Port) -> None:
    gold, ann = port.list("Gold"), port.id_of("ann@x.example")
    assert port.on_list("POST", gold, ann, "ann@x.example") == 404
    assert port.vendor.truth()["ann@x.example"]["lists"] == []


@pytest.mark.parametrize("count", [0, 1001])
def test_members__too_few_or_many__is_400(port: Port, count: int) -> None:
    assert port.on_list("POST", port.list("Gold"), *(["x"] * count)) == 400


def test_members__list_that_was_deleted__is_404(port: Port) -> None:
    gold, ann = port.list("Gold"), port.id_of("ann@x.example")
    assert port.call("DELETE", f"/api/lists/{gold}")[0] == 204
    assert port.on_list("POST", gold, ann) == 404
    assert port.call("GET", f"/api/lists/{gold}")[0] == 404


def test_create__without_a_name__is_400(port: Port) -> None:
    assert port.call("POST", "/api/lists", {"data": {"type": "list", "attributes": {}}})[0] == 400
