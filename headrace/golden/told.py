"""Actions in short words, for cases that say everything the sinks were told, in order (`actions:`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.contracts.actions import Desired, DesiredAttributes, DesiredContact, DesiredEmailTags, DesiredGroup
from headrace.rules.group_names import GroupNames


def said(action: Desired, names: GroupNames | None) -> Iterator[str]:
    """`group Gold`, `attributes tier=VIP without tier=Gold`, `tags mailchimp=VIP`, `contact`."""
    match action:
        case DesiredGroup(value=value):
            value = value if names is None else names.to_rules(value)
            yield "group untouched" if value is None else f"group {value or '(none)'}"
        case DesiredAttributes(present=present, absent=absent):
            yield f"attributes {_labels(present)}" + (f" without {_labels(absent)}" if absent else "")
        case DesiredEmailTags():
            yield f"tags {_labels(action.present)}" + (f" without {_labels(action.absent)}" if action.absent else "")
            if action.lists or action.lists_absent:
                gone = f" without {_labels(action.lists_absent)}" if action.lists_absent else ""
                yield f"lists {_labels(action.lists)}{gone}"
        case DesiredContact(deleted=deleted):
            yield "contact deleted" if deleted else "contact"


def _labels(labels: Mapping[Any, tuple[str, ...]]) -> str:
    return " ".join(f"{name}={','.join(values)}" for name, values in labels.items()) or "(none)"
