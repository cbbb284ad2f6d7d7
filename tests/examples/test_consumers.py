"""The consumers of examples/, and one by `headrace consumer new`, as an outsider has them: beside our wheel."""

import asyncio
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headrace.runtime.settings import ServiceSettings
from tests.examples.outsider import ROOT, Outsider, make_outsider
from tests.headrace.consumer.test_run_own import asked, publish, tick, wanted
from tests.services.consumer_harness import eventually

pytestmark = [pytest.mark.slow, pytest.mark.kafka]
EXAMPLES = ROOT / "examples" / "consumers"


@pytest.fixture(scope="module")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Outsider:
    """Has both examples and a project made by `headrace consumer new`."""
    one = make_outsider(tmp_path_factory.mktemp("outsider"))
    for name in ("loyalty-points", "group-table"):
        shutil.copytree(EXAMPLES / name, one.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    one.run("headrace", "consumer", "new", "coffee.brew")
    one.install(*(one.folder / name for name in ("loyalty-points", "group-table", "coffee-brew")))
    return one


@contextmanager
def service() -> Iterator[tuple[str, list[tuple[str, str, Any]]]]:
    """An HTTP service that takes everything: its address, and path, key and body of each call."""
    seen: list[tuple[str, str, Any]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, self.headers["Idempotency-Key"], body))
            self.send_response(201)
            self.end_headers()
            self.wfile.write(b'{"grant": "g-1"}')

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def environment(topics_created: ServiceSettings, tmp_path: Path) -> dict[str, str]:
    return {
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": topics_created.kafka_bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": topics_created.topic_prefix,
        "HEADRACE_STORE": "one",
        "HEADRACE_DATABASE_URL": f"sqlite:///{tmp_path / 'book.db'}",
        "HEADRACE_START": "all history",
    }


def test_outsider__has_the_wheel_and_finds_what_is_installed(outsider: Outsider) -> None:
    where = outsider.run("python", "-c", "import headrace; print(headrace.__file__)")
    assert where.startswith(str(outsider.folder))
    found = {one["name"]: one for one in json.loads(outsider.run("headrace", "consume", "--json"))["consumers"]}
    assert found.keys() == {"points.grant", "group-table", "coffee.brew"}
    assert found["points.grant"]["schema"]["required"] == ["points"]
    assert found["group-table"]["about"] == "group"


@pytest.mark.parametrize("project", ["loyalty-points", "group-table", "coffee-brew"])
def test_project__its_own_tests__pass(outsider: Outsider, project: str) -> None:
    said = outsider.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=outsider.folder / project)
    assert "passed" in said


def test_lint__rules_that_ask_for_them__are_held_against_what_they_take(outsider: Outsider) -> None:
    rules = outsider.folder / "rules.yaml"
    rule = "store: {timezone: Europe/London, currency: GBP}\nrules:\n  - {id: thanks, when: order.placed, then: [%s]}\n"
    rules.write_text(rule % "{do: {points.grant: {points: 100}}}")
    outsider.run("headrace", "lint", "rules.yaml")
    rules.write_text(rule % "{do: {points.grant: {points: 0}}}")
    with pytest.raises(AssertionError, match="points.grant does not take this"):
        outsider.run("headrace", "lint", "rules.yaml")


@pytest.mark.parametrize(
    ("name", "url", "said", "call"),
    [
        (
            "points.grant",
            "HEADRACE_LOYALTY_URL",
            {"points": 5},
            ("/members/7/points", {"points": 5, "reason": "thanks"}),
        ),
        ("coffee.brew", "HEADRACE_COFFEE_BREW_URL", {"amount": 5}, ("/", {"customer": "one:7", "amount": 5})),
    ],
)
async def test_effect__run_by_its_entry_point__calls_its_service_once(
    outsider: Outsider,
    topics_created: ServiceSettings,
    environment: dict[str, str],
    name: str,
    url: str,
    said: dict[str, Any],
    call: tuple[str, Any],
) -> None:
    effect = asked(name, "one:7", "order-1", said)
    await publish(topics_created, effect, effect)
    await tick(topics_created)
    with service() as (address, seen):
        for again in range(2):
            with outsider.started("headrace", "consume", name, environment={**environment, url: address}) as process:
                last = asked(name, "one:8", f"order-{again}", said)
                await publish(topics_created, last)

                async def called(count: int = 2 + again) -> bool:
                    assert process.poll() is None, (outsider.folder / "log.txt").read_text()[-3000:]
                    return len(seen) >= count

                await eventually(called, what="the calls")
        assert [one for one in seen if one[1] == effect.id] == [(call[0], effect.id, call[1])]
        assert len(seen) == 3


async def test_desired_state__run_by_its_entry_point__holds_the_newest(
    outsider: Outsider, topics_created: ServiceSettings, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "groups.db"
    await publish(topics_created, wanted("one:1", "Silver", 1), wanted("one:1", "Gold", 2), wanted("one:2", "", 3))
    given = {**environment, "HEADRACE_START": "current state", "HEADRACE_GROUPS_DATABASE_URL": f"sqlite:///{file}"}

    def rows() -> set[tuple[str, str, str]]:
        connection = sqlite3.connect(file)
        try:
            return set(connection.execute("SELECT customer, group_name, since_version FROM customer_group"))
        except sqlite3.OperationalError:
            return set()
        finally:
            connection.close()

    with outsider.started("headrace", "consume", "group-table", environment=given):

        async def filled(expected: set[tuple[str, str, str]]) -> bool:
            return await asyncio.to_thread(rows) == expected

        before = {("one:1", "Gold", "1/2/0"), ("one:2", "", "1/3/0")}
        await eventually(lambda: filled(before), what="the current state")
        await publish(topics_created, wanted("one:2", "Gold", 4))
        await eventually(lambda: filled({("one:1", "Gold", "1/2/0"), ("one:2", "Gold", "1/4/0")}), what="what came")
