"""Lint: what a rule set that can be read probably does not mean. Warnings and infos only; one file a kind of mistake.

A finding's place is that of the test it is about, where there is one, else of the entry.
"""

from datetime import date

from headrace.rules.lint.lasting import check_lasting
from headrace.rules.lint.looking import Looking
from headrace.rules.lint.never import check_never
from headrace.rules.lint.shadows import check_shadows
from headrace.rules.lint.texts import check_texts
from headrace.rules.lint.tiers import check_tiers
from headrace.rules.lint.upkeep import check_upkeep
from headrace.rules.lint.waiting import check_waiting
from headrace.rules.model import RuleSet
from headrace.rules.reading import Reading


def lint(rule_set: RuleSet, reading: Reading, today: date | None = None) -> None:
    """Record what a readable rule set probably does not mean. `today`: for reviews that are due."""
    looking = Looking(rule_set, reading, today)
    check_tiers(looking)
    never = check_never(looking)
    check_lasting(looking, never)
    check_waiting(looking)
    check_shadows(looking)
    check_texts(looking)
    check_upkeep(looking)
