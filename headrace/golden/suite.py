"""A file of cases with the rules they are about: all of it played, or all that is wrong with it.

Which rules belong to a file is the caller's business; a case that cannot be played is a finding with its place.
"""

from dataclasses import dataclass

from headrace.golden.model import Case, Failure
from headrace.golden.play import Player, world_of
from headrace.golden.read import read_cases
from headrace.rules.findings import Enough, Finding, Report
from headrace.rules.load import LoadResult, Source, load_texts
from headrace.rules.yaml_source import Items, Mapping, Node, Scalar
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


def run_suite(loaded: LoadResult | None, cases: Node, *, twice: bool = False) -> Outcome:
    """Plays the cases of a list by these rules. Rules that are refused are findings, and nothing is played.

    `loaded` None: there are no rules until a step of the case brings some.
    """
    known = loaded or load_texts([Source("rules", _first_rules(cases))])
    if known.rule_set is None:
        return Outcome(0, (), tuple(finding for finding in known.findings if finding.severity == "error"))
    report, world = Report(), world_of(known.rule_set)
    rules = None if loaded is None else compile_rules(known.rule_set)
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


def _first_rules(cases: Node) -> str:
    """The rules that the first step with rules brings: by their currency and zone the cases are read."""
    for case in cases.items if isinstance(cases, Items) else ():
        history = case.get("history") if isinstance(case, Mapping) else None
        for step in history.items if isinstance(history, Items) else ():
            rules = step.get("rules") if isinstance(step, Mapping) else None
            if isinstance(rules, Scalar):
                return rules.text
    return ""


def _play(case: Case, player: Player) -> list[Failure]:
    return player.play(case)
