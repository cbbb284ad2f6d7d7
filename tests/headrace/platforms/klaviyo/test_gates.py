"""Each endpoint has a door of its own."""

from headrace.platforms import klaviyo
from headrace.platforms.gate import GateClosed
from headrace.platforms.http import Request
from headrace.platforms.klaviyo.gates import Gates


async def entered(gates: Gates, request: Request) -> bool:
    """True when a call may go out at once."""
    try:
        await gates(request).enter(0.0)
    except GateClosed:
        return False
    return True


async def test_gates__one_endpoint_used_up__the_others_stay_open() -> None:
    gates = Gates(0.2)
    add, take = klaviyo.add_to_list("L", ["01A"]), klaviyo.remove_from_list("M", ["01A"])
    assert [await entered(gates, add) for _ in range(3)] == [True, True, False]
    assert await entered(gates, take)


async def test_gates__reply_says_that_nothing_is_left__closes_that_door() -> None:
    gates = Gates(1.0)
    request = klaviyo.upsert_profile("a@b.example")
    ticket = await gates(request).enter()
    gates(request).leave(ticket, {"ratelimit-remaining": "0", "ratelimit-reset": "30"})
    assert not await entered(gates, request)
    assert await entered(gates, klaviyo.profiles_by_email(["a@b.example"]))
