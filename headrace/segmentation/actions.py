"""What the sinks are told: the desired state now against what they were told last, and only if it differs.

Knows nothing of events; who may be told what first is decided here.
"""

from datetime import datetime
from typing import TypeVar

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
    Platform,
    Version,
)
from headrace.segmentation.claims import LISTS
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.given import NOTHING
from headrace.segmentation.group_claims import Wanted, needs_taking, wanted
from headrace.segmentation.present import labels_told, sourced_attributes
from headrace.segmentation.state import Contact, Emitted, Profile, State, Tags

K = TypeVar("K", bound=str)
OfPlatforms = dict[Platform, tuple[str, ...]]


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


class Outbox(Struct):
    """The actions of one decision, numbered as they come."""

    customer: str
    stamp: Stamp
    actions: list[Desired] = []
    changes: Cause | None = None
    """The cause without a first source, once somebody asked."""

    def version(self) -> Version:
        """Of the next action."""
        stamp = self.stamp
        return stamp.generation, stamp.offset, stamp.step + len(self.actions)

    def cause(self) -> Cause:
        """Why: whatever changed."""
        cause = self.changes
        if cause is None:
            cause = self.changes = _cause(self.stamp, self.stamp.changed)
        return cause

    def cause_after(self, first: tuple[str, ...]) -> Cause:
        """Why: `first` and then whatever changed."""
        return _cause(self.stamp, (*first, *self.stamp.changed))


def _cause(stamp: Stamp, sources: tuple[str, ...]) -> Cause:
    return Cause(event=stamp.event, rules=tuple(dict.fromkeys(sources)), origin=stamp.origin)


def emit(
    state: State,
    rules: CompiledRules | None,
    stamp: Stamp,
    *,
    contact: bool,
    group: bool,
    labels: bool,
    overwrite: bool = False,
    decided: Wanted | None = None,
) -> tuple[State, tuple[Desired, ...]]:
    """The state that knows what it told, and the actions; the flags say what may have changed at all.

    `overwrite`: the group is told again where the store has another one. `decided`: which it is, where that is known.
    """
    if not (contact or group or labels):
        return (state if stamp.step == state.step else replace(state, step=stamp.step)), ()
    outbox, told = Outbox(state.key, stamp), state.emitted
    if contact:
        told = _contact(state, told, outbox)
    if rules is not None and group:
        told = _group(state, told, rules, outbox, decided, overwrite=overwrite)
    if labels:
        told = _labels(state, told, rules, outbox)
    step = stamp.step + len(outbox.actions)
    if told is not state.emitted or step != state.step:
        state = replace(state, emitted=told, step=step)
    return state, tuple(outbox.actions)


def emit_grave(state: State, stamp: Stamp) -> tuple[Desired, ...]:
    """The last words about a deleted customer: hands off the group, no labels, no contact."""
    outbox = Outbox(state.key, stamp)
    told = state.emitted
    if told.group_known and told.group is not None:
        outbox.actions.append(_desired_group(outbox, None, None, ()))
    if told.attributes:
        _tell_attributes(outbox, {}, _absent(told.attributes, told.attributes_absent, {}), {})
    if told.tags:
        _tell_tags(outbox, {}, _absent(told.tags, told.tags_absent, {}))
    if told.contact is not None:
        outbox.actions.append(_no_contact(outbox))
    return tuple(outbox.actions)


def _group(
    state: State, told: Emitted, rules: CompiledRules, outbox: Outbox, decided: Wanted | None, *, overwrite: bool
) -> Emitted:
    """A guest has no group; nobody is moved before a snapshot told which group the store has the customer in."""
    if state.guest or state.profile is None:
        return told
    observed = state.profile.group
    if told.taken and not needs_taking(state, rules):
        told = replace(told, taken=False)
    value, winner = decided or wanted(state, rules)
    again = overwrite and value not in (None, observed)
    if not again and (value == told.group if told.group_known else value is None):
        return told
    if told.group_known or value != observed:
        sources = () if winner is None else (winner.source,)
        outbox.actions.append(_desired_group(outbox, value, observed, sources, again=again))
    ours = told.ours if not value or value in told.ours else (*told.ours, value)
    return replace(told, group_known=True, group=value, ours=ours)


def _labels(state: State, told: Emitted, rules: CompiledRules | None, outbox: Outbox) -> Emitted:
    given, claims = NOTHING if rules is None else rules.giving.of(state.standing), state.claims
    attributes, tags = labels_told(given, claims)
    if attributes != told.attributes:
        absent = _absent(told.attributes, told.attributes_absent, attributes)
        sources = given.attributes if attributes is given.attributes_told else sourced_attributes(given, claims)
        _tell_attributes(outbox, attributes, absent, sources)
        told = replace(told, attributes=attributes, attributes_absent=absent)
    if tags != told.tags:
        absent_tags = _absent(told.tags, told.tags_absent, tags)
        _tell_tags(outbox, tags, absent_tags)
        told = replace(told, tags=tags, tags_absent=absent_tags)
    return told


def _contact(state: State, told: Emitted, outbox: Outbox) -> Emitted:
    known, now = told.contact, None if state.profile is None else _contact_of(state.profile)
    if now is None and known is not None:  # a guest whose orders are all an account's now
        outbox.actions.append(_no_contact(outbox))
        return replace(told, contact=None)
    if now is None or now == known or (known is None and now == Contact(None, None, None, None)):
        return told
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
    return replace(told, contact=now)


def _no_contact(outbox: Outbox) -> DesiredContact:
    return DesiredContact(
        customer=outbox.customer,
        version=outbox.version(),
        subscribed=None,
        cause=outbox.cause(),
        rules_version=outbox.stamp.rules_version,
        deleted=True,
    )


def _contact_of(profile: Profile) -> Contact:
    return Contact(profile.email, profile.first_name, profile.last_name, profile.subscribed)


def _desired_group(
    outbox: Outbox, value: str | None, observed: str | None, first: tuple[str, ...], *, again: bool = False
) -> DesiredGroup:
    return DesiredGroup(
        customer=outbox.customer,
        version=outbox.version(),
        value=value,
        cause=outbox.cause_after(first),
        rules_version=outbox.stamp.rules_version,
        observed=observed,
        overwrite=again,
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


def _tell_tags(outbox: Outbox, now: Tags, absent: Tags) -> None:
    (tags, lists), (tags_absent, lists_absent) = _apart(now), _apart(absent)
    outbox.actions.append(
        DesiredEmailTags(
            customer=outbox.customer,
            version=outbox.version(),
            present=tags,
            absent=tags_absent,
            cause=outbox.cause(),
            rules_version=outbox.stamp.rules_version,
            lists=lists,
            lists_absent=lists_absent,
        )
    )


def joined(tags: OfPlatforms, lists: OfPlatforms) -> Tags:
    """Tags and lists of an action as the state keeps them."""
    found: Tags = dict(tags)  # type: ignore[arg-type]  # a platform is a text
    for platform, names in lists.items():
        found[platform + LISTS] = names
    return dict(sorted(found.items())) if lists else found


def _apart(tags: Tags) -> tuple[OfPlatforms, OfPlatforms]:
    """Tags, and lists."""
    found: tuple[OfPlatforms, OfPlatforms] = {}, {}
    for name, values in tags.items():
        platform: Platform = name.removesuffix(LISTS)  # type: ignore[assignment]  # a platform is a text
        found[platform != name][platform] = values
    return found


def _absent(
    told: dict[K, tuple[str, ...]], absent: dict[K, tuple[str, ...]], now: dict[K, tuple[str, ...]]
) -> dict[K, tuple[str, ...]]:
    """What we set once, now or earlier, and no longer want."""
    found: dict[K, tuple[str, ...]] = {}
    for name in (told | absent) if absent else told:
        once = {*told.get(name, ()), *absent.get(name, ())}
        if gone := once.difference(now.get(name, ())):
            found[name] = tuple(sorted(gone))
    return found
