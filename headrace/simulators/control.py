"""The simulator's own endpoints under `/_sim`: truth, calls, faults, clock, what people do in the store, and what
its mail server and its webhook receiver got.

Names and shapes are those of `design/interface.md`; no vendor has these.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from headrace.simulators.bigcommerce.dates import parse_date
from headrace.simulators.call import Answer, Call, CallRefused, ok
from headrace.simulators.operations import Made, OperationRefused, apply_operation
from headrace.simulators.simulator import Simulator
from headrace.simulators.sinks import sink_control

SLICE: Final = 25
"""Operations between two turns of the event loop, so that calls and webhooks are served meanwhile."""


async def control(simulator: Simulator, call: Call) -> Answer:
    """The answer of one control endpoint."""
    try:
        return await _answer(simulator, call)
    except (OperationRefused, ValueError, TypeError, AttributeError, KeyError) as error:
        return _refused(str(error))
    except CallRefused:
        return _refused("the body is no JSON")


async def _answer(simulator: Simulator, call: Call) -> Answer:
    match call.method, call.path:
        case "GET", "/_sim/truth":
            return ok(_truth(simulator))
        case "GET", "/_sim/calls":
            return ok(_calls(simulator))
        case "GET", "/_sim/clock":
            return ok(_clock(simulator))
        case "POST", "/_sim/clock":
            return ok(_set_clock(simulator, call.json()))
        case "GET", "/_sim/faults":
            return ok({"waiting": len(simulator.faults.waiting)})
        case "POST", "/_sim/faults":
            entries = call.json()
            simulator.faults.order(entries if isinstance(entries, list) else [entries])
            return ok({"waiting": len(simulator.faults.waiting)})
        case "DELETE", "/_sim/faults":
            simulator.faults.clear()
            return ok({"waiting": 0, "released": simulator.hold.release()})
        case "POST", "/_sim/orders":
            return await _operate(simulator, call.json())
    missing = ok({"error": {"code": "not_found", "message": f"no {call.method} {call.path}"}}, 404)
    return await sink_control(simulator, call) or missing


async def _operate(simulator: Simulator, body: Mapping[str, Any]) -> Answer:
    made = Made()
    for index, entry in enumerate(body["operations"]):
        try:
            apply_operation(simulator.world, entry, made)
        except OperationRefused as refusal:
            error = {"code": "operation_refused", "message": str(refusal), "index": index}
            return ok({"error": error, **asdict(made)}, 422)
        if index % SLICE == SLICE - 1:
            await asyncio.sleep(0)
    return ok(asdict(made))


def _truth(simulator: Simulator) -> dict[str, Any]:
    world = simulator.world
    names = {row.id: row.name for row in world.people.attributes}
    customers: dict[str, dict[str, Any]] = {}
    for row in world.people.customers:
        member = world.audience.by_email(row.email)
        customers[str(row.id)] = {
            "group": world.people.group_name(row.group_id),
            "attributes": {names[value.attribute_id]: value.value for value in world.people.values_of(row.id)},
            "tags": [] if member is None else sorted(name for name, _ in member.tags),
        }
        if metafields := {f"{one.namespace}.{one.key}": one.value for one in world.metafields.of_customer(row.id)}:
            customers[str(row.id)]["metafields"] = metafields
    platforms = {name: vendor.truth() for name, vendor in simulator.vendors.items()}
    return {
        "customers": customers,
        "members": platforms["mailchimp"],
        "platforms": platforms,
        "coupons": world.coupons.truth(),
        "effects": world.effects.rows(),
    }


def _calls(simulator: Simulator) -> dict[str, Any]:
    calls, counts = simulator.calls, simulator.queue.counts
    windows = simulator.quota.windows(simulator.clock.elapsed())
    return {
        "total": calls.total,
        "by_route": dict(calls.by_route),
        "by_status": {str(status): count for status, count in calls.by_status.items()},
        "status_429": calls.by_status[429],
        "status_429_ours": calls.status_429_ours,
        "group_writes": asdict(simulator.writes.group),
        "attribute_writes": asdict(simulator.writes.attribute),
        "metafield_writes": asdict(simulator.writes.metafield),
        "unknown_customers": simulator.writes.unknown_customers,
        "effects": simulator.effects.totals(),
        "webhooks": asdict(counts),
        "quota": {
            "windows": [
                {"index": each.index, "ours": each.ours, "others": each.others, "quota": simulator.quota.quota}
                for each in windows
            ]
        },
        "highest_at_once": simulator.at_once.highest,
    }


def _clock(simulator: Simulator) -> dict[str, Any]:
    clock = simulator.clock
    now = clock.date().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"now": now, "speed": clock.speed, "elapsed_s": round(clock.elapsed(), 3)}


def _set_clock(simulator: Simulator, body: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(body) - {"advance_to", "speed"}
    if unknown:
        raise ValueError(f"unknown fields {sorted(unknown)}")
    if "advance_to" in body:
        simulator.clock.advance_to(parse_date(str(body["advance_to"])))
    if "speed" in body:
        simulator.clock.set_speed(float(body["speed"]))
        simulator.queue.woken()
    return _clock(simulator)


def _refused(message: str) -> Answer:
    return ok({"error": {"code": "bad_request", "message": message}}, 422)
