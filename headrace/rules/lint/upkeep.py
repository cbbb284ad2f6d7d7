"""What nobody looks after: groups no entry uses, reviews that are due, statuses a read may miss."""

from datetime import date

from headrace.rules.findings import quoted
from headrace.rules.lint.looking import Looking, all_entries
from headrace.rules.model import AssignGroup


def check_upkeep(looking: Looking) -> None:
    """All infos."""
    _unused_groups(looking)
    _reviews(looking)
    _statuses(looking)


def _unused_groups(looking: Looking) -> None:
    rule_set, reading = looking.rule_set, looking.reading
    used = {rung.group for ladder in rule_set.ladders for rung in ladder.rungs}
    used |= {segment.group for segment in rule_set.segments} | {rule_set.default_group}
    used |= {action.group for rule in rule_set.rules for action in rule.then if isinstance(action, AssignGroup)}
    for use in reading.groups:
        if use.name not in used:
            reading.report.add(
                "group_unused",
                use.place,
                f"no entry puts anybody into {quoted(use.name)}",
                "fine for a group that is given by pins only; else remove it, or write the entry",
            )


def _reviews(looking: Looking) -> None:
    if looking.today is None:
        return
    for entry in all_entries(looking.rule_set):
        if entry.review_by and date.fromisoformat(entry.review_by) < looking.today:
            looking.say(
                "review_overdue",
                entry,
                f"{entry.id} was to be reviewed by {entry.review_by}",
                "see with `headrace plan` and `rules status` whether it still does what it is for, then move review_by",
            )


def _statuses(looking: Looking) -> None:
    for rule in looking.rule_set.rules:
        when = rule.when
        if when.name == "order.status_changed" and when.to is not None:
            looking.say(
                "status_may_be_missed",
                rule,
                f"an order that passes {when.to} between two reads is not seen there",
                f"write when: {{order.reached: {when.to}}}: it fires when the order is first seen in that status",
            )
