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
from headrace.runtime.ports import free_ports

pytestmark = [pytest.mark.containers, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "build" / "reports" / "test-containers.log"
ORDERS = 60
UP_S = 300
SETTLED_S = 180
OURS = ("receive", "hydrate", "feed", "evaluator", "actions", "email-tags", "effects", "attributes")
SERVICES = (*OURS, "kafka", "postgres", "effects-db")
ONE_SHOTS = ("topics", "rules", "orders")


@dataclass(frozen=True)
class Project:
    """A running compose project."""

    name: str
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

    def inspect(self, service: str, form: str) -> str:
        """One fact of the service's container, running or not; empty while there is none."""
        label = "label=com.docker.compose"
        found = self._docker(
            "ps", "-aq", "--filter", f"{label}.project={self.name}", "--filter", f"{label}.service={service}"
        )
        return self._docker("inspect", "-f", form, *found.split()) if found else ""

    def _docker(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", *arguments], env=dict(self.environment), capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout.strip()

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
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Up, and down after the tests; its output is left in build/reports/test-containers.log."""
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no Docker engine answers: use make test-containers")
    name = f"headrace-test-{uuid4().hex[:8]}"
    folder = tmp_path_factory.mktemp("compose")
    receive, attributes, simulator = (str(port) for port in free_ports(3))
    environment = {
        **_without_settings(os.environ),
        "HEADRACE_RECEIVE_PORT": receive,
        "HEADRACE_ATTRIBUTES_PORT": attributes,
        "HEADRACE_SIMULATOR_PORT": simulator,
        "HEADRACE_DEMO_ORDERS": str(ORDERS),
    }
    _make_secrets(folder)
    where = ["-f", str(ROOT / "docker-compose.yml"), "--project-directory", str(folder)]
    command = [*compose_command(), *where, "-p", name, "--profile", "demo"]
    started = Project(name, command, environment, f"http://127.0.0.1:{simulator}")
    try:
        started.run("up", "-d", "--no-build")
        yield started
    finally:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(started.run("logs", "--no-color", check=False))
        started.run("down", "-v", "--remove-orphans", "-t", "15", check=False)


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """A real store's settings, from the shell or from .env, are not for a test; only the images are."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("HEADRACE_") or name.endswith("_IMAGE")
    }


def _make_secrets(folder: Path) -> None:
    """Secrets of the test's own: those under deploy/ may be a real store's."""
    script = folder / "deploy" / "make_secrets.sh"
    script.parent.mkdir()
    shutil.copy(ROOT / "deploy" / script.name, script)
    subprocess.run(["sh", str(script)], check=True)


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
    wait_for(f"{service} healthy", 120, lambda: project.inspect(service, "{{.State.Health.Status}}") == "healthy")


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


@pytest.mark.parametrize("service", ONE_SHOTS)
def test_compose__one_shot__ended_well(project: Project, service: str) -> None:
    wait_for(f"{service} ended", 120, lambda: project.inspect(service, "{{.State.Status}}") == "exited")
    assert project.inspect(service, "{{.State.ExitCode}}") == "0"


@pytest.mark.parametrize("service", [*SERVICES, *ONE_SHOTS, "simulators"])
def test_compose__start_order__spares_everybody_a_restart(project: Project, service: str) -> None:
    assert project.inspect(service, "{{.RestartCount}} {{.State.OOMKilled}}") == "0 false"


@pytest.mark.parametrize("service", [name for name in SERVICES if name not in {"kafka", "postgres"}])
def test_compose__sigterm__stops_a_service_with_exit_0(project: Project, service: str) -> None:
    project.run("stop", "-t", "15", service)
    assert project.inspect(service, "{{.State.ExitCode}}") == "0"
