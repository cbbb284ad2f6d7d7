"""Counts of what was written to customers through the API, and of calls about people who are none, for `/_sim/calls`.

A write of the value that is there already is counted as unchanged.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Written:
    """Successful calls, customers in them, and those to whom they changed nothing."""

    calls: int = 0
    customers: int = 0
    unchanged: int = 0

    def add(self, customers: int, unchanged: int) -> None:
        """One call."""
        self.calls += 1
        self.customers += customers
        self.unchanged += unchanged


@dataclass(slots=True)
class Writes:
    """By what was written."""

    group: Written = field(default_factory=Written)
    attribute: Written = field(default_factory=Written)
    metafield: Written = field(default_factory=Written)
    unknown_customers: int = 0
    """How often a call named an id that no customer of the store has, to read or to write."""
