"""A customer put into another group in the store, by a person or another system, after the store had the one we wanted.

What is done about it is the rule set's `drift`; what has not arrived in the store yet, and what is our own writes'
late echo, is no drift.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.history import newest_first
from headrace.segmentation.pages import Pages
from headrace.segmentation.pins import can_be_pinned
from headrace.segmentation.state import Pin, Profile, State
from headrace.segmentation.verdicts import Verdict

REASON: Final = "changed in the store"
WRITES_TAKE: Final = timedelta(hours=24)
"""A group told longer ago than this is not written any more: an outage of the store, or a long queue, is over."""
SETTLED_AFTER: Final = timedelta(seconds=60)
"""A change so soon after the store had the group we wanted may still be a write of ours that was on its way."""
NEW_CUSTOMER: Final = timedelta(hours=1)
"""The store gives a new customer its default group by itself, at a time of its own."""


def moved_to(before: State, after: State, pages: Pages, default_group: str = "") -> str | None:
    """The group the store has now ("" for none), where it had the desired one, or one that somebody had moved the
    customer to; None: nobody moved anybody."""
    was, now = before.profile, after.profile
    if was is now or was is None or now is None:
        return None
    told = before.emitted
    if not told.group_known or told.group is None or now.group in (was.group, told.group):
        return None
    if was.group != told.group and not is_moved_away(before, pages):
        return None
    if now.group is None or _is_given_by_the_store(now, default_group) or _may_be_ours(before, was, now, pages):
        return None
    return now.group


def is_moved_away(state: State, pages: Pages) -> bool:
    """True when somebody moved the customer after the newest change of the desired group."""
    kinds = (change.kind for change in newest_first(state, pages))
    return next((kind == "drift" for kind in kinds if kind in {"group", "drift"}), False)


def _is_given_by_the_store(now: Profile, default_group: str) -> bool:
    return now.group == default_group != "" and now.modified_at < now.created_at + NEW_CUSTOMER


def _may_be_ours(before: State, was: Profile, now: Profile, pages: Pages) -> bool:
    """True where we told this group not long ago and the write of it may only now have arrived.

    It has arrived before, for sure, when the store has had the newest since: changed after we told it, and told once.
    """
    told = _told_lately(before, now.modified_at - WRITES_TAKE, pages)
    earlier = [group for _, group in told[:-1]]
    if now.group not in earlier:
        return False
    told_at, newest = told[-1]
    if newest in earlier:  # which of its writes the store had, nobody can say
        return now.group in earlier[earlier.index(newest) :]
    seen_since = told_at is not None and was.modified_at >= told_at
    return not seen_since or now.modified_at <= was.modified_at + SETTLED_AFTER


def _told_lately(state: State, since: datetime, pages: Pages) -> list[tuple[datetime | None, str]]:
    """Groups told since then, and the one before them, oldest first; the last is the desired one."""
    told = list[tuple[datetime | None, str]]()
    for one in newest_first(state, pages):
        if one.kind == "group" and one.entered:
            told.append((one.at, one.name))
            if one.at is not None and one.at < since:
                break
    return told[::-1]


def pinned_there(state: State, rules: CompiledRules, group: str) -> State:
    """The customer pinned to the group the store has, where it is one of ours; else as it was."""
    name = group if rules.names is None else rules.names.to_rules(group)
    if state.profile is None or not can_be_pinned(name, rules.groups, rules.rule_set.default_group):
        return state
    return replace(state, pin=Pin(name, REASON, state.profile.modified_at))


def drift_verdict(group: str, rules: CompiledRules) -> Verdict:
    """That somebody moved the customer, and what the rule set says to it."""
    said = {
        "report": "it stays there until the desired group changes",
        "overwrite": "the desired group is written again",
        "pin": "that is taken as a pin",
    }
    name = group if rules.names is None else rules.names.to_rules(group)
    return Verdict("drift", "drifted", f"the store has {name or 'no group'} now; {said[rules.rule_set.drift]}")
