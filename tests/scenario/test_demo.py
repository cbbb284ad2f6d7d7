"""The demo as a user runs it: a child process on a real Kafka, its JSON result, its exit code."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

ROOT = Path(__file__).resolve().parents[2]
YEAR = ROOT.parent / "shared" / "data" / "online_retail_2009_2010.parquet"

pytestmark = pytest.mark.kafka


def run_demo(kafka: str, *arguments: str, timeout: float, **own: str) -> tuple[int, dict[str, Any]]:
    """`own`: settings by field."""
    done = subprocess.run(
        [sys.executable, "-m", "headrace.cli.main", "demo", "--json", *arguments],
        cwd=ROOT,
        env=_environment()
        | {"HEADRACE_KAFKA_BOOTSTRAP_SERVERS": kafka}
        | {f"HEADRACE_{name.upper()}": value for name, value in own.items()},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr[-4000:]
    return done.returncode, json.loads(done.stdout)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}


def test_demo__few_orders_with_chaos__nothing_differs(kafka: str) -> None:
    code, result = run_demo(
        kafka, "--orders", "300", "--seed", "3", "--chaos", "kill=evaluator,hydrate,actions,effects:1", timeout=220
    )

    assert result["verification"]["differences"] == []
    assert result["verification"]["ok"] is True
    assert code == 0
    assert result["verification"]["customers_checked"] > 100
    counts = result["counts"]
    assert counts["kills"] == 4
    assert counts["duplicates"] > 0
    assert counts["reordered"] > 0
    assert counts["events"] >= 300
    assert counts["vendor_429"] == 0
    assert counts["dead_letters"] == 0
    assert counts["effects_sent"] + counts["effects_unknown"] >= 1
    assert counts["effects_sent"] <= counts["coupons_made"] <= counts["effects_sent"] + counts["effects_unknown"]
    assert result["mail"]["subject"] == "Thank you, ...: 10% off your next order"
    assert {group["name"] for group in result["groups"]} >= {"Silver", "Gold", "Wholesale"}
    assert len(result["samples"]) == 3


@pytest.mark.parametrize(
    ("sabotage", "kinds"),
    [
        pytest.param("stale-group", {"group"}, marks=pytest.mark.slow),
        ("drop-event", {"group", "attribute", "tag", "event"}),
        pytest.param("double-refund", {"group", "attribute", "tag", "event"}, marks=pytest.mark.slow),
    ],
)
def test_demo__sabotage__is_caught_and_names_the_customer(kafka: str, sabotage: str, kinds: set[str]) -> None:
    code, result = run_demo(kafka, "--orders", "400", "--sabotage", sabotage, timeout=170)

    differences = result["verification"]["differences"]
    assert code == 1
    assert len({difference["customer"] for difference in differences}) == 1
    assert {difference["kind"] for difference in differences} <= kinds


@pytest.mark.slow
def test_demo__two_stores__both_end_right_and_neither_was_taken_for_the_other(kafka: str) -> None:
    code, result = run_demo(kafka, "--stores", "2", "--orders", "150", timeout=400)

    assert result["verification"]["differences"] == []
    assert code == 0
    first, second = result["stores"]
    assert (first["store"], first["orders"], second["store"], second["orders"]) == ("demo", 150, "demo-2", 75)
    assert (first["verification"]["ok"], second["verification"]["ok"]) == (True, True)
    assert second["verification"]["customers_checked"] > 50
    for store in (first, second):
        counts = store["counts"]
        assert counts["webhooks_accepted"] == counts["webhooks_sent"] == counts["notices"]
        assert counts["events"] >= store["orders"]
        assert (counts["vendor_429"], counts["dead_letters"]) == (0, 0)
    assert result["counts"]["events"] == first["counts"]["events"] + second["counts"]["events"]


@pytest.mark.slow
def test_demo__the_store_has_its_orders_before_we_are_connected__nobody_gets_a_mail(kafka: str) -> None:
    code, result = run_demo(kafka, "--orders", "1000", "--backfill", timeout=400)
    counts = result["counts"]
    assert (code, result["verification"]["differences"]) == (0, [])
    assert {"name": "Platinum", "members": 0} not in result["groups"]
    assert (counts["effects_sent"], counts["effects_unknown"], counts["coupons_made"]) == (0, 0, 0)
    assert result["mail"] is None


@pytest.mark.slow
def test_demo__two_stores_one_of_them_sabotaged__is_caught_in_that_one(kafka: str) -> None:
    code, result = run_demo(kafka, "--stores", "2", "--orders", "150", "--sabotage", "stale-group", timeout=400)

    first, second = result["stores"]
    assert code == 1
    assert [(each["kind"], each["customer"][:5]) for each in first["verification"]["differences"]] == [
        ("group", "demo:")
    ]
    assert second["verification"]["differences"] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_demo__the_whole_extract_at_three_seeds__nothing_differs(kafka: str, seed: str) -> None:
    code, result = run_demo(kafka, "--orders", "all", "--seed", seed, timeout=1200)
    assert (code, result["verification"]["differences"]) == (0, [])


@pytest.mark.slow
def test_demo__the_whole_extract_with_chaos__nothing_differs(kafka: str) -> None:
    code, result = run_demo(kafka, "--orders", "all", "--seed", "4", "--chaos", "default", timeout=1800)
    assert (code, result["verification"]["differences"], result["counts"]["kills"]) == (0, [], 18)


@pytest.mark.slow
def test_demo__the_whole_year__nothing_differs(kafka: str) -> None:
    if not YEAR.exists():
        pytest.skip("the whole year's file is not beside this checkout")
    code, result = run_demo(kafka, "--orders", "all", "--data", str(YEAR), timeout=3000)
    assert (code, result["verification"]["differences"], result["data"]["invoices"]) == (0, [], 28_816)


class _Points(BaseHTTPRequestHandler):
    """Counts what a consumer made by `headrace consumer new` posts, by its key."""

    keys: Final[Counter[str]] = Counter()

    def do_POST(self) -> None:
        self.keys[self.headers["Idempotency-Key"]] += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.mark.slow
def test_demo__consumers_of_ones_own__run_by_their_entry_points(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, packages, rules = tmp_path / "made", tmp_path / "packages", tmp_path / "rules"
    headrace = [sys.executable, "-m", "headrace.cli.main"]
    subprocess.run([*headrace, "consumer", "new", "points.grant", "--dir", str(made)], cwd=ROOT, check=True)
    for project in (made, ROOT / "examples" / "consumers" / "group-table"):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        subprocess.run([*pip, "--target", str(packages), str(project)], check=True)
    shutil.copytree(ROOT / "examples" / "rules" / "demo", rules)
    with (rules / "rules.yaml").open("a") as file:
        file.write("  - {id: points, when: order.placed, then: [{do: {points.grant: {amount: 5}}}]}\n")
    monkeypatch.setenv("PYTHONPATH", str(packages))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Points)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    table = tmp_path / "groups.db"
    own = {"points_grant_url": f"http://127.0.0.1:{server.server_port}", "groups_database_url": f"sqlite:///{table}"}
    asked = ["--orders", "120", "--rules", str(rules), "--consume", "points.grant", "--consume", "group-table"]
    try:
        code, result = run_demo(kafka, *asked, timeout=300, **own)
    finally:
        server.shutdown()
        server.server_close()

    assert code == 0
    assert len(_Points.keys) == 120
    assert set(_Points.keys.values()) == {1}
    with contextlib.closing(sqlite3.connect(table)) as connection:
        query = "SELECT group_name, count(*) FROM customer_group WHERE group_name <> '' GROUP BY group_name"
        assert dict(connection.execute(query)) == {group["name"]: group["members"] for group in result["groups"]}
