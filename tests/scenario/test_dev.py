"""`headrace dev` as a user runs it: a child process that starts everything, says where, and leaves nothing behind."""

import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]
RULES = "examples/rules/demo"
READY_WITHIN_S = 45.0
GONE_WITHIN_S = 15.0
"""Orphans notice their parent's end and stop in order."""

pytestmark = pytest.mark.kafka


class Dev:
    """A running `headrace dev`; `addresses` is its ports file."""

    def __init__(self, process: "subprocess.Popen[str]", ports_file: Path) -> None:
        self.process = process
        self.ports_file = ports_file
        self.addresses: dict[str, Any] = {}

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, "headrace dev ended before it was ready"
            return self.ports_file.exists()

        until(ready, READY_WITHIN_S, "the ports file")
        self.addresses = json.loads(self.ports_file.read_text(encoding="utf-8"))

    def config(self) -> Mapping[str, str | None]:
        return dotenv_values(self.addresses["config"])

    def pids(self) -> list[int]:
        return [*self.addresses["pids"].values(), self.process.pid]


def until(holds: Any, deadline_s: float, what: str) -> None:
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, f"{what}: not in {deadline_s:g} s"
        time.sleep(0.05)


def gone(dev: Dev, deadline_s: float) -> None:
    """Waits until no child is alive; names those that are."""
    end = time.monotonic() + deadline_s
    while left := [name for name, pid in dev.addresses["pids"].items() if alive(pid)]:
        assert time.monotonic() < end, f"still alive after {deadline_s:g} s: {left}"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """A zombie is not: its parent may be a test runner that reaps nobody."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def call(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310  # our own child
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@contextmanager
def developing(tmp_path: Path, *arguments: str) -> Iterator[Dev]:
    ports_file = tmp_path / "ports.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "headrace.cli.main", "dev", "--ports-file", str(ports_file), *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    dev = Dev(process, ports_file)
    try:
        yield dev
    finally:
        process.kill()
        process.communicate()


def test_dev__started__answers_everywhere_and_ctrl_c_ends_all(tmp_path: Path) -> None:
    with developing(tmp_path, "--speed", "60", "--json") as dev:
        dev.wait_ready()
        health = dev.addresses["health"]
        assert set(health) == {
            "receive", "hydrate", "feed", "evaluator", "actions", "email-tags", "attributes", "effects",
        }  # fmt: skip
        assert set(dev.addresses["pids"]) == {*health, "simulators", "kafka"}
        for address in health.values():
            assert {call(address + path)[0] for path in ("/live", "/ready", "/startup", "/metrics")} == {200}
        deliver_webhook(dev)
        post_event(dev)
        read_dead_letters(dev)

        began = time.monotonic()
        dev.process.send_signal(signal.SIGINT)
        output, _ = dev.process.communicate(timeout=20)
        assert time.monotonic() - began < 10
        assert dev.process.returncode == 0
        assert json.loads(output) == dev.addresses
        assert [pid for pid in dev.pids() if alive(pid)] == []
        assert not Path(dev.addresses["config"]).parent.exists()


def signed_webhook(secret: str | None, shared: str | None) -> tuple[bytes, dict[str, str], dict[str, str]]:
    """A delivery: its body, its headers without signature, those of the signature."""
    assert secret is not None
    assert shared is not None
    body = b'{"scope":"store/order/created","data":{"type":"order","id":1}}'
    stamp = str(int(time.time()))
    digest = hmac.new(secret.encode(), f"m1.{stamp}.".encode() + body, hashlib.sha256).digest()
    name, _, value = shared.partition(": ")
    plain = {"content-type": "application/json", name: value}
    signed = {"webhook-id": "m1", "webhook-timestamp": stamp, "webhook-signature": f"v1,{b64encode(digest).decode()}"}
    return body, plain, signed


def deliver_webhook(dev: Dev) -> None:
    """Signed as the store signs it; unsigned it is refused, and counted."""
    config = dev.config()
    body, plain, signed = signed_webhook(
        config["HEADRACE_BIGCOMMERCE_CLIENT_SECRET"], config["HEADRACE_BIGCOMMERCE_WEBHOOK_HEADER"]
    )
    url = f"{dev.addresses['receive']}/webhooks/bigcommerce/{config['HEADRACE_STORE']}"

    assert call(url, body, plain | signed)[0] == 204
    assert call(url, body, plain)[0] == 401
    metrics = call(dev.addresses["health"]["receive"] + "/metrics")[1]
    assert 'headrace_webhooks_total{outcome="accepted"} 1.0' in metrics
    assert 'headrace_webhooks_total{outcome="unsigned"} 1.0' in metrics


@pytest.mark.slow
def test_dev__two_stores__one_set_of_services_and_each_is_opened_by_its_own_secrets(tmp_path: Path) -> None:
    with developing(tmp_path, "--speed", "60", "--stores", "2") as dev:
        dev.wait_ready()
        health, stores = dev.addresses["health"], dev.addresses["stores"]
        assert set(dev.addresses["pids"]) == {*health, "simulators", "simulators-demo-2", "kafka"}
        assert stores["demo"]["simulators"] == dev.addresses["simulators"] != stores["demo-2"]["simulators"]
        file = dev.config()["HEADRACE_STORES"]
        assert file is not None
        words = Path(file).parent / "secrets"
        for own, other in (("demo", "demo-2"), ("demo-2", "demo")):
            names = ("bigcommerce_client_secret", "bigcommerce_webhook_header")
            secret, shared = ((words / own / name).read_text(encoding="utf-8") for name in names)
            body, plain, signed = signed_webhook(secret, shared)
            url = f"{dev.addresses['receive']}/webhooks/bigcommerce/"
            assert call(url + own, body, plain | signed)[0] == 204
            assert call(url + other, body, plain | signed)[0] == 401
            assert run_verb(dev, "groups", "apply", RULES, "--store", own)[0] == 0
            assert "Platinum" in names_of_groups(stores[own]["simulators"]["bigcommerce"], own, words)
        status, _, error = run_verb(dev, "groups", "plan", RULES)
        assert status == 2
        assert "demo, demo-2" in error


def names_of_groups(url: str, store: str, words: Path) -> set[str]:
    """Of the simulated store, asked with its own token."""
    token = (words / store / "bigcommerce_token").read_text(encoding="utf-8")
    status, answer = call(f"{url}/stores/{store}/v2/customer_groups", headers={"X-Auth-Token": token})
    assert status == 200
    return {row["name"] for row in json.loads(answer)}


def post_event(dev: Dev) -> None:
    body = b'{"type":"custom.visit","customer":"1","id":"v1","payload":{}}'
    headers = {"content-type": "application/json", "x-api-key": dev.config()["HEADRACE_API_KEY"] or ""}
    status, answer = call(dev.addresses["receive"] + "/v1/events", body, headers)
    assert status == 202, answer
    assert json.loads(answer)["duplicate"] is False
    assert call(dev.addresses["receive"] + "/v1/events", body, {"content-type": "application/json"})[0] == 401


def read_dead_letters(dev: Dev) -> None:
    """The file that dev names lets any verb reach it."""
    status, output, error = run_verb(dev, "dead-letters", "list")
    assert (status, output) == (0, "no dead letters\n"), error


def run_verb(dev: Dev, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "headrace.cli.main", *arguments, "--config", dev.addresses["config"]],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_dev__killed__leaves_no_orphan(tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        dev.wait_ready()
        assert all(alive(pid) for pid in dev.pids())

        dev.process.kill()
        dev.process.wait()
        gone(dev, GONE_WITHIN_S)
        shutil.rmtree(Path(dev.addresses["config"]).parent)  # nobody was left to do it


@pytest.mark.slow
def test_dev__kafka_dies__says_so_and_ends_all(tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        dev.wait_ready()
        os.kill(dev.addresses["pids"]["kafka"], signal.SIGKILL)
        assert dev.process.wait(20) == 3
        assert "error: the local Kafka has ended" in (tmp_path / "log").read_text()
        assert [pid for pid in dev.pids() if alive(pid)] == []


def test_dev__ctrl_c_before_all_is_ready__ends_all(tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        children = Path(f"/proc/{dev.process.pid}/task/{dev.process.pid}/children")
        until(lambda: len(children.read_text().split()) > 2, READY_WITHIN_S, "services under way")
        started = [int(pid) for pid in children.read_text().split()]

        dev.process.send_signal(signal.SIGINT)
        dev.process.communicate(timeout=15)
        assert dev.process.returncode == 130
        until(lambda: not any(alive(pid) for pid in started), GONE_WITHIN_S, "no child alive")
        assert not dev.ports_file.exists()


def test_dev__ports_file_in_no_folder__refused_before_anything_starts(tmp_path: Path) -> None:
    with developing(tmp_path, "--json", "--ports-file", str(tmp_path / "nowhere" / "ports.json")) as dev:
        output, _ = dev.process.communicate(timeout=20)
        assert dev.process.returncode == 2
        assert json.loads(output)["error"]["code"] == "usage"
