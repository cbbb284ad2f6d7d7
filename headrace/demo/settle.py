"""When is a store's run over? When everything the store did was read, decided and applied, and nothing moves any more.

Asks Kafka and the simulators only; it cannot know what the services think.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from headrace.contracts import topics
from headrace.demo.book import read_book
from headrace.demo.control import SimulatorControl
from headrace.demo.observer import Observer

CONSUMERS: Final[Mapping[str, tuple[str, ...]]] = {
    "actions.group": (topics.ACTIONS_GROUP,),
    "actions.email-tags.mailchimp": (topics.ACTIONS_EMAIL_TAGS, topics.ACTIONS_CONTACT),
    "actions.email-tags.klaviyo": (topics.ACTIONS_EMAIL_TAGS, topics.ACTIONS_CONTACT),
    "attributes": (topics.ACTIONS_ATTRIBUTES,),
    "actions.effects.mail": (topics.ACTIONS_EFFECTS, topics.ACTIONS_CONTACT),
    "actions.effects.coupon": (topics.ACTIONS_EFFECTS, topics.ACTIONS_CONTACT),
    "actions.effects.webhook": (topics.ACTIONS_EFFECTS, topics.ACTIONS_CONTACT),
}
HYDRATE: Final = "hydrate"
_SAY_EVERY_S: Final = 5.0


class NotSettled(Exception):
    """The run did not come to rest in time; the message names what still waits."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """One look at everything that could still move. `waiting` is empty when nothing does."""

    waiting: tuple[str, ...]
    events: int
    calls: int


async def settle(
    observer: Observer,
    control: SimulatorControl,
    book: Path,
    *,
    store: str,
    generation: int,
    until: datetime,
    partitions: int,
    deadline_s: float,
    others: Mapping[str, tuple[str, ...]] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Returns when two looks in a row found nothing waiting and nothing done in between. Raises NotSettled.

    `book`: the senders' book of effects. `others`: groups that read these topics too.
    """
    groups = {**CONSUMERS, **(others or {})}
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    before: Quiet | None = None
    said = loop.time()
    while True:
        try:
            now = await _look(observer, control, groups, generation=generation, until=until, partitions=partitions)
            if not now.waiting and (left := sum(booked.is_open(until) for booked in read_book(book, store))):
                now = replace(now, waiting=(f"{left} effects to be sent",))
        except KafkaError as error:
            now = Quiet((f"Kafka ({type(error).__name__})",), -1, -1)
        if now.waiting and loop.time() - said >= _SAY_EVERY_S:
            said = loop.time()
            say(f"still waiting for {'; '.join(now.waiting)}")
        if not now.waiting and before is not None and (before.events, before.calls) == (now.events, now.calls):
            return
        if loop.time() > end:
            raise NotSettled(f"after {deadline_s:g} s still waiting for: {'; '.join(now.waiting) or 'the last writes'}")
        before = now if not now.waiting else None
        await asyncio.sleep(0.3)


async def _look(
    observer: Observer,
    control: SimulatorControl,
    groups: Mapping[str, tuple[str, ...]],
    *,
    generation: int,
    until: datetime,
    partitions: int,
) -> Quiet:
    calls = await control.calls()
    waiting = []
    if pending := calls["webhooks"]["pending"]:
        waiting.append(f"{pending} webhooks on their way")
    if lag := await observer.lag(HYDRATE, [topics.NOTICES]):
        waiting.append(f"{lag} notices to hydrate")
    if (clock := observer.log.clock(partitions)) < until:
        waiting.append(f"the feed's clock ({clock:%Y-%m-%d %H:%M:%S}) to reach {until:%Y-%m-%d %H:%M:%S}")
    waiting += await _lags(observer, groups, generation)
    written = calls["group_writes"]["calls"] + calls["attribute_writes"]["calls"]
    done = sum(sink["count"] for sink in calls["effects"].values())
    return Quiet(tuple(waiting), observer.log.events, written + done)


async def _lags(observer: Observer, groups: Mapping[str, tuple[str, ...]], generation: int) -> list[str]:
    """The evaluator up to the log's end at this moment; then the consumers up to what it had written by then."""
    events: dict[TopicPartition, int] = await observer.ends(topics.EVENTS)
    if lag := await _wait_for(observer, generation, events):
        return [f"{lag} events to evaluate"]
    if not await observer.has_read(events):
        return ["the events to be read here"]
    found = []
    for group, names in groups.items():
        if lag := await observer.lag(group, names):
            found.append(f"{lag} actions for {group}")
    return found


async def _wait_for(observer: Observer, generation: int, ends: Mapping[TopicPartition, int]) -> int:
    """The lag against fixed ends, after giving it two seconds: clock records keep the live lag above zero."""
    lag = 0
    for _ in range(20):
        lag = await observer.evaluator_lag(generation, ends)
        if lag == 0:
            break
        await asyncio.sleep(0.1)
    return lag
