"""Whatever answers are lost or refused on the way: in the end every profile has what was wanted last, each once."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.consumer import Applied, Target, Task, TryAgain
from headrace.platforms.breaker import Breaker
from headrace.platforms.http import VendorClient
from headrace.runtime.retry import RetryPolicy
from headrace.simulators.call import Call
from headrace.simulators.klaviyo.vendor import TAGS
from services.actions.email_tags.audience import together
from services.actions.email_tags.changes import reach
from services.actions.email_tags.klaviyo import KlaviyoAudience
from tests.headrace.simulators.klaviyo.account import Port

FOREIGN: Final = ("by hand", "x")
TAG_NAMES: Final = ("A", "B", "C")
LIST_NAMES: Final = ("A", "L")
PEOPLE: Final = 3
TRIES: Final = 60
FAULTS = st.sampled_from(["ok"] * 6 + ["lost", "before", "500", "503", "429"])
WANTED = st.tuples(st.sets(st.sampled_from(TAG_NAMES)), st.sets(st.sampled_from(LIST_NAMES)))
STEP = st.tuples(st.dictionaries(st.integers(0, PEOPLE - 1), WANTED, min_size=1), st.lists(FAULTS, max_size=12))


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """The simulated account without a socket; `faults` are for the calls to come, then all is well."""

    port: Port = field(default_factory=Port)
    faults: list[str] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fault = self.faults.pop(0) if self.faults else "ok"
        if fault == "before":
            raise httpx.ConnectError("no connection")
        if fault in ("500", "503", "429"):
            return httpx.Response(int(fault))
        self.port.hands.real += 1.0
        url = request.url
        call = Call(request.method, url.path, url.path, query=dict(url.params), raw=await request.aread())
        answer = self.port.vendor.answer(call, request.headers)
        assert answer.status != 429
        await asyncio.sleep(0)
        if fault == "lost":
            raise httpx.ReadError("the answer is lost")
        return httpx.Response(answer.status, content=answer.body or b"", headers=dict(answer.headers))


def email(person: int) -> str:
    return f"{person}@x.example"


async def settle(audience: KlaviyoAudience, rows: dict[int, Applied], wanted: dict[int, list[str]], step: int) -> None:
    """As the consumer does it: what may have been done is in doubt from then on."""
    version = (1, step, 0)
    targets = {
        person: Target(version, {"email": email(person), "tags": labels}, extra={"absent": []})
        for person, labels in wanted.items()
    }
    for _ in range(TRIES):
        tasks = {person: Task(f"s:{person}", target, rows[person]) for person, target in targets.items()}
        changes = {person: change for person, task in tasks.items() if (change := reach(task)) is not None}
        changes = {person: change for person, change in changes.items() if change.put or change.take}
        try:
            results = await audience.write([*changes.values()])
        except TryAgain:
            for person in changes:
                value = rows[person].value if rows[person].value is not None else rows[person].intent
                rows[person] = Applied(rows[person].version, value, targets[person].value, version)
            continue
        assert {each.result for each in results} <= {"applied"}
        for person, target in targets.items():
            rows[person] = Applied(version, target.value)
        return
    raise AssertionError("it never came to an end")


@settings(max_examples=150)
@given(steps=st.lists(STEP, min_size=1, max_size=5), there=st.sets(st.integers(0, PEOPLE - 1)))
def test_write__any_faults__ends_with_what_was_wanted_last(steps: list[Any], there: set[int]) -> None:
    asyncio.run(_play(steps, there))


async def _play(steps: list[Any], there: set[int]) -> None:
    wire = Wire()
    for person in there:
        attributes = {"email": email(person), "properties": {TAGS: [*FOREIGN]}}
        wire.port.account.upsert({"type": "profile", "attributes": attributes})
    client = VendorClient(
        "klaviyo",
        base_url="http://account",
        headers={**wire.port.headers, "Content-Type": "application/vnd.api+json"},
        retry=RetryPolicy(first_delay_s=0.0, max_delay_s=0.0, deadline_s=0.05),
        breaker=Breaker(after=10**6),
        transport=wire,
    )
    audience = KlaviyoAudience(client, TAGS)
    rows, last = {person: Applied() for person in range(PEOPLE)}, dict[int, tuple[set[str], set[str]]]()
    for number, (wanted, faults) in enumerate(steps):
        wire.faults = [*faults]
        last |= wanted
        await settle(audience, rows, {person: together(*labels) for person, labels in wanted.items()}, number)
    await client.aclose()
    truth = wire.port.vendor.truth()
    for person, (tags, lists) in last.items():
        row = truth.get(email(person), {"tags": [], "lists": []})
        foreign = FOREIGN if person in there else ()
        assert sorted(row["tags"]) == sorted([*tags, *foreign])
        assert row["lists"] == sorted(lists)
        assert not row.get("suppressions")
