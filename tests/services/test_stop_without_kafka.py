"""Every service, started while there is no Kafka: it waits, and SIGTERM ends it at once and in good order."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headrace.runtime.ports import free_ports

SERVICES = {
    "receive": ["services.ingest", "receive"],
    "hydrate": ["services.ingest", "hydrate"],
    "feed": ["services.ingest", "feed"],
    "evaluator": ["services.evaluator"],
    "group": ["services.actions", "group"],
    "email-tags": ["services.actions", "email-tags", "--platform", "mailchimp"],
    "effects": ["services.actions", "effects"],
    "attributes": ["services.attributes"],
}


@pytest.mark.parametrize("name", SERVICES)
def test_service__sigterm_while_kafka_is_away__ends_in_good_order(name: str, tmp_path: Path) -> None:
    nobody, port = free_ports(2)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("HEADRACE_")},
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{nobody}",
        "HEADRACE_STORE": "shop",
        "HEADRACE_HASH_KEY": "k",
        "HEADRACE_PORT": str(port),
        "HEADRACE_DATABASE_URL": f"sqlite:///{tmp_path / 'ledger.db'}",
        "HEADRACE_BIGCOMMERCE_TOKEN": "t",
        "HEADRACE_MAILCHIMP_URL": f"http://127.0.0.1:{nobody}",
        "HEADRACE_MAILCHIMP_KEY": "k-us1",
        "HEADRACE_MAILCHIMP_LIST": "l",
    }
    with subprocess.Popen(
        [sys.executable, "-m", *SERVICES[name]],
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            lines = []
            for line in process.stderr:
                lines.append(line)
                if '"process.started"' in line:
                    break
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            lines += process.stderr.readlines()
            assert process.wait(timeout=10) == 0, lines
            assert time.monotonic() - began < 10
            said = [json.loads(line) for line in lines if line.startswith("{")]
            assert [line["reason"] for line in said if line["event"] == "process.stopped"] == ["asked"]
        finally:
            process.kill()
