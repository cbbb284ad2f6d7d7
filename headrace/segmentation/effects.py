"""Effects: which of the actions that entries fired are released, which wait, and which are withheld, and why.

What may be told only for live facts is known here; claims are not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.actions import Cause
from headrace.contracts.effects import MARKETING, ConsentProof, Effect, EffectKind, effect_id
from headrace.rules.model import Send
from headrace.segmentation.actions import Stamp
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_actions import CompiledAction, Fired
from headrace.segmentation.group_claims import newest_facts
from headrace.segmentation.pending import Waiting, not_before, when_due, with_more
from headrace.segmentation.rows import with_row
from headrace.segmentation.state import Pending, Profile, State
from headrace.segmentation.verdicts import Verdict

LIVE: Final = "live"
ACTIVATION: Final = "activation"
TIME: Final = "time"
AGING: Final = frozenset({"reconcile", TIME})
"""Origins that also bring old facts: an effect of one is released while the fact is younger than `max_age`."""
NEWSLETTER: Final = "newsletter"
"""The purpose of the consent that marketing effects need."""
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)


Fate = Literal["released", "waiting", "withheld"]
Fates = tuple[tuple[EffectKind, Fate], ...]
"""What became of each effect that a decision met. One that waited comes a second time when its time has come."""


class Release(Struct, frozen=True):
    """What decides, besides the origin, whether effects are released.

    `named`: entries whose effects this activation releases on purpose. `clock`: the store's clock while it is done,
    for a timer later than its moment, perhaps. `happened`: when what is no snapshot did. `adopted`: the rules are new
    to the customer, so that what follows from them is the activation's doing.
    """

    named: frozenset[str] = frozenset()
    clock: datetime | None = None
    happened: datetime | None = None
    adopted: bool = False


@dataclass(slots=True)
class Releasing:
    """The effects of one decision: `state` as it leaves the customer, `stamp.step` the number of the first.

    `effects` by id: one cause makes one effect, however often it is met in one decision.
    """

    state: State
    rules: CompiledRules
    stamp: Stamp
    release: Release
    effects: dict[str, Effect] = field(default_factory=dict)
    waiting: list[Pending] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    fates: list[tuple[EffectKind, Fate]] = field(default_factory=list)

    def take(self, fired: Iterable[Fired]) -> None:
        """Releases, keeps waiting or withholds each action that was fired."""
        for one in fired:
            origin = self._origin(one)
            cause, fact_at = self._cause(one)
            for action in one.actions:
                if action.due is not None and not one.waited:
                    self._wait(one.source, action, cause, fact_at, origin)
                elif isinstance(action.action, Send):
                    self._send(one, action, action.action, cause, fact_at, origin)

    def _origin(self, one: Fired) -> str:
        return ACTIVATION if one.past or (one.follows and self.release.adopted) else self.stamp.origin

    def _cause(self, one: Fired) -> tuple[str, datetime]:
        """What it is done for, and when that happened."""
        if one.fact_at is not None:
            return one.cause, one.fact_at
        if self.stamp.origin == TIME and self.stamp.at is not None:
            at = self.stamp.at
        else:
            facts = (*newest_facts(self.state, one.reads), self.release.happened)
            at = max((fact for fact in facts if fact is not None), default=self.stamp.at or _EPOCH)
        return f"{one.cause}:{_exactly(at)}", at

    def _wait(self, source: str, action: CompiledAction, cause: str, fact_at: datetime, origin: str) -> None:
        if isinstance(action.action, Send):
            if reason := self._barred(source, origin):
                self._withhold(source, action, action.action.kind, reason)
                return
            if origin == ACTIVATION:
                fact_at = self.stamp.at or fact_at  # released on purpose now, however old the fact
        due = when_due(action, fact_at)
        if due is not None:
            due = not_before(due, self.stamp.at)
            self.waiting.append(Pending(due, source, action.key, cause, fact_at, origin))
            self.verdicts.append(Verdict(source, "waits", f"{action.key} until {due:%Y-%m-%d %H:%M} UTC"))
            if isinstance(action.action, Send):
                self.fates.append((action.action.kind, "waiting"))

    def _send(self, one: Fired, action: CompiledAction, send: Send, cause: str, fact_at: datetime, origin: str) -> None:
        since = (when_due(action, fact_at) or _END) if one.waited else fact_at
        if origin == ACTIVATION:
            since = self.stamp.at or fact_at
        reason = "" if origin == LIVE else self._barred(one.source, origin) or self._aged(since, origin)
        proof = _proof(self.state.profile) if send.kind in MARKETING else None
        if not reason and send.kind in MARKETING and proof is None:
            reason = "no consent"
        if reason:
            self._withhold(one.source, action, send.kind, reason)
            return
        cause_id = "" if send.once == "customer" else cause
        known_by = effect_id(self.state.key, one.source, action.key, cause_id)
        if known_by in self.effects:
            return
        sparing = self.rules.sparing if send.kind in MARKETING else None
        self.effects[known_by] = Effect(
            id=known_by,
            customer=self.state.key,
            version=(self.stamp.generation, self.stamp.offset, self.stamp.step + len(self.effects)),
            kind=send.kind,
            entry=one.source,
            key=action.key,
            cause_id=cause_id,
            cause=Cause(event=self.stamp.event, rules=(one.source,), origin=self.stamp.origin),
            rules_version=self.stamp.rules_version,
            decided_at=self.stamp.at or fact_at,
            fact_at=fact_at,
            expires_at=self.rules.max_age(since) or _END,
            with_=with_row(
                send,
                (one.rows or {}).get(action.key, {}),
                customer=self.state.key,
                at=self.stamp.at or fact_at,
                cause=cause_id,
            ),
            consumer=send.consumer,
            consent=proof,
            quiet=None if sparing is None else sparing.quiet_for(self.state.profile),
            cap=None if sparing is None else sparing.cap,
        )
        self.verdicts.append(Verdict(one.source, "effect", f"{action.key}, for {cause_id or 'the customer, once'}"))
        self.fates.append((send.kind, "released"))

    def _barred(self, source: str, origin: str) -> str:
        """Why nothing of this origin is released, or ""."""
        if origin == LIVE or origin in AGING:
            return ""
        if origin == ACTIVATION and source in self.release.named:
            return ""
        return f"not for {origin}"

    def _aged(self, since: datetime, origin: str) -> str:
        """Why what happened then is too old, or "". Without a clock nobody knows how old it is."""
        if origin not in AGING:
            return ""
        expires, clock = self.rules.max_age(since), self.release.clock
        return "" if clock is not None and (expires is None or clock < expires) else "too old"

    def _withhold(self, source: str, action: CompiledAction, kind: EffectKind, reason: str) -> None:
        self.fates.append((kind, "withheld"))
        self.verdicts.append(Verdict(source, "withheld", f"{action.key}: {reason}"))


def _proof(profile: Profile | None) -> ConsentProof | None:
    """The consent that holds now; unset is denied."""
    if profile is None or profile.subscribed is not True:
        return None
    return ConsentProof(purpose=NEWSLETTER, source=profile.revision, at=profile.modified_at)


@lru_cache(maxsize=256)
def _exactly(at: datetime) -> str:
    """Several effects of one decision are for the same fact."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


class Carried(NamedTuple):
    """The state that waits for the rest, the effects released, and why; `fates`: of all that were met."""

    state: State
    effects: tuple[Effect, ...]
    verdicts: list[Verdict]
    fates: Fates


def carry_out(
    state: State, rules: CompiledRules, stamp: Stamp, fired: Iterable[Fired], pending: Waiting, release: Release
) -> Carried:
    """Does what was fired, with `pending` as the walk left it."""
    releasing = Releasing(state, rules, replace(stamp, step=state.step), release)
    releasing.take(fired)
    effects = tuple(releasing.effects.values())
    pending = with_more(pending, releasing.waiting)
    if effects or pending is not state.pending:
        state = replace(state, pending=pending, step=state.step + len(effects))
    return Carried(state, effects, releasing.verdicts, tuple(releasing.fates))
