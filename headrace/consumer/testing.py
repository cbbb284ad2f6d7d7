"""A test kit for consumers of your own: no Kafka, no database, the same rules.

done = await deliver(grant, {"points": 100}, resources=client)

async with rehearsal(Warehouse, settings) as stage:
    assert await stage.tell(a_group("shop:1", "Gold")) == {"shop:1": "applied"}
"""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar, cast

from headrace.consumer.effects.sender import Contact, Done, Letter
from headrace.consumer.judge import judge
from headrace.consumer.kind import Applied, Arrival, Kind, Source, Target, Task
from headrace.consumer.sdk import ConsumerSettings, DesiredState, EffectOfYourOwn, as_kind
from headrace.contracts.actions import Cause, Desired, DesiredAttributes, DesiredGroup, Version
from headrace.contracts.effects import Effect, effect_id

NOW: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)
CUSTOMER: Final = "shop:1"
REACHABLE: Final = Contact(email="ada@example.com", first_name="Ada", last_name="Lovelace", subscribed=True)
S = TypeVar("S", bound=ConsumerSettings)
_STEPS: Final = itertools.count(1)


def newer() -> Version:
    """A version newer than any that was made here before."""
    return (1, next(_STEPS), 0)


def a_letter(
    consumer: str,
    given: Mapping[str, Any],
    *,
    customer: str = CUSTOMER,
    cause_id: str = "order-1",
    contact: Contact | None = REACHABLE,
    now: datetime = NOW,
    attempt: int = 1,
) -> Letter:
    """As the loop would hand it over. The same customer and cause have the same `effect.id`, as always."""
    effect = Effect(
        id=effect_id(customer, "rule:test", consumer, cause_id),
        customer=customer,
        version=newer(),
        kind="do",
        entry="rule:test",
        key=consumer,
        cause_id=cause_id,
        cause=Cause(event=cause_id),
        rules_version=1,
        decided_at=now,
        fact_at=now,
        expires_at=now + timedelta(days=1),
        with_=dict(given),
        consumer=consumer,
    )
    return Letter(effect, contact, now, attempt, again=attempt > 1)


async def deliver(
    own: EffectOfYourOwn[Any, Any, Any], given: Mapping[str, Any], *, resources: Any = None, **of_the_letter: Any
) -> Done:
    """One effect, checked and done. Raises what the consumer raises; Refused for what its `given` does not take."""
    letter = a_letter(own.name, given, **of_the_letter)
    return await own.act(letter, own.read(given), resources) or Done()


def made_settings(settings: type[S], **given: Any) -> S:
    """Settings as the environment would give them, for a store that is nowhere."""
    return settings(kafka_bootstrap_servers="nowhere:9092", store="shop", **given)


def a_group(customer: str, value: str | None, *, version: Version | None = None) -> DesiredGroup:
    """What `headrace.actions.group` would carry."""
    return DesiredGroup(
        customer=customer, version=version or newer(), value=value, cause=Cause(event="test"), rules_version=1
    )


def attributes(
    customer: str, present: Mapping[str, Sequence[str]], *, version: Version | None = None
) -> DesiredAttributes:
    """What `headrace.actions.attributes` would carry: attribute -> values."""
    return DesiredAttributes(
        customer=customer,
        version=version or newer(),
        present={name: tuple(values) for name, values in present.items()},
        absent={},
        cause=Cause(event="test"),
        rules_version=1,
    )


class Stage:
    """Records told to a desired state, in any order and as often as one likes, as the loop would hand them over."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._applied: dict[str, Applied] = {}

    async def tell(self, *records: Desired) -> dict[str, str]:
        """Customer -> applied, unchanged, stale or refused. Raises what `apply` raises: then nothing is remembered."""
        results: dict[str, str] = {}
        targets: dict[str, Target] = {}
        for record in records:
            (target,) = self._kind.prepare(cast("Any", None), [_arrival(record)])
            assert isinstance(target, Target)
            known = targets.get(record.customer)
            if known is None or target.version > known.version:
                targets[record.customer] = target
        writing: list[Task] = []
        for customer, target in targets.items():
            applied = self._applied.get(customer, Applied())
            verdict = judge(target, applied, fresh=True, reads_back=self._kind.reads_back)
            if verdict == "write":
                writing.append(Task(customer, target, applied))
            else:
                results[customer] = verdict
        for start in range(0, len(writing), self._kind.limits.batch):
            part = writing[start : start + self._kind.limits.batch]
            done = await self._kind.perform(part)
            results |= {customer: result.result for customer, result in done.items()}
            written = {task.customer: Applied(task.target.version, task.target.value) for task in part}
            self._applied |= {c: row for c, row in written.items() if done[c].result == "applied"}
        return results


@asynccontextmanager
async def rehearsal(own: type[DesiredState[Any]], settings: Any = None) -> AsyncIterator[Stage]:
    """The consumer, opened, on a stage of its own."""
    instance = own(settings)
    async with instance.opened():
        yield Stage(as_kind(instance))


def _arrival(record: Desired) -> Arrival:
    source = Source("test", 0, record.version[1], record.customer.encode(), b"", NOW)
    return Arrival(record.customer, record, source)
