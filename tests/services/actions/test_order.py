"""Order per customer under scripted failures, for the consumers that write to the store."""

from pathlib import Path

import pytest

from headrace.consumer import dispatch
from headrace.runtime.retry import RetryPolicy
from tests.services.actions.order_behaviour import SCRIPTS, check_order, parameters
from tests.services.actions.sinks import ATTRIBUTES, GROUPS, Sink
from tests.services.consumer_harness import Bench


@pytest.mark.parametrize("sink", [GROUPS, pytest.param(ATTRIBUTES, marks=pytest.mark.slow)], ids=lambda sink: sink.name)
@pytest.mark.parametrize("script", parameters())
async def test_actions__vendor_fails_by_a_script__order_is_kept_and_nothing_done_twice(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Sink, script: str
) -> None:
    monkeypatch.setattr(dispatch, "_BACK_OFF", RetryPolicy(first_delay_s=0.01, max_delay_s=0.05, deadline_s=60))
    await check_order(sink, bench, tmp_path, SCRIPTS[script])
