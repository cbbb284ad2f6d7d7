"""The command that plays orders to a simulator in a container."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from headrace.demo.__main__ import main


class _Simulator(BaseHTTPRequestHandler):
    operations: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.operations.extend(body["operations"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture
def simulator() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    seen: list[dict[str, Any]] = []
    with HTTPServer(("127.0.0.1", 0), type("Handler", (_Simulator,), {"operations": seen})) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()
        thread.join()


def test_main__orders__are_played_after_the_groups(simulator: tuple[str, list[dict[str, Any]]]) -> None:
    url, seen = simulator
    assert main([url, "--orders", "20"]) == 0
    kinds = [operation["op"] for operation in seen]
    assert kinds[:6] == ["group.create"] * 6
    assert kinds.count("order.create") == 20


def test_main__nobody_there__is_one_line_and_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["http://127.0.0.1:1", "--orders", "1"]) == 1
    assert "did not take" in capsys.readouterr().err
