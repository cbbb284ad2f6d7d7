"""One pass over the hooks of the simulated store, over HTTP."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headrace.simulators.webhooks import BLOCK_AFTER_REQUESTS, Delivery
from services.ingest.hook_verb import run_verb
from services.ingest.webhook import NEEDED_SCOPES
from tests.simulated_store import STORE, TOKEN, SimulatedStore, simulated_store

URL, OLD = "https://shop.example/webhooks/bigcommerce/store", "https://old.example/hook"
Sync = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedStore]:
    with simulated_store() as running:
        monkeypatch.setenv("HEADRACE_STORE", STORE)
        monkeypatch.setenv("HEADRACE_BIGCOMMERCE_URL", running.url)
        monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN", TOKEN)
        monkeypatch.setenv("HEADRACE_BIGCOMMERCE_WEBHOOK_HEADER", "X-Shared: secret")
        monkeypatch.setenv("HEADRACE_WEBHOOK_URL", URL)
        yield running


@pytest.fixture
def sync(capsys: pytest.CaptureFixture[str]) -> Sync:
    def call(*words: str) -> tuple[int, dict[str, Any]]:
        code = run_verb(words)
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return code, found

    return call


def _hooks(store: SimulatedStore) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = store.call("GET", "/v3/hooks?limit=250")["data"]
    return rows


def test_sync__no_hooks__all_are_made_and_the_second_time_none(store: SimulatedStore, sync: Sync) -> None:
    code, first = sync()
    assert (code, first["ok"], first["missing"]) == (0, True, [])
    assert first["created"] == list(NEEDED_SCOPES)
    assert {(row["destination"], row["headers"]["X-Shared"]) for row in _hooks(store)} == {(URL, "secret")}
    code, second = sync()
    assert (code, second["created"], len(second["in_place"])) == (0, [], len(NEEDED_SCOPES))


def test_sync__asleep_moved_and_wrong_header__are_put_right(
    store: SimulatedStore, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_WEBHOOK_URL", OLD)
    sync()
    moved = "store/order/created"
    monkeypatch.setenv("HEADRACE_WEBHOOK_URL", URL)
    code, result = sync("--moved-from", OLD)
    assert (code, sorted(result["updated"]), result["elsewhere"]) == (0, sorted(NEEDED_SCOPES), [])
    rows = {row["scope"]: row for row in _hooks(store)}
    assert {row["destination"] for row in rows.values()} == {URL}
    store.call("PUT", f"/v3/hooks/{rows[moved]['id']}", {"is_active": False})
    store.call("PUT", f"/v3/hooks/{rows['store/order/updated']['id']}", {"headers": {"X-Shared": "other"}})
    code, dry = sync("--dry-run")
    assert (code, dry["activated"], dry["updated"]) == (1, [moved], ["store/order/updated"])
    assert [each["scope"] for each in dry["deactivated"]] == [moved]
    code, result = sync()
    assert (code, result["activated"], result["updated"], result["deactivated"]) == (
        0,
        [moved],
        ["store/order/updated"],
        [],
    )


def test_sync__hooks_of_others__are_told_and_left(store: SimulatedStore, sync: Sync) -> None:
    store.call("POST", "/v3/hooks", {"scope": "store/order/created", "destination": OLD})
    code, result = sync()
    assert (code, result["elsewhere"]) == (0, [{"id": 1, "scope": "store/order/created", "destination": OLD}])


def test_sync__our_domain_is_blocked__exit_1_and_how_long(store: SimulatedStore, sync: Sync) -> None:
    sync()
    for number in range(BLOCK_AFTER_REQUESTS):
        store.simulator.queue.settle(Delivery(1, URL, str(number), b""), ok=False)
    code, result = sync()
    (blocked,) = result["blocked"]
    assert (code, result["ok"], blocked["destination"]) == (1, False, "shop.example")
    assert (0 < blocked["seconds_left"] <= 180, blocked["reasons"]) == (
        True,
        ["The destination did not answer with 2xx"],
    )


def test_sync__token_is_refused__exit_2(store: SimulatedStore, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN", "other")
    code, result = sync()
    assert (code, result["error"]["code"]) == (2, "store_unauthorized")


def test_sync__no_address__exit_2(store: SimulatedStore, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_WEBHOOK_URL")
    code, result = sync()
    assert (code, result["error"]["code"]) == (2, "settings")
    assert "HEADRACE_WEBHOOK_URL" in result["error"]["message"]


def test_sync__may_not_ask_for_the_health__says_so(store: SimulatedStore, sync: Sync) -> None:
    store.fault({"path": "/v3/hooks/admin"}, {"status": 403, "body": {"status": 403, "title": "no"}})
    code, result = sync()
    assert (code, result["ok"], result["blocked"]) == (0, True, None)
