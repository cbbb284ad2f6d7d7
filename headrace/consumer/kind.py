"""What a kind of action must offer the loop, and the values that pass between them.

How the loop orders, batches, remembers and commits does not live here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from sqlalchemy import Connection

from headrace.contracts.actions import Version

Json = Any
"""A value that JSON can hold. None means "not known" wherever an applied value stands."""
ResultName = Literal["applied", "unchanged", "stale", "skipped", "refused", "overflow"]
OutcomeKind = Literal["group", "attribute", "tag", "contact", "effect"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a record came from, whole, so that it can be set aside. `topic` is the name without prefix."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """One decoded action record of a customer ("store:customer")."""

    customer: str
    desired: Any
    source: Source


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a task. `dead_letter`: the record is set aside as well, with `reason`.

    `value`: what the vendor holds now, where it is not the target's value word for word (None: it is).
    """

    result: ResultName
    reason: str = ""
    detail: str = ""
    dead_letter: bool = False
    value: Json = None


APPLIED = Result("applied")


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing is to be done at the vendor, and why. `forget`: from now on we do not know what the vendor holds."""

    result: ResultName
    reason: str
    forget: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What the vendor shall hold for one customer.

    `value` is compared with what was applied last. `observed` is what the store held when this was decided (None =
    not told). `extra` goes along for `perform` and is not compared; it is None when a value of the ledger is done
    again. With `skip` nothing is written, and an older target that still waits is dropped. `overwrite`: the vendor
    holds something else by now, though this was applied. `told`: what the outcome says when it is there, beyond
    "applied"; that it was there already is told with the same reason.
    """

    version: Version
    value: Json = None
    observed: Json = None
    extra: Json = None
    skip: Skip | None = None
    overwrite: bool = False
    told: Result = APPLIED


@dataclass(frozen=True, slots=True)
class Finished:
    """An action that is done with before it waits: stale, or nothing for a vendor."""

    result: ResultName
    reason: str
    version: Version


@dataclass(frozen=True, slots=True)
class Applied:
    """A row of the applied ledger: `version` and `value` of the last settled action, `intent` of one begun since.

    `value` None: not known. An open intent means that a call of `worker` may or may not have happened; it may arrive
    at the vendor until `until` (seconds since 1970 on the database's clock; None = it is over).
    """

    version: Version | None = None
    value: Json = None
    intent: Json = None
    intent_version: Version | None = None
    worker: str | None = None
    until: float | None = None

    @property
    def newest(self) -> Version | None:
        """The newest version ever begun or settled; anything older is stale."""
        return max((v for v in (self.version, self.intent_version) if v is not None), default=None)


@dataclass(frozen=True, slots=True)
class Task:
    """One customer's part of a batch: what to reach, and what we know to be there (`applied.intent` may be open)."""

    customer: str
    target: Target
    applied: Applied


@dataclass(frozen=True, slots=True)
class Limits:
    """`batch` customers a call at most, `concurrency` calls at once; a part-filled batch waits `linger_s` (real).

    `deadline_s`: how long after `perform` began its calls may arrive at the vendor. Clients that ask
    `headrace.runtime.deadline` begin none that could take longer; whoever takes a partition over waits it out.
    """

    batch: int = 1
    concurrency: int = 1
    linger_s: float = 0.0
    read_back: int = 250
    deadline_s: float = 20.0


class TryAgain(Exception):
    """The vendor did not answer as it should; the same tasks come again.

    `delay_s`: not before (None = the loop's own back-off); `unknown`: it may have been done all the same; `lingers`:
    and if not, it may still come. `tried`: False where nobody was asked, so that nothing speaks against the vendor.
    """

    def __init__(
        self,
        reason: str,
        *,
        delay_s: float | None = None,
        unknown: bool = False,
        lingers: bool = False,
        tried: bool = True,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delay_s = delay_s
        self.unknown = unknown
        self.lingers = lingers
        self.tried = tried


class PauseConsumer(Exception):
    """The vendor refuses us as such (a wrong token): nothing is tried for a while, and the process says so."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Kind(Protocol):
    """A sink. `name` is the ledger's key and the last part of the consumer group (`actions.<name>`)."""

    @property
    def name(self) -> str: ...
    @property
    def group(self) -> str:
        """Name of the consumer group, without prefix."""

    @property
    def outcome(self) -> tuple[OutcomeKind, str]:
        """Kind and platform of its outcomes."""

    @property
    def decoders(self) -> Mapping[str, Callable[[bytes], Any]]:
        """Topic (without prefix) -> decoder of its values; raises `msgspec.DecodeError`."""

    @property
    def limits(self) -> Limits: ...
    @property
    def reads_back(self) -> bool:
        """True: what is not known for sure is read from the vendor before anything is written."""

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        """One answer an arrival, in order; may keep things in the database (one transaction, a worker thread)."""

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, Json]:
        """What the vendor holds now; a customer it does not know is missing. Raises TryAgain, PauseConsumer."""

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        """Does it, answers for every customer. Raises TryAgain, PauseConsumer for the whole batch."""


@runtime_checkable
class SharesQuota(Protocol):
    """A kind whose replicas divide what its vendor allows to all of them."""

    def weigh(self, part: float) -> None:
        """Called with every assignment: `part` (0 to 1) of the topics' partitions are this process's."""


@dataclass(slots=True)
class Pending:
    """What waits for one customer, or is being done: the newest target and every offset it stands for."""

    customer: str
    target: Target
    source: Source
    since: float
    """Monotonic seconds when the oldest part of it arrived."""
    applied: Applied
    fresh: bool
    """True when the record was published after this consumer took its partition: `observed` can be trusted."""
    holds: list[Callable[[], None]] = field(default_factory=list)
    """Each marks one offset as done."""
    attempts: int = 0
    successes_seen: int = 0
    not_before: float = 0.0
    abandoned: bool = False
    """True when its partition was taken away while it was in flight: it is not tried again here."""
