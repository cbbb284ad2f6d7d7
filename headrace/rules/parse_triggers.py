"""The trigger of a rule: what stands under `when`, by name and narrowed.

What follows a trigger's name is read by the reader of what it takes (`TriggerSpec.takes`), one in `READERS` each.
"""

import re
from collections.abc import Callable
from typing import Final

from headrace.contracts.events import CUSTOM_PREFIX
from headrace.rules import scalars
from headrace.rules.catalogue import TRIGGERS, Takes, trigger_spec
from headrace.rules.findings import Place, Refused, did_you_mean, quoted
from headrace.rules.model import Trigger
from headrace.rules.names import attribute_name
from headrace.rules.parse_store import status
from headrace.rules.parse_time import schedule, time_reached
from headrace.rules.reading import Reading, keys, single_pair
from headrace.rules.yaml_source import Items, Mapping, Node

Read = Callable[[str, Node, Reading], Trigger]
_OWN_EVENT: Final = re.compile(r"custom\.[a-z0-9][a-z0-9_.-]{0,90}")


def trigger(node: Node, reading: Reading) -> Trigger:
    """`order.placed`, or `{order.status_changed: {from: x, to: y}}`."""
    if isinstance(node, Mapping):
        key, taken = single_pair(node, "when", "when: {order.status_changed: {from: x, to: y}}")
        name = _name(key.text, key.place)
        spec = trigger_spec(name)
        if spec.takes == "nothing":
            raise Refused(
                "wrong_shape", taken.place, f"{name} takes no options", f"write when: {name}; narrow it with if:"
            )
        return READERS[spec.takes](name, taken, reading)
    if isinstance(node, Items):
        raise Refused("wrong_shape", node.place, "a rule has one trigger, this is a list", "write one rule per trigger")
    name = _name(scalars.text(node, "when"), node.place)
    spec = trigger_spec(name)
    if spec.needs:
        raise Refused("missing_key", node.place, f"{name} does not say of what", f"write when: {spec.needs}")
    return Trigger(name=name)


def _name(name: str, place: Place) -> str:
    if name in TRIGGERS:
        return name
    if name.startswith(CUSTOM_PREFIX):
        return _own(name, place)
    otherwise = f"triggers are: {', '.join(TRIGGERS)}, and custom.<name> for your own events"
    hint = did_you_mean(name, tuple(TRIGGERS), otherwise=otherwise)
    raise Refused("unknown_trigger", place, f"there is no trigger {quoted(name)}", hint)


def _own(name: str, place: Place) -> str:
    if _OWN_EVENT.fullmatch(name):
        return name
    plain = re.sub(r"[^a-z0-9_.-]+", "_", name.removeprefix(CUSTOM_PREFIX).casefold()).strip("_.-")[:90]
    raise Refused(
        "unknown_trigger",
        place,
        f"{quoted(name)} is no name of an own event: small letters, digits, '-', '_' and '.' after custom.",
        f"write custom.{plain or 'visit'}, and send the event under that type",
    )


def _statuses(name: str, node: Node, reading: Reading) -> Trigger:
    found = keys(node, name, reading.report, known=("from", "to"))
    before = reading.report.tried(status, found["from"]) if "from" in found else None
    after = reading.report.tried(status, found["to"]) if "to" in found else None
    if before is not None and before == after:
        raise Refused("empty_range", found["to"].place, "a status does not change into itself", "write two statuses")
    return Trigger(name=name, from_=before, to=after)


def _status(name: str, node: Node, reading: Reading) -> Trigger:
    return Trigger(name=name, status=status(node))


def _attribute(name: str, node: Node, reading: Reading) -> Trigger:
    return Trigger(name=name, of=attribute_name(scalars.text(node, name), node.place))


def _groups(name: str, node: Node, reading: Reading) -> Trigger:
    found = keys(node, name, reading.report, known=("from", "to"))
    groups: dict[str, str] = {}
    for key, value in found.items():
        groups[key] = scalars.text(value, f"{key} of {name}")
        reading.use_member("customer.group", groups[key], value.place)
    if len(groups) == 2 and groups["from"] == groups["to"]:
        raise Refused("empty_range", found["to"].place, "a group does not change into itself", "write two groups")
    return Trigger(name=name, from_=groups.get("from"), to=groups.get("to"))


READERS: Final[dict[Takes, Read]] = {
    "attribute": _attribute,
    "cron": schedule,
    "groups": _groups,
    "statuses": _statuses,
    "status": _status,
    "time": time_reached,
}
"""By what the trigger takes, behind its name."""
