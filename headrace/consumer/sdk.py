"""Consumers of your own: a function that does an effect, or a class that keeps a desired state; a name, and no more.

    class Points(BaseModel):
        points: int

    @effect("points.grant", given=Points, settings=LoyaltySettings, resources=loyalty_client, keyed=True)
    async def grant(letter: Letter, given: Points, client: LoyaltyClient) -> Done: ...

The package names it under the entry points `headrace.consumers`; `headrace consume points.grant` runs it, and rules ask
for it: `do: {points.grant: {points: 100}}`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Final, Generic, Literal, TypeVar, get_args

import msgspec
from pydantic import BaseModel, SecretStr, ValidationError
from sqlalchemy import Connection

from headrace.consumer.effects.sender import Done, Letter, Refused, Sender
from headrace.consumer.kind import APPLIED, Arrival, Finished, Kind, Limits, OutcomeKind, Result, Target, Task
from headrace.contracts import topics
from headrace.contracts.actions import (
    Desired,
    DesiredAttributes,
    DesiredContact,
    DesiredEmailTags,
    DesiredGroup,
)
from headrace.contracts.effects import Effect
from headrace.runtime.settings import ServiceSettings

ENTRY_POINTS: Final = "headrace.consumers"
Start = Literal["now", "current state", "all history"]
STARTS: Final[tuple[Start, ...]] = get_args(Start)
About = Literal["group", "attributes", "email-tags", "contact"]
_DECODERS: Final[Mapping[About, tuple[str, type[Desired], OutcomeKind]]] = {
    "group": (topics.ACTIONS_GROUP, DesiredGroup, "group"),
    "attributes": (topics.ACTIONS_ATTRIBUTES, DesiredAttributes, "attribute"),
    "email-tags": (topics.ACTIONS_EMAIL_TAGS, DesiredEmailTags, "tag"),
    "contact": (topics.ACTIONS_CONTACT, DesiredContact, "contact"),
}
_CHANGING: Final = frozenset({"customer", "version", "cause", "rules_version", "observed", "overwrite", "sources"})
"""What is not wanted, but told beside it."""
_GROUP: Final = "consumer"
S = TypeVar("S", bound="ConsumerSettings")
G = TypeVar("G", bound=BaseModel)
R = TypeVar("R")


class ConsumerSettings(ServiceSettings):
    """What every consumer has. A field of a subclass is set by HEADRACE_<FIELD> or, by file, HEADRACE_<FIELD>_FILE."""

    database_url: SecretStr = SecretStr("sqlite:///headrace.db")
    """Where what was done is kept: `sqlite:///file` or `postgresql://...`."""
    start: Start | None = None
    """Where it begins the first time: `now`, `current state`, `all history`; the consumer's own choice if unset.

    Of a desired state `current state` is the newest of each customer, `all history` all that the topic still holds, in
    its order. An effect begins with those decided from now on, or with all that the topic still holds (30 days) and
    that are not too old: to it both are the same.
    """


class UnknownConsumer(Exception):
    """Nothing installed has this name; `known` are those that there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no consumer {name} is installed")
        self.known = tuple(known)


@dataclass(frozen=True, slots=True)
class EffectOfYourOwn(Generic[G, S, R]):
    """What `effect` makes of a function. `keyed`: asked twice with the same `letter.effect.id`, it is done once."""

    name: str
    given: type[G]
    act: Callable[[Letter, G, R], Awaitable[Done | None]]
    settings: type[S]
    resources: Callable[[S], AbstractAsyncContextManager[R]]
    keyed: bool
    concurrency: int
    deadline_s: float
    start: Start
    __doc__: str | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of what a rule says under it."""
        return self.given.model_json_schema()

    @asynccontextmanager
    async def sender(self, settings: S) -> AsyncIterator[Sender]:
        """Its sender, with its resources open."""
        async with self.resources(settings) as resources:
            yield _Sender(self, resources)

    def read(self, said: Mapping[str, Any]) -> G:
        """What a rule says under it. Raises Refused."""
        try:
            return self.given.model_validate(dict(said))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise Refused("bad_data", f"{place}: {first['msg']}") from None


@dataclass(frozen=True, slots=True)
class _Sender(Generic[G, S, R]):
    own: EffectOfYourOwn[G, S, R]
    resources: R

    @property
    def name(self) -> str:
        return self.own.name

    @property
    def keyed(self) -> bool:
        return self.own.keyed

    @property
    def concurrency(self) -> int:
        return self.own.concurrency

    @property
    def deadline_s(self) -> float:
        return self.own.deadline_s

    def wants(self, effect: Effect) -> bool:
        return effect.kind == "do" and effect.consumer == self.own.name

    async def send(self, letter: Letter) -> Done:
        given = self.own.read(letter.effect.with_)
        return await self.own.act(letter, given, self.resources) or Done()


@asynccontextmanager
async def _nothing(_: Any) -> AsyncIterator[None]:
    yield None


def effect(
    name: str,
    *,
    given: type[G],
    settings: type[S] = ConsumerSettings,  # type: ignore[assignment]  # the default of a type variable
    resources: Callable[[S], AbstractAsyncContextManager[R]] = _nothing,  # type: ignore[assignment]  # the same
    keyed: bool = False,
    concurrency: int = 8,
    deadline_s: float = 10.0,
    start: Start = "now",
) -> Callable[[Callable[[Letter, G, R], Awaitable[Done | None]]], EffectOfYourOwn[G, S, R]]:
    """Makes a consumer of a function that does one effect. It is given the letter, what the rule says, the resources.

    It may raise NotNow, InDoubt, Refused, PauseConsumer; anything else counts as in doubt. `keyed`: say True only when
    asking twice with one `letter.effect.id` does it once; else what was under way at a crash waits for a person.
    """

    def made(act: Callable[[Letter, G, R], Awaitable[Done | None]]) -> EffectOfYourOwn[G, S, R]:
        return EffectOfYourOwn(
            name=name,
            given=given,
            act=act,
            settings=settings,
            resources=resources,
            keyed=keyed,
            concurrency=concurrency,
            deadline_s=deadline_s,
            start=start,
            __doc__=act.__doc__,
        )

    return made


class DesiredState(Generic[S]):
    """A consumer that keeps something at what Headrace wants: override `apply`, and `opened` for what it needs.

    `about`: which desired state it reads. Only what differs from what was applied last is handed over, the newest of
    each customer, `batch` customers at a time; what fails comes again. After a crash a batch may come twice.
    `concurrency` calls of `apply` at once, never two with the same customer.
    """

    name: str
    about: About
    settings: type[S]
    batch: int = 100
    concurrency: int = 1
    start: Start = "current state"

    def __init__(self, settings: S) -> None:
        self.config = settings

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Around the consumer's life: connections are opened and closed here."""
        yield

    async def apply(self, wanted: Sequence[Any]) -> None:
        """Writes these records (`DesiredGroup`, `DesiredAttributes` ... by `about`), one a customer.

        Raises TryAgain, PauseConsumer for all of them, `RefusedOnes` for some.
        """
        raise NotImplementedError


@dataclass
class RefusedOnes(Exception):
    """Some customers' records can never be applied: customer -> why. The others of the batch were."""

    why: Mapping[str, str] = field(default_factory=dict)


class AsKind:
    """A `DesiredState` as the loop sees it."""

    reads_back = False

    def __init__(self, own: DesiredState[Any], *, every_value: bool = False) -> None:
        name, record, outcome = _DECODERS[own.about]
        self._own = own
        self._said = _said_by(record)
        self.every_value = every_value
        self.fill_size = own.batch
        self.name = f"{_GROUP}.{own.name}"
        self.group = self.name
        self.outcome: tuple[OutcomeKind, str] = (outcome, own.name)
        self.decoders: Mapping[str, Callable[[bytes], Any]] = {name: msgspec.json.Decoder(record).decode}
        self.limits = Limits(batch=own.batch, concurrency=own.concurrency, linger_s=0.05)

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        """What is compared is what is wanted; the record itself goes along."""
        return [Target(one.desired.version, _as_json(self.wanted(one.desired)), extra=one.desired) for one in arrivals]

    def wanted(self, desired: Any) -> dict[str, Any]:
        """What is compared, and kept in the ledger: nothing that stands at its default."""
        said = {}
        for name, default in self._said:
            if (value := getattr(desired, name)) != default:
                said[name] = value
        return said

    async def fill(self, wanted: Sequence[Any]) -> Mapping[str, str]:
        """The same as `perform`, of those whom nothing is known of."""
        try:
            await self._own.apply(wanted)
        except RefusedOnes as error:
            return error.why
        return {}

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, Any]:
        """Nobody is asked."""
        return {}

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        """In one call of `apply`."""
        record = _DECODERS[self._own.about][1]
        wanted = [task.target.extra or msgspec.convert(_again(task), record) for task in tasks]
        try:
            await self._own.apply(wanted)
        except RefusedOnes as error:
            return {
                task.customer: Result("refused", "refused", error.why[task.customer], dead_letter=True)
                if task.customer in error.why
                else APPLIED
                for task in tasks
            }
        return {task.customer: APPLIED for task in tasks}


def _said_by(record: type[Desired]) -> Sequence[tuple[str, Any]]:
    """Fields of what is wanted, each with its default."""
    fields = msgspec.structs.fields(record)
    return [(one.name, one.default) for one in fields if one.name not in _CHANGING]


def _as_json(value: Any) -> Any:
    """As it comes back from the ledger, so that the two compare."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _again(task: Task) -> dict[str, Any]:
    """A value of the ledger, done again."""
    of_the_record = {"customer": task.customer, "version": task.target.version}
    return {**task.target.value, **of_the_record, "cause": {"event": ""}, "rules_version": 0}


Own = EffectOfYourOwn[Any, Any, Any] | type[DesiredState[Any]]


def reads_of(own: Own) -> tuple[str, tuple[str, ...]]:
    """A consumer's group and the topics that it reads, without prefix."""
    if isinstance(own, EffectOfYourOwn):
        return f"{_GROUP}.{own.name}", (topics.ACTIONS_EFFECTS, topics.ACTIONS_CONTACT)
    return f"{_GROUP}.{own.name}", (_DECODERS[own.about][0],)


def installed() -> dict[str, Own]:
    """Every consumer that some installed package names, by the consumer's own name. Raises what its import raises."""
    found = (point.load() for point in sorted(entry_points(group=ENTRY_POINTS)))
    return {own.name: own for own in found}


def find(name: str) -> Own:
    """The consumer of this name. Raises UnknownConsumer."""
    points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if name in points:
        own: Own = points[name].load()
        return own
    everyone = installed()
    if name not in everyone:
        raise UnknownConsumer(name, sorted(everyone))
    return everyone[name]


def as_kind(own: DesiredState[Any], *, every_value: bool = False) -> Kind:
    """For `Consumer`. `every_value`: it begins with all that the topic still holds, not with the newest alone."""
    return AsKind(own, every_value=every_value)
