"""A file of cases with the rules they are about: all of it played, or all that is wrong with it.

Which rules belong to a file is the caller's business; a case that cannot be played is a finding with its place.
"""

from dataclasses import dataclass

from headrace.golden.model import Case, Failure
from headrace.golden.play import Player, world_of
from headrace.golden.read import read_cases
from headrace.rules.findings import Enough, Finding, Report
from headrace.rules.load import LoadResult
from headrace.rules.yaml_source import Node
from headrace.segmentation.compiled import compile_rules


@dataclass(frozen=True, slots=True)
class Outcome:
    """`findings`: what is wrong with the rules or the cases themselves."""

    passed: int
    failures: tuple[Failure, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """All cases were played and are as expected."""
        return not self.failures and not any(finding.severity == "error" for finding in self.findings)


def run_suite(loaded: LoadResult, cases: Node, *, twice: bool = False) -> Outcome:
    """Plays the cases of a list by these rules. Rules that are refused are findings, and nothing is played."""
    if loaded.rule_set is None:
        return Outcome(0, (), tuple(finding for finding in loaded.findings if finding.severity == "error"))
    report, world, rules = Report(), world_of(loaded.rule_set), compile_rules(loaded.rule_set)
    failures: list[Failure] = []
    passed = 0
    try:
        for case in read_cases(cases, world, report):
            found = report.tried(_play, case, Player(rules, world, twice=twice))
            failures += found or ()
            passed += found == []
    except Enough:
        pass
    return Outcome(passed, tuple(failures), report.sorted())


def _play(case: Case, player: Player) -> list[Failure]:
    return player.play(case)
