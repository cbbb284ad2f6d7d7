"""What `headrace groups` says: the plan and what became of it, as an object and as text."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from headrace.cli.store_groups import Applied
from headrace.platforms.bigcommerce import CategoryAccess, DiscountRule, discount_json
from headrace.platforms.bigcommerce.group_plan import Change, GroupPlan


def as_object(
    store: str, plan: GroupPlan, applied: Sequence[Applied] | None = None, after: GroupPlan | None = None
) -> dict[str, Any]:
    """The object of --json. `applied` None: nothing was to be done."""
    shape: dict[str, Any] = {
        "store": store,
        "changes": [_change(change) for change in plan.changes],
        "unchanged": list(plan.unchanged),
        "unmanaged": list(plan.unmanaged),
        "problems": [asdict(problem) for problem in plan.problems],
    }
    if applied is None or after is None:
        return {"ok": not plan.problems, **shape}
    for entry, one in zip(shape["changes"], applied, strict=False):
        entry |= {"outcome": one.outcome, "message": one.message}
    remaining = [_change(change) for change in after.changes]
    ok = not after.problems and not remaining and all(one.outcome in ("done", "unknown") for one in applied)
    return {"ok": ok, **shape, "remaining": remaining}


def plan_text(plan: GroupPlan) -> str:
    """A line for each group, what would change below it."""
    lines = [line for change in plan.changes for line in _lines(change)]
    lines += _problems(plan)
    if not plan.changes and not plan.problems:
        lines.append("nothing to do: the store's groups are as the rules want them")
    lines += _unmanaged(plan)
    return "\n".join(lines)


def applied_text(plan: GroupPlan, applied: Sequence[Applied], after: GroupPlan) -> str:
    """What was done, what was not, and what still differs."""
    if plan.problems:
        return "\n".join([*_problems(plan), "nothing was changed"])
    if not applied:
        return plan_text(plan)
    words = {"create": "created", "update": "changed"}
    lines = []
    for one in applied:
        verb = words[one.change.action] if one.outcome in ("done", "partly") else f"{one.outcome}:"
        lines.append(f"{verb} {one.change.name}" + (f": {one.message}" if one.message else ""))
    if after.changes:
        lines += ["still to do:", *(f"  {line}" for change in after.changes for line in _lines(change))]
        lines.append("run it once more, or see what else writes the store's groups")
    return "\n".join(lines)


def _change(change: Change) -> dict[str, Any]:
    before = change.before
    fields: list[dict[str, Any]] = []
    if change.access is not None:
        was = None if before is None else _access(before.access)
        fields.append({"field": "categories", "before": was, "after": _access(change.access)})
    if change.discounts is not None:
        held = None if before is None else [discount_json(rule) for rule in before.discounts]
        wanted = [discount_json(rule) for rule in change.discounts]
        fields.append({"field": "discounts", "before": held, "after": wanted})
    identity = {"action": change.action, "group": change.name, "id": None if before is None else before.id}
    return {**identity, "fields": fields}


def _access(access: CategoryAccess) -> str | list[int]:
    return sorted(access.categories) if access.kind == "specific" else access.kind


def _lines(change: Change) -> Iterator[str]:
    before = change.before
    yield f"{'+ create' if before is None else '~ change'} {change.name}"
    if change.access is not None:
        was = f"{_access_text(before.access)} -> " if before else ""
        yield f"    categories: {was}{_access_text(change.access)}"
    if change.discounts is not None:
        was = f"{_discounts_text(before.discounts)} -> " if before else ""
        yield f"    discounts: {was}{_discounts_text(change.discounts)}"


def _access_text(access: CategoryAccess) -> str:
    return ", ".join(f"#{number}" for number in sorted(access.categories)) or access.kind


def _discounts_text(rules: Sequence[DiscountRule]) -> str:
    return ", ".join(_rule_text(rule) for rule in rules) or "none"


def _rule_text(rule: DiscountRule) -> str:
    if rule.target == "price_list":
        return f"price list #{rule.target_id}"
    of = "everything" if rule.target == "all" else f"{rule.target} #{rule.target_id}"
    amount = f"{rule.amount.normalize():f}" if rule.amount is not None else "?"
    match rule.method:
        case "percent":
            return f"{amount} % off {of}"
        case "price":
            return f"{of} at {amount}"
        case _:
            return f"{amount} off {of}"


def _problems(plan: GroupPlan) -> list[str]:
    return [f"! {each.group}: {each.message}\n    hint: {each.hint}" for each in plan.problems]


def _unmanaged(plan: GroupPlan) -> list[str]:
    return [f"left alone, as no rule names them: {', '.join(plan.unmanaged)}"] if plan.unmanaged else []
