"""What a behaviour must know of a kind of action to test it: what to publish, what to break, what the vendor saw."""

import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from headrace.runtime.process import Running
from services.actions.bootstrap import main_of, settings_for
from services.attributes.bootstrap import main as attributes_main
from services.attributes.settings import AttributesSettings
from tests.services.consumer_harness import Bench, Desired, in_process

STEPS: Final = 40
"""The wanted values of a customer are numbered; a sink may prepare for so many."""


@dataclass
class Seen:
    """What arrived at the vendor and was done there: the numbers of the values, by customer, in order."""

    steps: dict[str, list[int]] = field(default_factory=dict)

    def add(self, customer: str, step: int) -> None:
        """One write, also of what was there already."""
        self.steps.setdefault(customer, []).append(step)

    @property
    def doubles(self) -> int:
        """Writes of what was there already."""
        return sum(a == b for steps in self.steps.values() for a, b in itertools.pairwise(steps))

    @property
    def writes(self) -> int:
        """All of them."""
        return sum(map(len, self.steps.values()))

    def reached(self, step: int) -> int:
        """How many customers have had this value or a newer one."""
        return sum(steps[-1] >= step for steps in self.steps.values())

    def check_order(self) -> None:
        """No customer went back to an older value."""
        for customer, steps in self.steps.items():
            assert steps == sorted(steps), (customer, steps)


@dataclass(frozen=True)
class Sink:
    """One kind and its vendor. `match` finds its writes among calls, `desire` makes the records that want a step."""

    name: str
    group: str
    topics: tuple[str, ...]
    match: Mapping[str, str]
    command: tuple[str, ...]
    prepare: Callable[[Bench, int], Awaitable[list[str]]]
    desire: Callable[[Bench, str, int], Sequence[Desired]]
    watch: Callable[[Bench], Seen]
    run: Callable[[Mapping[str, Any], Running], Awaitable[None]]
    repeats: bool = False
    """Whether a write of which nothing is known is simply sent again: it is then a double at most."""
    batch: int = 10
    """How many customers one write may be about."""

    @asynccontextmanager
    async def start(self, bench: Bench, folder: Path, **fields: Any) -> AsyncIterator[Running]:
        """Runs the consumer; its ledger stays in the folder from one start to the next."""
        database = SecretStr(f"sqlite:///{folder / 'ledger.db'}")
        given = {"database_url": database, **bench.environment, **fields}
        async with in_process(lambda running: self.run(given, running)) as running:
            yield running

    async def settled(self, bench: Bench, *, deadline_s: float = 30.0) -> None:
        """Until everything published is done."""
        await bench.settled(self.group, *self.topics, deadline_s=deadline_s)


Start = Callable[[], AbstractAsyncContextManager[Running]]


async def _with_groups(bench: Bench, count: int) -> list[str]:
    return await bench.make_customers(count, *(f"g{step:02}" for step in range(STEPS + 1)))


async def _customers(bench: Bench, count: int) -> list[str]:
    return await bench.make_customers(count)


def _watch_groups(bench: Bench) -> Seen:
    people, seen = bench.simulator.world.people, Seen()
    update = people.update_customer

    def watched(customer_id: int, changes: Mapping[str, Any]) -> bool:
        changed = update(customer_id, changes)
        name = people.group_name(changes.get("group_id", 0))
        if name.startswith("g"):
            seen.add(f"{bench.settings.store}:{customer_id}", int(name[1:]))
        return changed

    people.update_customer = watched  # type: ignore[method-assign]
    return seen


def _watch_attributes(bench: Bench) -> Seen:
    people, seen = bench.simulator.world.people, Seen()
    set_value = people.set_value

    def watched(attribute_id: int, customer_id: int, value: str) -> Any:
        done = set_value(attribute_id, customer_id, value)
        if found := re.search(r"at(\d\d)", value):
            seen.add(f"{bench.settings.store}:{customer_id}", int(found[1]))
        return done

    people.set_value = watched  # type: ignore[method-assign]
    return seen


def _run_groups(fields: Mapping[str, Any], running: Running) -> Awaitable[None]:
    return main_of(["group"])([settings_for(["group"])(**fields)], running)


def _run_attributes(fields: Mapping[str, Any], running: Running) -> Awaitable[None]:
    return attributes_main([AttributesSettings(port=0, **fields)], running)


GROUPS: Final = Sink(
    name="group",
    group="actions.group",
    topics=("actions.group",),
    match={"method": "PUT", "path": "/v3/customers"},
    command=("services.actions", "group"),
    prepare=_with_groups,
    desire=lambda bench, customer, step: [bench.group(customer, f"g{step:02}", observed=None)],
    watch=_watch_groups,
    run=_run_groups,
)
ATTRIBUTES: Final = Sink(
    name="attributes",
    group="attributes",
    topics=("actions.attributes",),
    match={"method": "PUT", "path": "/v3/customers/attribute-values"},
    command=("services.attributes",),
    prepare=_customers,
    desire=lambda bench, customer, step: [bench.attributes(customer, step=[f"at{step:02}"])],
    watch=_watch_attributes,
    run=_run_attributes,
    repeats=True,
)
