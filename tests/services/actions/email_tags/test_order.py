"""Order per customer under scripted failures, for platforms that do what they took in a while later."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from headrace.consumer import dispatch
from headrace.contracts.actions import Platform
from headrace.platforms import omnisend
from headrace.runtime.process import Running
from headrace.runtime.retry import RetryPolicy
from headrace.simulators.omnisend import Omnisend
from headrace.simulators.sendgrid import SendGrid
from headrace.simulators.sliding import Sliding
from services.actions.bootstrap import main_of, settings_for
from tests.services.actions.order_behaviour import SCRIPTS, check_order, parameters
from tests.services.actions.sinks import Seen, Sink
from tests.services.consumer_harness import STORE, Bench, Desired

_STEP: Final = re.compile(r"t(\d\d)")


class Watched(dict[str, Any]):
    """The contacts of an account; tells which step each of them comes to."""

    def __init__(self, seen: Seen, tags: Callable[[Any], str]) -> None:
        super().__init__()
        self._seen = seen
        self._tags = tags

    def __setitem__(self, email: str, contact: Any) -> None:
        before, now = self._step(self.get(email)), self._step(contact)
        super().__setitem__(email, contact)
        if now and now != before:
            self._seen.add(f"{STORE}:{email.partition('@')[0]}", now)

    def _step(self, contact: Any) -> int:
        return max(map(int, _STEP.findall(self._tags(contact))), default=0) if contact is not None else 0


def watch(bench: Bench) -> Seen:
    """Of both platforms; their jobs are quick, and Omnisend's limits wide."""
    seen = Seen()
    sendgrid, brand = bench.simulator.vendors["sendgrid"], bench.simulator.vendors["omnisend"]
    assert isinstance(sendgrid, SendGrid)
    assert isinstance(brand, Omnisend)
    sendgrid.contacts = Watched(seen, lambda contact: ";".join(map(str, contact.fields.values())))
    brand.contacts = Watched(seen, lambda contact: ";".join(contact.tags))
    brand._calls, brand._tag_calls = Sliding(100_000, 60.0), Sliding(100_000, 60.0)
    sendgrid.delay_s = brand.delay_s = 0.02
    return seen


def sink_of(platform: Platform, match: Mapping[str, str]) -> Sink:
    """A platform's consumer; the steps are tags, of which the newest only is wanted."""
    kind = f"email-tags.{platform}"

    async def prepare(bench: Bench, count: int) -> list[str]:
        customers = [f"{STORE}:{number}" for number in range(1, count + 1)]
        await bench.publish(
            *(bench.contact(one, f"{one[len(STORE) + 1 :]}@x.example", subscribed=True) for one in customers)
        )
        return customers

    def desire(bench: Bench, customer: str, step: int) -> Sequence[Desired]:
        return [bench.tags(customer, f"t{step:02}", absent=[f"t{one:02}" for one in range(1, step)], platform=platform)]

    async def run(fields: Mapping[str, Any], running: Running) -> None:
        await main_of([kind])([settings_for([kind])(**fields)], running)

    return Sink(
        name=kind,
        group=f"actions.{kind}",
        topics=("actions.email-tags", "actions.contact"),
        match={"vendor": platform, **match},
        command=("services.actions", "email-tags", "--platform", platform),
        prepare=prepare,
        desire=desire,
        watch=watch,
        run=run,
        repeats=True,
        batch=50,
    )


SINKS: Final = (
    sink_of("sendgrid", {"method": "PUT", "path": "/v3/marketing/contacts"}),
    sink_of("omnisend", {"method": "POST", "path": "/api/contacts/tags"}),
)


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.name)
@pytest.mark.parametrize("script", parameters())
async def test_tags__vendor_fails_by_a_script__order_is_kept_and_one_step_remains(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Sink, script: str
) -> None:
    monkeypatch.setattr(dispatch, "_BACK_OFF", RetryPolicy(first_delay_s=0.01, max_delay_s=0.05, deadline_s=60))
    monkeypatch.setattr(omnisend, "TAG_CALLS_A_MINUTE", 100_000)
    monkeypatch.setattr(omnisend, "CALLS_A_MINUTE", 100_000)
    await check_order(sink, bench, tmp_path, SCRIPTS[script])
    rows = (await bench.truth())["platforms"][sink.match["vendor"]].values()
    assert {len(row["tags"]) for row in rows} == {1}
