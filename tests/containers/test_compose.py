"""The compose file for real: everything becomes healthy, plays orders, and customers end in their groups.

Run by `make test-containers`, which builds the image and says why where there is no engine.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from headrace.demo.__main__ import EXTRACT
from headrace.demo.log_fold import Latched
from headrace.demo.oracle import counted_amounts, expected_group
from headrace.demo.scenario import Scenario, load_scenario

pytestmark = [pytest.mark.containers, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
ORDERS = 60
UP_S = 300
SETTLED_S = 180
SERVICES = ("receive", "hydrate", "feed", "evaluator", "actions", "email-tags", "attributes", "kafka", "postgres")


@dataclass(frozen=True)
class Project:
    """A running compose project."""

    command: list[str]
    environment: Mapping[str, str]
    simulator: str

    def run(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=UP_S,
        )
        assert done.returncode == 0 or not check, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def health(self, service: str) -> str:
        container = self.run("ps", "-q", service).strip()
        form = "{{.State.Health.Status}}"
        inspected = subprocess.run(
            ["docker", "inspect", "-f", form, container],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        return inspected.stdout.strip()

    def truth(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.simulator}/_sim/truth", timeout=10).json()
        return found


def compose_command() -> list[str]:
    probe = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if probe.returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.skip("neither docker compose nor docker-compose is installed")


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no Docker engine answers: use make test-containers")
    subprocess.run(["sh", str(ROOT / "deploy" / "make_secrets.sh")], check=True)
    name = f"headrace-test-{uuid4().hex[:8]}"
    environment = {
        **os.environ,
        "HEADRACE_RECEIVE_PORT": "18080",
        "HEADRACE_ATTRIBUTES_PORT": "18081",
        "HEADRACE_SIMULATOR_PORT": "18090",
        "HEADRACE_DEMO_ORDERS": str(ORDERS),
    }
    command = [*compose_command(), "-p", name, "--profile", "demo"]
    started = Project(command, environment, "http://127.0.0.1:18090")
    try:
        started.run("up", "-d", "--no-build")
        yield started
    except AssertionError:
        print(started.run("logs", "--tail", "30", check=False))  # noqa: T201 - why it did not come up
        raise
    finally:
        started.run("down", "-v", "--remove-orphans", "-t", "15", check=False)


def wait_for(what: str, deadline_s: float, ask: Any) -> Any:
    end = time.monotonic() + deadline_s
    while True:
        found = ask()
        if found or time.monotonic() > end:
            assert found, f"{what}: not within {deadline_s} s"
            return found
        time.sleep(1)


@pytest.mark.parametrize("service", SERVICES)
def test_compose__service__becomes_healthy(project: Project, service: str) -> None:
    wait_for(f"{service} healthy", 120, lambda: project.health(service) == "healthy")


def test_compose__orders__end_in_the_expected_groups(project: Project) -> None:
    scenario = load_scenario(EXTRACT, seed=1, orders=ORDERS)
    wait_for("all groups", SETTLED_S, lambda: not _wrong(project, scenario))


def _wrong(project: Project, scenario: Scenario) -> list[int]:
    """Customers who are not yet in a group they may end in; which of the latched ones is for the demo to verify."""
    customers = project.truth()["customers"]
    counted = counted_amounts(scenario)
    spent: dict[int, int] = {}
    for order in scenario.shop.orders:
        spent[order.customer] = spent.get(order.customer, 0) + counted[order.id]
    wrong = []
    for number, person in scenario.customers.items():
        ends = {
            expected_group(person, spent[number], Latched(bulk_buyer=bulk, bijou_buyer=bijou))
            for bulk in (False, True)
            for bijou in (False, True)
        }
        if customers.get(str(number), {}).get("group") not in ends:
            wrong.append(number)
    return wrong


def test_compose__sigterm__stops_a_service_with_exit_0(project: Project) -> None:
    container = project.run("ps", "-q", "hydrate").strip()
    project.run("stop", "-t", "15", "hydrate")
    inspected = subprocess.run(
        ["docker", "inspect", "-f", "{{.State.ExitCode}}", container],
        env=dict(project.environment),
        capture_output=True,
        text=True,
        check=True,
    )
    assert inspected.stdout.strip() == "0"
