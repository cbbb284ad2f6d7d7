"""`headrace groups`: planned, applied and read back over HTTP, against the simulated store."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import execute
from headrace.runtime.retry import RetryPolicy
from tests.simulated_store import STORE, TOKEN, SimulatedStore, simulated_store

RULES = """
store: {timezone: Europe/London, currency: GBP}
groups:
  - {name: Gold, discounts: {percent: 10}}
  - name: Trade
    alias: {bigcommerce: Trade customers}
    categories: [Tools]
    discounts: [{percent: 20, category: Tools}, {amount: 5.50, product: SAW-1}]
  - {name: Wholesale, categories: none, price_list: Wholesale 2027}
  - {name: Silver}
"""
SAW = {"product_id": 5, "sku": "SAW-1", "name": "Saw", "categories": ["Tools"], "quantity": 1, "price": "9"}
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedStore]:
    with simulated_store() as running:
        monkeypatch.setenv("HEADRACE_STORE", STORE)
        monkeypatch.setenv("HEADRACE_BIGCOMMERCE_URL", running.url)
        monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN", TOKEN)
        running.operate(
            {"op": "order.create", "order": {"email": "a@x.example", "lines": [SAW]}},
            {"op": "price_list.create", "name": "Wholesale 2027"},
            {"op": "group.create", "group": {"name": "Press"}},
            {"op": "group.create", "group": {"name": "Gold"}},
        )
        yield running


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], rules: Path) -> Run:
    def call(*words: str, path: Path = rules) -> tuple[int, dict[str, Any]]:
        code = execute(["groups", *words, str(path), "--json"])
        said = capsys.readouterr().out
        found: dict[str, Any] = json.loads(said)
        return code, found

    return call


def _groups(store: SimulatedStore) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in store.call("GET", "/v2/customer_groups")}


def test_plan__store_differs__says_what_and_changes_nothing(store: SimulatedStore, run: Run) -> None:
    code, plan = run("plan", "--detailed-exitcode")
    assert (code, plan["ok"], plan["unmanaged"]) == (4, True, ["Press"])
    assert [(each["action"], each["group"]) for each in plan["changes"]] == [
        ("update", "Gold"),
        ("create", "Trade customers"),
        ("create", "Wholesale"),
        ("create", "Silver"),
    ]
    assert plan["changes"][0]["fields"] == [
        {
            "field": "discounts",
            "before": [],
            "after": [{"type": "all", "method": "percent", "amount": "10.0000"}],
        }
    ]
    assert set(_groups(store)) == {"Press", "Gold"}


def test_apply__twice__makes_and_changes_groups_once(store: SimulatedStore, run: Run) -> None:
    code, first = run("apply")
    assert (code, first["ok"], first["remaining"]) == (0, True, [])
    assert {each["outcome"] for each in first["changes"]} == {"done"}
    groups = _groups(store)
    assert set(groups) == {"Press", "Gold", "Trade customers", "Wholesale", "Silver"}
    assert groups["Trade customers"]["category_access"] == {"type": "specific", "categories": [1]}
    assert groups["Trade customers"]["discount_rules"] == [
        {"type": "category", "method": "percent", "amount": "20.0000", "category_id": 1},
        {"type": "product", "method": "fixed", "amount": "5.5000", "product_id": 5},
    ]
    assert groups["Wholesale"]["discount_rules"] == [{"type": "price_list", "price_list_id": 1}]
    assert groups["Wholesale"]["category_access"] == {"type": "none"}
    before = store.routes()
    code, second = run("apply")
    assert (code, second["changes"]) == (0, [])
    assert sorted(second["unchanged"]) == ["Gold", "Silver", "Trade customers", "Wholesale"]
    written = {route: count for route, count in store.routes().items() if not route.startswith("GET")}
    assert written == {route: count for route, count in before.items() if not route.startswith("GET")}


def test_apply__discounts_of_the_store__are_replaced_and_others_left(store: SimulatedStore, run: Run) -> None:
    old = {"type": "category", "category_id": 1, "method": "percent", "amount": "50"}
    store.call("PUT", "/v2/customer_groups/2", {"discount_rules": [old]})
    store.call("POST", "/v2/customer_groups", {"name": "Silver", "discount_rules": [old]})
    assert run("apply")[0] == 0
    groups = _groups(store)
    assert [rule["type"] for rule in groups["Gold"]["discount_rules"]] == ["all"]
    assert [rule["type"] for rule in groups["Silver"]["discount_rules"]] == ["category"]


def test_apply__store_wide_discount_fails__is_told_and_done_the_next_time(store: SimulatedStore, run: Run) -> None:
    store.operate({"op": "group.discount_fails", "times": 1})
    code, first = run("apply")
    assert (code, first["ok"], first["changes"][0]["outcome"]) == (1, False, "partly")
    assert [each["group"] for each in first["remaining"]] == ["Gold"]
    code, second = run("apply")
    assert (code, [each["outcome"] for each in second["changes"]]) == (0, ["done"])


def test_apply__unknown_category__changes_nothing(store: SimulatedStore, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(RULES.replace("categories: [Tools]", "categories: [Tool]"))
    code, result = run("apply", path=path)
    assert (code, result["ok"], set(_groups(store))) == (1, False, {"Press", "Gold"})
    (problem,) = result["problems"]
    assert (problem["code"], problem["hint"]) == ("unknown_name", "did you mean 'Tools'?")


def test_apply__connection_breaks_after_a_creation__is_found_done(store: SimulatedStore, run: Run) -> None:
    store.fault({"method": "POST", "path": "/v2/customer_groups"}, {"drop": True, "after": True})
    code, result = run("apply")
    assert (code, result["ok"], result["remaining"]) == (0, True, [])
    assert [each["outcome"] for each in result["changes"]] == ["done", "unknown", "done", "done"]


def test_apply__store_refuses_one__the_others_are_done(store: SimulatedStore, run: Run) -> None:
    no = {"status": 422, "body": {"status": 422, "title": "no such thing"}}
    store.fault({"method": "PUT", "path": "/v2/customer_groups"}, no)
    code, result = run("apply")
    assert (code, [each["outcome"] for each in result["changes"]]) == (1, ["refused", "done", "done", "done"])
    assert (result["changes"][0]["message"], [each["group"] for each in result["remaining"]]) == (
        "422 no such thing",
        ["Gold"],
    )


def test_apply__store_overloaded_midway__exit_3_and_the_next_time_the_rest(
    store: SimulatedStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.cli.store_groups.RETRY", RetryPolicy(0.01, 0.01, 0.02))
    store.fault({"method": "POST", "path": "/v2/customer_groups"}, {"status": 429}, times=9)
    code, result = run("apply")
    assert (code, result["error"]["code"]) == (3, "store_unavailable")
    assert set(_groups(store)) == {"Press", "Gold"}
    assert _groups(store)["Gold"]["discount_rules"]
    store.simulator.faults.clear()
    code, result = run("apply")
    assert (code, [each["action"] for each in result["changes"]]) == (0, ["create"] * 3)


def test_plan__token_is_refused__says_what_to_set(store: SimulatedStore, run: Run, monkeypatch: Any) -> None:
    monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN", "other")
    code, result = run("plan")
    assert (code, result["error"]["code"]) == (2, "store_unauthorized")
    assert "HEADRACE_BIGCOMMERCE_TOKEN" in result["error"]["hint"]


def test_plan__store_is_away__exit_3(store: SimulatedStore, run: Run, monkeypatch: Any) -> None:
    monkeypatch.setenv("HEADRACE_BIGCOMMERCE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("headrace.cli.store_groups.RETRY", RetryPolicy(0.01, 0.01, 0.02))
    code, result = run("plan")
    assert (code, result["error"]["code"]) == (3, "store_unavailable")


def test_plan__for_people__a_line_a_group(
    store: SimulatedStore, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["groups", "plan", str(rules)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "~ change Gold",
        "    discounts: none -> 10 % off everything",
        "+ create Trade customers",
        "    categories: #1",
        "    discounts: 20 % off category #1, 5.5 off product #5",
        "+ create Wholesale",
        "    categories: none",
        "    discounts: price list #1",
        "+ create Silver",
        "left alone, as no rule names them: Press",
    ]
    assert execute(["groups", "apply", str(rules)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "changed Gold",
        "created Trade customers",
        "created Wholesale",
        "created Silver",
    ]
    assert execute(["groups", "plan", str(rules)]) == 0
    assert capsys.readouterr().out.startswith("nothing to do")
