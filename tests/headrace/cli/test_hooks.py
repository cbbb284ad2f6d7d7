"""`headrace hooks sync`: its child does the work, and what it says is shown."""

import json

import pytest

from headrace.cli.main import execute
from tests.simulated_store import STORE, TOKEN, simulated_store

URL = "https://shop.example/webhooks/bigcommerce/store"


def test_sync__child_s_result__as_json_and_for_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with simulated_store() as store:
        monkeypatch.setenv("HEADRACE_STORE", STORE)
        monkeypatch.setenv("HEADRACE_BIGCOMMERCE_URL", store.url)
        monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN", TOKEN)
        monkeypatch.setenv("HEADRACE_WEBHOOK_URL", URL)
        store.call("POST", "/v3/hooks", {"scope": "store/order/created", "destination": "https://old.example"})
        assert execute(["hooks", "sync", "--dry-run"]) == 1
        said = capsys.readouterr().out.splitlines()
        assert said[0] == f"{URL}: 0 hooks in place"
        assert said[1].startswith("  would be made: store/order/created, ")
        assert said[2:] == [
            "  goes elsewhere: store/order/created -> https://old.example (#1)",
            "  nobody is told by e-mail when a hook is put to sleep: name somebody at BigCommerce",
        ]
        assert execute(["hooks", "sync", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["ok"]


def test_sync__no_token__exit_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HEADRACE_STORE", STORE)
    monkeypatch.setenv("HEADRACE_WEBHOOK_URL", URL)
    monkeypatch.delenv("HEADRACE_BIGCOMMERCE_TOKEN", raising=False)
    assert execute(["hooks", "sync", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "settings"
