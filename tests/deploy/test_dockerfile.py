"""deploy/Dockerfile by the rules that matter: locked, small, no root, stoppable; and its health check."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from headrace.runtime.settings import variable
from services.ingest.settings import ReceiveSettings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy" / "Dockerfile").read_text()
STEPS = [
    (words[0], words[1])
    for line in re.sub(r"\\\n", " ", TEXT).splitlines()
    if line.strip() and not line.startswith("#")
    for words in [line.split(None, 1)]
]


def of(kind: str) -> list[str]:
    return [rest for word, rest in STEPS if word == kind]


def test_dockerfile__stages__are_two_on_the_pinned_slim_base() -> None:
    assert of("FROM") == ["python:3.11-slim-bookworm AS build", "python:3.11-slim-bookworm"]


def test_dockerfile__packages__come_from_the_lock_by_hash() -> None:
    installs = [rest for rest in of("RUN") if "pip install" in rest]
    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "-r /build/requirements.lock" in installs[0]


def test_dockerfile__user__is_not_root_to_the_end() -> None:
    last_user = max(index for index, (word, _) in enumerate(STEPS) if word == "USER")
    assert STEPS[last_user][1] == "10001:10001"
    assert not [rest for word, rest in STEPS[last_user:] if word in {"RUN", "COPY", "ADD"}]


def test_dockerfile__entry__is_in_exec_form_so_that_sigterm_arrives() -> None:
    assert all(rest.startswith("[") for rest in (*of("ENTRYPOINT"), *of("CMD")))


def test_dockerfile__health__asks_ready() -> None:
    (check,) = of("HEALTHCHECK")
    assert "/app/deploy/healthcheck.py" in check


def test_dockerfile__environment__names_settings_that_exist() -> None:
    known = {variable(name) for name in ReceiveSettings.model_fields} | {"HEADRACE_COMMIT"}
    named = {name for rest in of("ENV") for name in re.findall(r"(HEADRACE_\w+)=", rest)}
    assert "HEADRACE_HEALTH_PORT" in named
    assert named <= known


def test_dockerfile__copies__only_what_exists_and_no_secret() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for rest in of("COPY"):
        if rest.startswith("--from"):
            continue
        source = shlex.split(rest)[0]
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    assert ignored[1] == "*"
    assert not any("secrets" in line for line in ignored)


def test_dockerfile__text__names_no_address_and_no_latest() -> None:
    assert not re.search(r"https?://|:latest|--index-url|ADD ", TEXT)
    assert "# syntax=" not in TEXT


class _Ready(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/ready" else 404)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture(params=[200, 503])
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    handler = type("Handler", (_Ready,), {"status": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1]), int(request.param)
        server.shutdown()
        thread.join()


def check(port: int) -> int:
    script = ROOT / "deploy" / "healthcheck.py"
    return subprocess.run(
        [sys.executable, str(script)], env={"HEADRACE_HEALTH_PORT": str(port)}, check=False
    ).returncode


def test_healthcheck__ready__decides(answering: tuple[int, int]) -> None:
    port, status = answering
    assert check(port) == (0 if status == 200 else 1)


def test_healthcheck__nobody_listens__is_unhealthy() -> None:
    assert check(1) == 1


def test_make_secrets__second_run__keeps_what_is_there(tmp_path: Path) -> None:
    script = tmp_path / "make_secrets.sh"
    script.write_bytes((ROOT / "deploy" / "make_secrets.sh").read_bytes())
    for _ in range(2):
        subprocess.run(["sh", str(script)], check=True)
        first = (tmp_path / "secrets" / "hash_key").read_text()
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert made["hash_key"] == first
    assert len(made["hash_key"]) == 40
    assert made["postgres_password"] in made["database_url"]
    assert made["bigcommerce_webhook_header"].startswith("X-Headrace-Secret: ")
