"""Takeovers stay within their limits: after a clean stop, a restart, a kill, each several times on real Kafka."""

import asyncio
import signal
from pathlib import Path

import pytest

from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.engine.harness import Workers, create_topics, held, judge, lag, wait_for
from tests.services.evaluator.engine.positions import trickling
from tests.services.evaluator.engine.takeover import SETUPS, measure

ROUNDS = 3
LIMITS_S = {
    "defaults": {"stop": 3.0, "restart": 5.0, "crash-restart": 5.0, "kill": 25.0, "kill-inside": 25.0},
    "quick": {"stop": 3.0, "restart": 5.0, "crash-restart": 5.0, "kill": 15.0, "kill-inside": 15.0},
}
LONG_SESSION_S = 60.0


@pytest.mark.slow
@pytest.mark.parametrize("setup", SETUPS)
def test_takeover__each_way_to_end__within_its_limit(setup: str, tmp_path: Path) -> None:
    """With Kafka's own defaults, and with the settings of docs/operations.md."""
    limits = LIMITS_S[setup]
    found = measure(SETUPS[setup], limits, ROUNDS, tmp_path)
    assert {case: one.summary() for case, one in found.items() if max(one.samples) >= limits[case]} == {}


def test_takeover__killed_and_started_again__does_not_wait_for_its_own_session(
    kafka_settings: ServiceSettings, tmp_path: Path
) -> None:
    """The member and the open transaction that the killed process left would last for a minute."""
    create_topics(kafka_settings)
    workers = Workers(kafka_settings, tmp_path)
    try:
        with trickling(kafka_settings):
            stays = workers.start("0", session_s=LONG_SESSION_S)
            killed = workers.start("1", session_s=LONG_SESSION_S, test_stop="flushed:kill:20")
            wait_for("it is killed within a transaction", lambda: killed.popen.poll() is not None)
            assert killed.popen.wait() == -signal.SIGKILL
            lost = held(killed)
            assert lost
            again = workers.start("1", session_s=LONG_SESSION_S)
            wait_for("both at work", lambda: len(held(stays)) == len(held(again)) == 2, LONG_SESSION_S / 3)
            assert again.events("member.dismissed")
        wait_for("all committed", lambda: lag(kafka_settings) == 0)
        verdict = asyncio.run(judge(kafka_settings))
        assert verdict.exact, verdict
    finally:
        workers.kill_all()
