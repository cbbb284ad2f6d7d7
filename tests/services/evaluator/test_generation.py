"""A partition that passes from one generation to the next, without Kafka: who speaks on which side of the line."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import msgspec
from msgspec.structs import replace

from headrace.contracts.actions import Cause, DesiredContact, DesiredGroup
from headrace.contracts.events import GENERATION_PROMOTED, GenerationPromoted, encode_event
from headrace.runtime.generations import promoted_in
from headrace.segmentation.decide import Decision, Trace
from headrace.segmentation.reassert import Told
from headrace.segmentation.state import State
from services.evaluator.agent import Place
from services.evaluator.engine.fold import Folded
from services.evaluator.engine.state import encode_record
from services.evaluator.generation import Generation
from services.evaluator.handover import Handover
from services.evaluator.marker import Marker, encode_marker
from services.evaluator.rules_feed import RulesFeed
from tests.services.evaluator.bench import Bench, Source
from tests.services.evaluator.replay.scene import ladder
from tests.services.evaluator.service import STORE, Record, activation, customer, order


def promotion(generation: int) -> Record:
    value = encode_event(
        GenerationPromoted(generation=generation, replaces=generation - 1, promotion=str(generation)),
        type=GENERATION_PROMOTED,
        id=f"promotion:{generation}",
        store="~",
        subject="~",
        time=datetime(2026, 1, 5, tzinfo=UTC),
        origin="live",
    )
    return 0, b"~", value


class AllRead:
    """A feed of rules that has nothing to wait for."""

    async def until_read(self, store: str, version: int) -> None: ...


class TheSinks:
    """As the test says."""

    def __init__(self, told: Mapping[bytes, Told]) -> None:
        self._told = told

    async def told(self, partition: int, promoted: GenerationPromoted, offset: int) -> Mapping[bytes, Told]:
        return self._told


class Passing(Bench):
    """One partition in a generation of its own."""

    def __init__(self, generation: int, *, silent: bool, told: Mapping[bytes, Told] | None = None) -> None:
        super().__init__()
        self.rules(ladder(20_000), 1)
        if silent:
            self.partition.update({b"~": encode_record(-1, encode_marker(Marker(silent=True)))})
        self.generation = Generation(
            Place("t.events", "t.", generation), self.sets, cast("RulesFeed", AllRead()), TheSinks(told or {})
        )
        self.fold = self.generation.open(self.partition)

    def pass_on(self, *records: Record) -> Folded:
        first = self.partition.applied + 1
        sources = [Source(first + n, key, value) for n, (_, key, value) in enumerate(records)]
        asyncio.run(self.fold.prepare(sources))
        self.fold.apply(sources)
        folded = self.fold.close()
        self.partition.applied = sources[-1].offset if folded.ended_at is None else folded.ended_at
        values = {key: None if kept is None else encode_record(*kept) for key, kept in folded.changes.items()}
        if folded.marker is not None:
            values[b"~"] = encode_record(self.partition.applied, folded.marker)
        self.partition.update(values)
        return folded


LOG = (*activation(ladder(20_000), 1)[:1], customer(1), order(1, 100, 5_000))
KEY = f"{STORE}:1".encode()


def group(value: str) -> DesiredGroup:
    return DesiredGroup(customer=KEY.decode(), version=(1, 2, 0), value=value, cause=Cause(event="e"), rules_version=1)


def test_generation__not_yet_promoted__folds_and_says_nothing() -> None:
    passing = Passing(2, silent=True)
    folded = passing.pass_on(*LOG, (0, KEY, b"no event"))

    assert KEY in folded.changes
    assert not folded.outputs


def test_generation__at_its_promotion__tells_what_differs_and_then_speaks() -> None:
    passing = Passing(2, silent=True, told={KEY: Told(group=group("Gold"))})
    told = list(passing.pass_on(*LOG, promotion(2)).outputs)

    assert [output.topic for output in told] == ["t.actions.contact", "t.actions.group"]
    assert b'"version":[2,3,1],"value":"Silver"' in (told[1].value or b"")
    after = list(passing.pass_on(order(1, 101, 90_000)).outputs)
    assert [output.topic for output in after] == ["t.actions.group"]
    assert b'"version":[2,4,0],"value":"Gold"' in (after[0].value or b"")


def test_generation__sinks_that_were_told_the_same__are_not_told_again() -> None:
    first = Passing(1, silent=False)
    by_topic: dict[str, bytes | None] = {output.topic: output.value for output in first.pass_on(*LOG).outputs}
    told = Told(group=group("Silver"), contact=_contact(by_topic["t.actions.contact"]))
    second = Passing(2, silent=True, told={KEY: told})

    assert not list(second.pass_on(*LOG, promotion(2)).outputs)


def _contact(value: bytes | None) -> DesiredContact:
    return msgspec.json.decode(value or b"", type=DesiredContact)


def test_generation__newer_one_promoted__ends_there() -> None:
    passing = Passing(1, silent=False)
    folded = passing.pass_on(*LOG, promotion(2), order(1, 101, 90_000))

    assert folded.ended_at == 3
    assert passing.partition.applied == 3
    assert all(b"Gold" not in (output.value or b"") for output in folded.outputs)
    assert promoted_in(passing.partition.records[b"~"]) == 2
    passing.fold = passing.generation.open(passing.partition)
    assert passing.fold.sweep(10) == (1, False), "the engine has to ask it once"
    assert passing.fold.close().ended_at == 3


def test_generation__older_or_repeated_promotion__changes_nothing() -> None:
    passing = Passing(3, silent=False)
    passing.pass_on(*LOG)
    folded = passing.pass_on(promotion(2), promotion(3), order(1, 101, 90_000))

    assert folded.ended_at is None
    assert len(list(folded.outputs)) == 1


def test_lift__action_from_before_the_promotion__is_numbered_behind_what_was_told_there() -> None:
    handover = Handover(2, Marker().with_promotion(2, 50), 60)
    action = replace(group("Gold"), version=(2, 7, 1))
    decision = Decision(State(key="s:1"), (action,), None, Trace("e"))

    assert handover.lift(decision, 7).actions[0].version == (2, 50, 5)
    assert handover.lift(decision, 51) is decision


def test_promoted_in__records_of_other_kinds__zero() -> None:
    assert promoted_in(b"") == 0
    assert promoted_in(encode_record(5, b"")) == 0
    assert promoted_in(encode_record(5, b"\x09x")) == 0
    assert promoted_in(encode_record(5, encode_marker(Marker()))) == 0
