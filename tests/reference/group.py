"""One group per customer: which claim wins, and whether the customer is ours to move."""

from datetime import datetime

from headrace.rules.model import RuleSet


def choose(claims: list[tuple[str, str, datetime]], rules: RuleSet) -> str | None:
    """Of (group, source, newest fact) the highest in the order; of equals the newest fact, then the first source."""
    for equals in rules.group_order:
        running = [claim for claim in claims if claim[0] in equals]
        if running:
            newest = max(at for _, _, at in running)
            return min((claim for claim in running if claim[2] == newest), key=lambda claim: claim[1])[0]
    return None


def is_ours(observed: str, rules: RuleSet, wanted: set[str]) -> bool:
    """The store has the customer in no group, in one of the rules, or in one we once wanted."""
    return observed in {"", rules.default_group, *(group.name for group in rules.groups), *wanted}
