"""Both windows, the day's, and what a refusal tells."""

from typing import Any

from tests.headrace.simulators.klaviyo.account import Port

PROFILE = {"data": {"type": "profile", "attributes": {"email": "a@x.example"}}}
LIST = {"data": {"type": "list", "attributes": {"name": "Gold"}}}


def statuses(port: Port, count: int, path: str, body: Any) -> list[int]:
    return [port.at_once("POST", path, body).status for _ in range(count)]


def test_burst__76_in_a_second__the_last_is_refused_until_the_second_is_over(port: Port) -> None:
    found = statuses(port, 76, "/api/profile-import", PROFILE)
    assert (found.count(429), found[-1]) == (1, 429)
    refused = port.at_once("POST", "/api/profile-import", PROFILE)
    assert dict(refused.headers) == {"Retry-After": "1"}
    port.wait(1.0)
    assert statuses(port, 1, "/api/profile-import", PROFILE) == [200]


def test_steady__751_in_a_minute__the_last_is_refused_until_the_minute_is_over(port: Port) -> None:
    for _ in range(10):
        assert 429 not in statuses(port, 75, "/api/profile-import", PROFILE)
        port.wait(1.0)
    refused = port.at_once("POST", "/api/profile-import", PROFILE)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "50")
    port.wait(50.0)
    assert statuses(port, 1, "/api/profile-import", PROFILE) == [200]


def test_headers__no_refusal__tell_of_the_minute_and_nothing_of_a_wait(port: Port) -> None:
    port.wait(20.0)
    answer = port.at_once("POST", "/api/profile-import", PROFILE)
    assert dict(answer.headers) == {"RateLimit-Limit": "750", "RateLimit-Remaining": "749", "RateLimit-Reset": "40"}


def test_limits__one_endpoint_used_up__another_is_not(port: Port) -> None:
    assert statuses(port, 11, "/api/lists", LIST)[-1] == 429
    assert port.at_once("GET", "/api/lists").status == 200


def test_lists__151_in_a_day__the_last_is_refused_for_the_rest_of_it(port: Port) -> None:
    for _ in range(15):
        assert 429 not in statuses(port, 10, "/api/lists", LIST)
        port.wait(10.0)
    refused = port.at_once("POST", "/api/lists", LIST)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) == 86_400 - 150


def test_key_or_revision__missing__401_and_400(port: Port) -> None:
    port.headers.pop("revision")
    status, reply = port.call("GET", "/api/profiles")
    assert (status, reply["errors"][0]["source"]) == (400, {"parameter": "revision"})
    port.headers.update(revision="yesterday")
    assert port.call("GET", "/api/profiles")[0] == 400
    port.headers.update(Authorization="Klaviyo-API-Key other")
    assert port.call("GET", "/api/profiles")[0] == 401


def test_path__unknown_or_no_json__404_and_400(port: Port) -> None:
    assert port.answer("GET", "/api/flows").status == 404
    assert port.answer("POST", "/api/profile-import").status == 400
