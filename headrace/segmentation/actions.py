"""What the sinks are told: the desired state now against what they were told last, and only if it differs.

Knows nothing of events; who may be told what first is decided here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.actions import (
    Cause,
    ContactPersonal,
    Desired,
    DesiredAttributes,
    DesiredContact,
    DesiredEmailTags,
    DesiredGroup,
    Version,
)
from headrace.segmentation.claims import merge, without
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.entries import present, standing_gives
from headrace.segmentation.group_choice import GroupClaim, choose, managed
from headrace.segmentation.state import Contact, Profile, State

K = TypeVar("K", bound=str)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Stamp(Struct, frozen=True):
    """What every action of one decision carries: where it stands in the log, and why.

    `step`: how many actions the customer's earlier decisions at the same offset told. `at`: when, on the store's clock.
    """

    generation: int
    offset: int
    rules_version: int
    event: str
    origin: str
    changed: tuple[str, ...] = ()
    step: int = 0
    at: datetime | None = None


@dataclass(slots=True)
class Outbox:
    """The actions of one decision, numbered as they come."""

    customer: str
    stamp: Stamp
    actions: list[Desired]

    def version(self) -> Version:
        """Of the next action."""
        return (self.stamp.generation, self.stamp.offset, self.step)

    @property
    def step(self) -> int:
        """Number of the next action at this offset."""
        return self.stamp.step + len(self.actions)

    def cause(self, *first: str) -> Cause:
        """Why: `first` and then whatever changed."""
        sources = tuple(dict.fromkeys((*first, *self.stamp.changed)))
        return Cause(event=self.stamp.event, rules=sources, origin=self.stamp.origin)


def emit(
    state: State, rules: CompiledRules | None, stamp: Stamp, *, contact: bool, group: bool, labels: bool
) -> tuple[State, tuple[Desired, ...]]:
    """The state that knows what it told, and the actions; the flags say what may have changed at all."""
    outbox = Outbox(state.key, stamp, [])
    if contact:
        state = _contact(state, outbox)
    if rules is not None and group:
        state = _group(state, rules, outbox)
    if labels:
        state = _labels(state, rules, outbox)
    if outbox.step != state.step:
        state = replace(state, step=outbox.step)
    return state, tuple(outbox.actions)


def emit_grave(state: State, stamp: Stamp) -> tuple[Desired, ...]:
    """The last words about a deleted customer: hands off the group, no labels, no contact."""
    outbox = Outbox(state.key, stamp, [])
    told = state.emitted
    if told.group_known and told.group is not None:
        outbox.actions.append(_desired_group(outbox, None, None, ()))
    if told.attributes:
        _tell_attributes(outbox, {}, _absent(told.attributes, told.attributes_absent, {}), {})
    if told.tags:
        _tell_tags(outbox, {}, _absent(told.tags, told.tags_absent, {}))
    if told.contact is not None:
        outbox.actions.append(
            DesiredContact(
                customer=state.key,
                version=outbox.version(),
                subscribed=None,
                cause=outbox.cause(),
                rules_version=stamp.rules_version,
                deleted=True,
            )
        )
    return tuple(outbox.actions)


def group_claims(state: State, rules: CompiledRules) -> list[GroupClaim]:
    """Every wish for a group this customer's rules, segments and rungs have."""
    claims = [
        GroupClaim(latch.group, f"rule:{rule}")
        for rule, latch in state.claims.latched.items()
        if latch.group is not None
    ]
    for source, gives in standing_gives(rules, state.standing):
        if gives.group is not None:
            claims.append(GroupClaim(gives.group, source))
    return claims


def choose_group(state: State, rules: CompiledRules) -> GroupClaim | None:
    """The claim that wins, whether or not the customer is ours to move; None = the default group."""
    return choose(group_claims(state, rules), rules.places, lambda claim: _fact_at(state, rules, claim))


def wanted_group(state: State, rules: CompiledRules) -> str | None:
    """The desired group: a name, "" for none, None = not ours to touch."""
    return _wanted(state, rules)[0]


def _wanted(state: State, rules: CompiledRules) -> tuple[str | None, GroupClaim | None]:
    """The desired group and the claim behind it."""
    observed = None if state.profile is None else state.profile.group
    if not managed(observed, rules.groups, rules.rule_set.default_group, state.emitted):
        return None, None
    winner = choose_group(state, rules)
    return (rules.rule_set.default_group, None) if winner is None else (winner.group, winner)


def _group(state: State, rules: CompiledRules, outbox: Outbox) -> State:
    """A guest has no group; nobody is moved before a snapshot told which group the store has the customer in."""
    if state.guest or state.profile is None:
        return state
    told, observed = state.emitted, state.profile.group
    value, winner = _wanted(state, rules)
    if value == told.group if told.group_known else value is None:
        return state
    if told.group_known or value != observed:
        outbox.actions.append(_desired_group(outbox, value, observed, () if winner is None else (winner.source,)))
    ours = told.ours if not value or value in told.ours else (*told.ours, value)
    return replace(state, emitted=replace(told, group_known=True, group=value, ours=ours))


def _labels(state: State, rules: CompiledRules | None, outbox: Outbox) -> State:
    now = present(rules, state.claims, state.standing)
    attributes, tags, told = _values(now.attributes), _values(now.tags), state.emitted
    if attributes != told.attributes:
        absent = _absent(told.attributes, told.attributes_absent, attributes)
        _tell_attributes(outbox, attributes, absent, now.attributes)
        told = replace(told, attributes=attributes, attributes_absent=absent)
    if tags != told.tags:
        absent_tags = _absent(told.tags, told.tags_absent, tags)
        _tell_tags(outbox, tags, absent_tags)
        told = replace(told, tags=tags, tags_absent=absent_tags)
    return state if told is state.emitted else replace(state, emitted=told)


def _contact(state: State, outbox: Outbox) -> State:
    told = state.emitted.contact
    now = None if state.profile is None else _contact_of(state.profile)
    if now is None or now == told or (told is None and now == Contact(None, None, None, None)):
        return state
    outbox.actions.append(
        DesiredContact(
            customer=state.key,
            version=outbox.version(),
            subscribed=now.subscribed,
            cause=outbox.cause(),
            rules_version=outbox.stamp.rules_version,
            personal=ContactPersonal(email=now.email, first_name=now.first_name, last_name=now.last_name),
        )
    )
    return replace(state, emitted=replace(state.emitted, contact=now))


def _contact_of(profile: Profile) -> Contact:
    return Contact(profile.email, profile.first_name, profile.last_name, profile.subscribed)


def _desired_group(outbox: Outbox, value: str | None, observed: str | None, first: tuple[str, ...]) -> DesiredGroup:
    return DesiredGroup(
        customer=outbox.customer,
        version=outbox.version(),
        value=value,
        cause=outbox.cause(*first),
        rules_version=outbox.stamp.rules_version,
        observed=observed,
    )


def _tell_attributes(
    outbox: Outbox,
    now: dict[str, tuple[str, ...]],
    absent: dict[str, tuple[str, ...]],
    sources: dict[str, dict[str, str]],
) -> None:
    outbox.actions.append(
        DesiredAttributes(
            customer=outbox.customer,
            version=outbox.version(),
            present=now,
            absent=absent,
            cause=outbox.cause(),
            rules_version=outbox.stamp.rules_version,
            sources=sources,
        )
    )


def _tell_tags(outbox: Outbox, now: dict[K, tuple[str, ...]], absent: dict[K, tuple[str, ...]]) -> None:
    outbox.actions.append(
        DesiredEmailTags(
            customer=outbox.customer,
            version=outbox.version(),
            present=now,  # type: ignore[arg-type]  # K is Platform here
            absent=absent,  # type: ignore[arg-type]  # K is Platform here
            cause=outbox.cause(),
            rules_version=outbox.stamp.rules_version,
        )
    )


def _values(labels: dict[K, dict[str, str]]) -> dict[K, tuple[str, ...]]:
    return {name: tuple(sorted(labels[name])) for name in sorted(labels)}


def _absent(
    told: dict[K, tuple[str, ...]], absent: dict[K, tuple[str, ...]], now: dict[K, tuple[str, ...]]
) -> dict[K, tuple[str, ...]]:
    """What we set once, now or earlier, and no longer want."""
    return without(merge(told, absent), now)


def _fact_at(state: State, rules: CompiledRules, claim: GroupClaim) -> datetime:
    """When the newest fact behind a claim happened: of a segment or ladder, the newest of what it reads."""
    kind, _, name = claim.source.partition(":")
    if kind == "rule":
        return state.claims.latched[name].fact_at
    reads = rules.segments[name].condition.reads if kind == "segment" else rules.ladders[name].reads
    return max(_newest(state, reads), default=_NEVER)


def _newest(state: State, reads: frozenset[str]) -> Iterable[datetime]:
    if state.profile is not None and "profile" in reads:
        yield state.profile.modified_at
    if "ledger" in reads and state.totals.newest is not None:
        yield state.totals.newest
    if "labels" in reads:
        yield from (latch.fact_at for latch in state.claims.latched.values())
