"""What rules ask of consumers of the merchant's own, held against what those take.

Which consumers there are, and how one reads its data, is the caller's to know.
"""

from collections.abc import Callable, Mapping
from typing import Any

from headrace.rules.findings import did_you_mean, quoted
from headrace.rules.reading import Reading

Consumers = Mapping[str, Callable[[Mapping[str, Any]], str | None]]
"""Name -> what is wrong with what a rule says to it; None: nothing."""


def check_consumers(reading: Reading, consumers: Consumers) -> None:
    """Records what a consumer would refuse, and those that nobody knows."""
    for use, given in reading.own_effects:
        takes = consumers.get(use.name)
        if takes is None:
            known = ", ".join(sorted(consumers)) or "none"
            hint = did_you_mean(
                use.name, sorted(consumers), otherwise=f"installed here: {known}; what it is told cannot be checked"
            )
            message = f"no consumer {quoted(use.name)} is installed here"
            reading.report.add("consumer_unknown", use.place, message, hint, id=use.entry)
        elif (wrong := takes(given)) is not None:
            message = f"{use.name} does not take this: {wrong}"
            hint = "write what the consumer takes; `headrace consume --json` shows its schema"
            reading.report.add("consumer_refuses", use.place, message, hint, id=use.entry)
