"""What the counts come to under a rule set: coverage, fields nobody reads, doubles, sources that have gone silent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, Final

from headrace.rules.group_names import GroupNames, names_of
from headrace.rules.model import AllOf, AnyOf, Condition, Each, Leaf, Not, RuleSet
from headrace.segmentation.audit.tally import DAY_S, FIELDS, FORM, ORDERS, Tally, day_of

SHOWN: Final = 20
RARE: Final = 0.05
"""A field that rules read and fewer customers than this have says little of the others."""
COMMON: Final = 0.01
"""A field that as many have is worth a word when no rule reads it."""
TINY: Final = 10
"""Members below which nothing can be learnt of a segment."""
_ENOUGH_DAYS: Final = 10
"""Days on which something came, before its usual pauses are known."""
_LOOKED_BACK: Final = 90
_PATIENCE: Final = 3
"""So many usual pauses long is nobody silent by chance."""
_DECLARED: Final = {
    "customer.gender": "customer.form.gender",
    "customer.marital_status": "customer.form.marital_status",
    "customer.education": "customer.form.education",
    "customer.income": "customer.form.income",
    "customer.email_domain": "customer.email",
}
"""Names that rules have for what is kept under another."""

Finding = dict[str, str]


def report(tally: Tally, rule_set: RuleSet | None, now: datetime | None) -> dict[str, Any]:
    """The verb's object. `now`: the store's clock; None before its first: then nothing is called silent."""
    readers = readers_of(rule_set)
    coverage, sources = list(_coverage(tally, readers)), list(_sources(tally, now))
    doubles, memberships = _doubles(tally), list(_memberships(tally, rule_set))
    return {
        "customers": tally.customers,
        "guests": tally.guests,
        "unreadable": tally.unreadable,
        "at": None if now is None else now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "duplicates": doubles,
        "coverage": coverage,
        "sources": sources,
        "memberships": memberships,
        "findings": list(_findings(tally, doubles, coverage, sources, memberships)),
    }


def readers_of(rule_set: RuleSet | None) -> dict[str, list[str]]:
    """Field -> the entries whose conditions read it, as `segment:vip`."""
    found: dict[str, list[str]] = {}
    if rule_set is None:
        return found
    entries: list[tuple[str, Condition | None]] = [(f"segment:{one.id}", one.who) for one in rule_set.segments]
    entries += [(f"rule:{one.id}", one.if_) for one in rule_set.rules]
    for source, condition in entries:
        for name in dict.fromkeys(_fields(condition)):
            found.setdefault(name, []).append(source)
    return found


def _fields(condition: Condition | None) -> Iterator[str]:
    match condition:
        case None:
            return
        case AllOf(of=of) | AnyOf(of=of):
            for part in of:
                yield from _fields(part)
        case Not(of=part):
            yield from _fields(part)
        case Each(field=name, of=of):
            yield name
            yield from (f"{name}.{inner}" for inner in _fields(of))
        case Leaf(field=name):
            yield _DECLARED.get(name, name)


def _coverage(tally: Tally, readers: Mapping[str, list[str]]) -> Iterator[dict[str, Any]]:
    names = [*FIELDS, *sorted(name for name in tally.filled if name.startswith(FORM))]
    for name in names:
        count = tally.filled[name]
        share = count / tally.customers if tally.customers else 0.0
        yield {"field": name, "set": count, "share": round(share, 4), "read_by": readers.get(name, [])}


def _doubles(tally: Tally) -> list[dict[str, Any]]:
    found = []
    for what, by_digest in sorted(tally.alike.items()):
        several = [sorted(customers) for customers in by_digest.values() if len(customers) > 1]
        if several:
            several.sort(key=lambda customers: (-len(customers), customers))
            sets = [{"customers": customers[:SHOWN], "count": len(customers)} for customers in several[:SHOWN]]
            found.append({"alike_in": what, "count": len(several), "sets": sets})
    return found


def _sources(tally: Tally, now: datetime | None) -> Iterator[dict[str, Any]]:
    for source, days in sorted(tally.days.items()):
        present = sorted(day for day in days if days[day])
        if not present:
            continue
        usual = _usual_pause(present)
        silent = None if now is None else max(0, day_of(now) - present[-1])
        yield {
            "source": source,
            "count": tally.orders if source == ORDERS else sum(days.values()),
            "last_day": _date(present[-1]),
            "usual_pause_days": usual,
            "silent_days": silent,
            "silent": silent is not None and usual is not None and silent > _PATIENCE * usual,
        }


def _usual_pause(days: list[int]) -> int | None:
    """The longest pause of late, cut down to what a single holiday can do to it; None while too little is known."""
    late = days[-_LOOKED_BACK:]
    if len(late) < _ENOUGH_DAYS:
        return None
    pauses = sorted(after - before for before, after in pairwise(late))
    longest_but_one = pauses[-2] if len(pauses) > 1 else pauses[-1]
    return int(max(median(pauses), longest_but_one))


def _memberships(tally: Tally, rule_set: RuleSet | None) -> Iterator[dict[str, Any]]:
    known = [] if rule_set is None else [f"segment:{one.id}" for one in rule_set.segments]
    members, names = tally.members, None if rule_set is None else names_of(rule_set)
    if names is not None:
        members = Counter({_in_rules(name, names): count for name, count in members.items()})
    for name in dict.fromkeys([*known, *sorted(members)]):
        yield {"name": name, "members": members[name]}


def _in_rules(name: str, names: GroupNames) -> str:
    kind, _, of = name.partition(":")
    return f"group:{names.to_rules(of)}" if kind == "group" else name


def _findings(
    tally: Tally,
    doubles: Iterable[Mapping[str, Any]],
    coverage: Iterable[Mapping[str, Any]],
    sources: Iterable[Mapping[str, Any]],
    memberships: Iterable[Mapping[str, Any]],
) -> Iterator[Finding]:
    for one in sources:
        if one["silent"]:
            yield _finding(
                "silent_source",
                "warning",
                f"no {one['source']} since {one['last_day']}, {one['silent_days']} days ago;"
                f" before, no pause was longer than {one['usual_pause_days']}",
                "see that webhooks are active (headrace hooks sync), that feed runs, that the store still sends them",
            )
    for one in doubles:
        yield _finding(
            "duplicates",
            "warning",
            f"{one['count']:,} times several customers have the same {one['alike_in']},"
            f" such as {', '.join(one['sets'][0]['customers'][:3])}",
            "spend of one person under two keys earns neither what both would: merge the accounts in the store",
        )
    for one in coverage if tally.customers else ():
        if one["read_by"] and one["share"] < RARE:
            yield _finding(
                "rarely_set",
                "warning",
                f"{one['field']}, read by {', '.join(one['read_by'][:3])}, is known of {one['set']:,} of"
                f" {tally.customers:,} customers",
                "collect it, or let the rules say what shall hold for the others (is_unset)",
            )
    idle = [one for one in coverage if not one["read_by"] and one["share"] >= COMMON and one["field"] not in _NEEDED]
    if tally.customers and idle:
        named = (f"{one['field']} ({one['share']:.0%} have it)" for one in idle)
        yield _finding(
            "not_read",
            "info",
            f"no rule reads {', '.join(named)}",
            "use them, or do not ask customers for them",
        )
    tiny = [one for one in memberships if one["name"].startswith("segment:") and one["members"] < TINY]
    if tiny:
        named = (f"{one['name'].removeprefix('segment:')} ({one['members']})" for one in tiny)
        yield _finding(
            "tiny",
            "info",
            f"segments with fewer than {TINY} members: {', '.join(named)}",
            "too few to learn anything of them; headrace explain CUSTOMER says what keeps somebody out",
        )


_NEEDED: Final = frozenset({"customer.email", "customer.first_name", "customer.last_name", "customer.addresses"})
"""What a shop needs anyway."""


def _finding(code: str, severity: str, message: str, hint: str) -> Finding:
    return {"code": code, "severity": severity, "message": message, "hint": hint}


def _date(day: int) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(seconds=day * DAY_S)).date().isoformat()
