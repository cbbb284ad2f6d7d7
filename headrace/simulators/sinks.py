"""The control endpoints of the sinks: what the mail server and the webhook receiver got, and answers held back."""

from typing import Any

from headrace.simulators.call import Answer, Call, ok
from headrace.simulators.simulator import Simulator
from headrace.simulators.smtp import effect_key


async def sink_control(simulator: Simulator, call: Call) -> Answer | None:
    """The answer of one of these; None for another path. Raises ValueError, KeyError for what makes no sense."""
    match call.method, call.path:
        case "GET", "/_sim/held":
            return ok({"held": await _held(simulator, call)})
        case "POST", "/_sim/release":
            return ok({"released": simulator.hold.release(call.json().get("pause"))})
        case "GET", "/_sim/mails":
            return ok({"mails": _mails(simulator, call), "counts": simulator.mail.counts()})
        case "GET", "/_sim/hooks":
            name = call.query.get("name")
            rows = [each.shape() for each in simulator.receiver.requests if name in {None, each.name}]
            return ok({"requests": rows})
        case "POST", "/_sim/hooks":
            given = call.json()
            simulator.receiver.secrets[str(given.get("name", ""))] = str(given["secret"])
            return ok({"secrets": sorted(simulator.receiver.secrets)})
    return None


async def _held(simulator: Simulator, call: Call) -> list[dict[str, Any]]:
    """With `count`, waits until so many are held, at most `wait_s` real seconds."""
    count, wait_s = int(call.query.get("count", "0")), float(call.query.get("wait_s", "10"))
    return await simulator.hold.until(count, call.query.get("pause"), deadline_s=wait_s)


def _mails(simulator: Simulator, call: Call) -> list[dict[str, Any]]:
    """All, or those of an effect or to an address; `limit`: no more than so many, the newest."""
    wanted, to = call.query.get("id"), call.query.get("to")
    found = [
        mail.shape()
        for mail in simulator.mail.mails
        if (wanted is None or wanted in {mail.message_id, effect_key(mail.message_id)})
        and (to is None or to in mail.to)
    ]
    return found[-int(call.query.get("limit", "1000")) :]
