"""What `headrace pin` would refuse is refused as a step of a case too: it could not happen."""

from datetime import datetime

from headrace.golden.model import Step
from headrace.rules.findings import Refused, did_you_mean, quoted
from headrace.segmentation.compiled import CompiledRules


def check_pin(step: Step, rules: CompiledRules | None, now: datetime) -> None:
    """Raises `Refused` for a group that the rules in force then do not have, and for a pin that is over already."""
    group, until = step.fields["group"], step.fields.get("until")
    names = () if rules is None else tuple(known.name for known in rules.rule_set.groups)
    if group not in names:
        hint = did_you_mean(group, names, otherwise=f"groups are: {', '.join(names) or 'none'}")
        raise Refused("case_impossible", step.place, f"{quoted(group)} is not a group of the rules in force here", hint)
    if until is not None and until <= now:
        raise Refused(
            "case_impossible",
            step.place,
            f"this pin is over before it begins: it is {now:%Y-%m-%d %H:%M:%S} UTC here",
            "write a later until, or none: then it holds until a step unpin",
        )
