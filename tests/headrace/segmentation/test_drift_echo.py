"""Our own writes come back as snapshots, late and in any order, while the desired group changes: never a drift."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.events import CustomerSnapshot, decode_event, encode_event
from headrace.segmentation.decide import decide
from tests.headrace.segmentation.story import GROUPS, START, Story

LADDER = (
    "ladders: [{id: loyalty, by: customer.spend,"
    " rungs: [{group: Silver}, {group: Gold, from: 1000}, {group: Wholesale, from: 2000}]}]\n"
)


@dataclass
class World:
    """The store, and a group consumer that is slow: one call at a time, each of the newest version it has read."""

    story: Story
    rng: random.Random
    now: datetime = START
    group: str = ""
    modified: datetime = START
    flying: tuple[int, str] | None = None
    written: int = 0
    read: int = 0
    """How many of the actions the consumer has read."""
    answers: list[tuple[str, CustomerSnapshot]] = field(default_factory=list)
    """Snapshots that were read from the store and are not in the log yet."""

    def step(self) -> None:
        """Some time passes, one thing happens."""
        self.now += timedelta(seconds=self.rng.choice([0, 1, 20, 100, 900]))
        acts = [self.change, self.consume, self.begin, self.land, self.fetch, self.fetch, self.deliver, self.rename]
        self.rng.choice(acts)()

    def change(self) -> None:
        """Another group is wanted."""
        self.story.now = self.now - timedelta(seconds=self.rng.choice([0, 5, 10]))
        self.story.order("1", self.rng.choice([10, 1000, 2000]))

    def consume(self) -> None:
        """The consumer reads on."""
        self.read = self.rng.randint(self.read, len(self.story.told))

    def begin(self) -> None:
        """A call goes out."""
        told = self.story.told[: self.read]
        if self.flying is None and len(told) > self.written and told[-1] is not None:
            self.flying = (len(told), told[-1])

    def land(self) -> None:
        """It is carried out."""
        if self.flying is not None:
            self.written, group = self.flying
            if group != self.group:
                self.group, self.modified = group, self.now
            self.flying = None

    def rename(self) -> None:
        """Something else about the customer changes."""
        self.modified = self.now

    def fetch(self) -> None:
        """Somebody reads the customer."""
        snapshot = CustomerSnapshot(customer_id="7", created_at=START, modified_at=self.modified, group=self.group)
        self.answers.append((f"{self.modified.isoformat()}/{self.now.isoformat()}", snapshot))

    def deliver(self) -> None:
        """A snapshot comes into the log, not always the oldest."""
        if not self.answers:
            return
        revision, snapshot = self.answers.pop(self.rng.randrange(len(self.answers)))
        self.story.now = self.now
        context = self.story._context()
        value = encode_event(
            snapshot,
            type="customer.snapshot",
            id=f"e{self.story.offset}",
            store="shop",
            subject=self.story.state.key,
            time=self.now,
            origin="live",
            revision=revision,
        )
        self.story._keep(decide(self.story.state, decode_event(value), self.story.rules, context))

    def finish(self) -> None:
        """All that is wanted is written, read and in the log."""
        self.land()
        self.read = len(self.story.told)
        self.begin()
        self.land()
        self.now += timedelta(seconds=1)
        self.fetch()
        while self.answers:
            self.deliver()


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), drift=st.sampled_from(["overwrite", "pin", "report"]))
def test_own_writes__late_and_reordered__are_never_drift(seed: int, drift: str) -> None:
    story = Story(f"drift: {drift}\n{GROUPS}{LADDER}")
    world = World(story, random.Random(seed))
    world.fetch()
    world.deliver()
    for _ in range(80):
        world.step()
    world.finish()
    assert not [verdict for verdict in story.verdicts if verdict.outcome == "drifted"]
    assert story.state.pin is None
    assert world.group == story.group


@pytest.mark.parametrize("seed", range(20))
def test_a_persons_change__after_all_has_come_to_rest__is_drift(seed: int) -> None:
    """However wildly the wanted group changed before, once a day has passed."""
    story = Story(f"drift: report\n{GROUPS}{LADDER}")
    world = World(story, random.Random(seed))
    world.fetch()
    world.deliver()
    for _ in range(40):
        world.step()
    world.finish()
    world.now += timedelta(hours=25)
    world.group = next(group for group in ("Gold", "Silver") if group != story.group)
    world.modified = world.now
    world.fetch()
    world.deliver()
    assert [verdict.source for verdict in story.verdicts if verdict.outcome == "drifted"] == ["drift"]
