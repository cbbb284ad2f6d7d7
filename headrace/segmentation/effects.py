"""Effects: which of the actions that entries fired are released, which wait, and which are withheld, and why.

What may be told only for live facts is known here; claims are not.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.actions import Cause
from headrace.contracts.effects import ConsentProof, Effect, EffectKind, effect_id
from headrace.rules.model import Send
from headrace.segmentation.actions import Stamp
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.compiled_actions import CompiledAction, Fired
from headrace.segmentation.group_claims import newest_of
from headrace.segmentation.pending import Waiting, not_before, when_due, with_more
from headrace.segmentation.rows import with_row
from headrace.segmentation.state import Pending, Profile, State
from headrace.segmentation.verdicts import Verdict

LIVE: Final = "live"
ACTIVATION: Final = "activation"
TIME: Final = "time"
AGING: Final = frozenset({"reconcile", TIME})
"""Origins that also bring old facts: an effect of one is released while the fact is younger than `max_age`."""
NO_CONSENT: Final = "no consent"
NEWSLETTER: Final = "newsletter"
"""The purpose of the consent that marketing effects need."""
Caused = tuple[str, datetime]
"""What an action is done for, and when that happened."""
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


class Releasing(Struct):
    """The effects of one decision: `state` as it leaves the customer, whose consent `proof` shows, None: denied.

    `effects` by id: one cause makes one effect, however often it is met in one decision. `step`: the first's number.
    """

    state: State
    rules: CompiledRules
    stamp: Stamp
    release: Release
    proof: ConsentProof | None
    step: int
    effects: dict[str, Effect] = {}
    waiting: list[Pending] = []
    verdicts: list[Verdict] = []
    fates: list[tuple[EffectKind, Fate]] = []

    def take(self, fired: Iterable[Fired]) -> None:
        """Releases, keeps waiting or withholds each action that was fired."""
        origin_of_all, adopted, denied = self.stamp.origin, self.release.adopted, self.proof is None
        for one in fired:
            origin = ACTIVATION if one.past or (adopted and one.follows) else origin_of_all
            caused: Caused | None = None
            for action in one.actions:
                send, waits = action.send, action.due is not None and not one.waited
                if denied and action.needs_consent and origin == LIVE and send is not None and not waits:
                    self._withhold(one.source, action.key, send.kind, NO_CONSENT)
                    continue
                if caused is None:
                    caused = self._caused(one)
                if waits:
                    self._wait(one.source, action, caused, origin)
                elif send is not None:
                    self._send(one, action, send, caused, origin)

    def _caused(self, one: Fired) -> Caused:
        if one.fact_at is not None:
            return one.cause, one.fact_at
        at, happened = self.stamp.at, self.release.happened
        if self.stamp.origin != TIME or at is None:
            fact = newest_of(self.state, one.reads)
            if fact is None or (happened is not None and happened > fact):
                fact = happened
            at = fact or at or _EPOCH
        return f"{one.cause}:{_exactly(at)}", at

    def _wait(self, source: str, action: CompiledAction, caused: Caused, origin: str) -> None:
        cause, fact_at = caused
        if action.send is not None:
            if reason := self._barred(source, origin):
                self._withhold(source, action.key, action.send.kind, reason)
                return
            if origin == ACTIVATION:
                fact_at = self.stamp.at or fact_at  # released on purpose now, however old the fact
        due = when_due(action, fact_at)
        if due is not None:
            due = not_before(due, self.stamp.at)
            self.waiting.append(Pending(due, source, action.key, cause, fact_at, origin))
            self.verdicts.append(Verdict(source, "waits", f"{action.key} until {due:%Y-%m-%d %H:%M} UTC"))
            if action.send is not None:
                self.fates.append((action.send.kind, "waiting"))

    def _send(self, one: Fired, action: CompiledAction, send: Send, caused: Caused, origin: str) -> None:
        (cause, fact_at), stamp, source, key = caused, self.stamp, one.source, action.key
        at = stamp.at or fact_at
        since = at if origin == ACTIVATION else fact_at
        if one.waited and origin != ACTIVATION:
            since = when_due(action, fact_at) or _END
        if origin != LIVE and (reason := self._reason(action, source, since, origin)):
            self._withhold(source, key, send.kind, reason)
            return
        cause_id = "" if send.once == "customer" else cause
        known_by = effect_id(self.state.key, source, key, cause_id)
        if known_by in self.effects:
            return
        sparing = self.rules.sparing if action.needs_consent else None
        self.effects[known_by] = Effect(
            id=known_by,
            customer=self.state.key,
            version=(stamp.generation, stamp.offset, self.step + len(self.effects)),
            kind=send.kind,
            entry=source,
            key=key,
            cause_id=cause_id,
            cause=Cause(event=stamp.event, rules=(source,), origin=stamp.origin),
            rules_version=stamp.rules_version,
            decided_at=at,
            fact_at=fact_at,
            expires_at=self.rules.max_age(since) or _END,
            with_=self._with_row(one, key, send, at, cause_id) if send.kind == "export_row" else send.with_,
            consumer=send.consumer,
            consent=self.proof if action.needs_consent else None,
            quiet=None if sparing is None else sparing.quiet_for(self.state.profile),
            cap=None if sparing is None else sparing.cap,
        )
        self.verdicts.append(Verdict(source, "effect", f"{key}, for {cause_id or 'the customer, once'}"))
        self.fates.append((send.kind, "released"))

    def _with_row(self, one: Fired, key: str, send: Send, at: datetime, cause: str) -> dict[str, Any]:
        return with_row(send, (one.rows or {}).get(key, {}), customer=self.state.key, at=at, cause=cause)

    def _reason(self, action: CompiledAction, source: str, since: datetime, origin: str) -> str:
        """Why it is withheld, or ""."""
        no_consent = NO_CONSENT if self.proof is None and action.needs_consent else ""
        return self._barred(source, origin) or self._aged(since, origin) or no_consent

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

    def _withhold(self, source: str, key: str, kind: EffectKind, reason: str) -> None:
        self.fates.append((kind, "withheld"))
        self.verdicts.append(_withheld(source, key, reason))


def _proof(profile: Profile | None) -> ConsentProof | None:
    """The consent that holds now; unset is denied."""
    if profile is None or profile.subscribed is not True:
        return None
    return ConsentProof(purpose=NEWSLETTER, source=profile.revision, at=profile.modified_at)


@lru_cache(maxsize=4096)
def _withheld(source: str, key: str, reason: str) -> Verdict:
    """Says nothing of the customer."""
    return Verdict(source, "withheld", f"{key}: {reason}")


@lru_cache(maxsize=256)
def _exactly(at: datetime) -> str:
    """Several effects of one decision are for the same fact."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


class Carried(Struct, frozen=True):
    """The state that waits for the rest, the effects released, and why; `fates`: of all that were met."""

    state: State
    effects: tuple[Effect, ...]
    verdicts: list[Verdict]
    fates: Fates


def carry_out(
    state: State, rules: CompiledRules, stamp: Stamp, fired: Iterable[Fired], pending: Waiting, release: Release
) -> Carried:
    """Does what was fired, with `pending` as the walk left it."""
    releasing = Releasing(state, rules, stamp, release, _proof(state.profile), state.step)
    releasing.take(fired)
    effects = tuple(releasing.effects.values())
    pending = with_more(pending, releasing.waiting)
    if effects or pending is not state.pending:
        state = replace(state, pending=pending, step=state.step + len(effects))
    return Carried(state, effects, releasing.verdicts, tuple(releasing.fates))
