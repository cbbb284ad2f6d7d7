"""A plan for people: who moves where, what else changes, what it costs, what to mind. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from headrace.contracts.money import format_money

SHOWN: Final = 20
"""Moves and labels that are listed; the rest is counted."""
Plan = Mapping[str, Any]


def plan_text(plan: Plan, file: str | None) -> str:
    """`file`: where the plan was written."""
    return "\n".join(
        [*_head(plan), *_moves(plan), *_segments(plan), *_labels(plan), *_effects(plan), *_tail(plan, file)]
    )


def _head(plan: Plan) -> Iterator[str]:
    base = f"version {plan['base_version']}" if plan["base_version"] else "no rule set yet"
    yield f"{plan['customers']:,} customers, compared with {base}"
    if not plan["changed"]:
        yield "nobody would change"
        return
    yield (
        f"{plan['changed']:,} would change, {plan['moved']:,} of them their group"
        f" (lifetime spend {_money(plan['spend'])})"
    )


def _moves(plan: Plan) -> Iterator[str]:
    moves = plan["moves"]
    if moves:
        yield "\nmoves"
    width = max((len(_move(move)) for move in moves[:SHOWN]), default=0)
    for move in moves[:SHOWN]:
        yield (
            f"  {_move(move):<{width}}  {move['count']:>9,}  spend {_money(move['spend'])}"
            f"  such as {', '.join(move['sample'])}"
        )
    if len(moves) > SHOWN:
        yield f"  and {len(moves) - SHOWN} more kinds of moves"


def _segments(plan: Plan) -> Iterator[str]:
    changed = [one for one in plan["segments"] if one["entered"] or one["left"]]
    if changed:
        yield "\nsegments"
    width = max((len(one["id"]) for one in changed), default=0)
    for one in changed:
        unset = f", {one['only_by_unset']:,} only by an unset value" if one["only_by_unset"] else ""
        yield f"  {one['id']:<{width}}  +{one['entered']:,} -{one['left']:,}, then {one['members']:,}{unset}"


def _labels(plan: Plan) -> Iterator[str]:
    if plan["attributes"] or plan["tags"]:
        yield f"\nattributes of {plan['attributes']:,} customers, tags of {plan['tags']:,}"
    labels = plan["labels"]
    for one in labels[:SHOWN]:
        sign = "+" if one["change"] == "added" else "-"
        yield f"  {sign}{one['count']:,}  {one['label']} {one['value']}"
    if len(labels) > SHOWN:
        yield f"  and {len(labels) - SHOWN} more"


def _effects(plan: Plan) -> Iterator[str]:
    if plan["effects"]:
        yield "\neffects are not released, unless apply is told to"
    for one in plan["effects"]:
        yield f"  --send-effects {one['rule']}: {one['count']:,}"


def _tail(plan: Plan, file: str | None) -> Iterator[str]:
    if plan["vendor_calls"]:
        calls = ", ".join(f"{count:,} calls to {vendor}" for vendor, count in plan["calls"].items())
        yield f"\nabout {calls}: {plan['minutes']:g} minutes at our share of the store's quota"
    for warning in plan["warnings"]:
        yield f"\nwarning: {warning}"
    yield "\nnothing was changed" + (f"; `headrace apply {file}` puts these rules in force" if file else "")


def _move(move: Mapping[str, Any]) -> str:
    return f"{_group(move['from'])} -> {_group(move['to'])}"


def _group(name: str | None) -> str:
    return "(unknown)" if name is None else name or "(no group)"


def _money(amount: Mapping[str, Any]) -> str:
    return format_money(amount["amount_minor"], amount["currency"])
