"""The webhooks we need at the store: made when missing, woken when the vendor has put them to sleep, corrected.

Which scopes those are is in `webhook`, what each hook needs in `hook_plan`; deliveries arrive at `receive`.
"""

from dataclasses import dataclass

from pydantic import SecretStr

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import Hook
from headrace.platforms.errors import Rejected, Unauthorized
from headrace.runtime.logs import log
from services.ingest.hook_plan import HookPlan, Wanted, plan_hooks
from services.ingest.reader import Caller, StoreReader
from services.ingest.webhook import CART_SCOPES, NEEDED_SCOPES


@dataclass(frozen=True, slots=True)
class Done:
    """Scopes: hooks made, woken, corrected; `left_out`: those the token may not hear of, and we can do without."""

    created: tuple[str, ...] = ()
    activated: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def scopes() -> list[str]:
    """What we subscribe to."""
    return list(NEEDED_SCOPES)


def header_of(setting: SecretStr | None) -> dict[str, str]:
    """`Name: value` as the header of the hooks we make; none without it."""
    if setting is None:
        return {}
    name, _, value = setting.get_secret_value().partition(":")
    return {name.strip(): value.strip()}


async def ensure_hooks(caller: Caller, destination: str, header: dict[str, str]) -> int:
    """Makes, wakes and corrects the hooks of this destination; returns how many. Raises the vendor's errors."""
    done = await carry_out(caller, wanted := Wanted(destination, scopes(), header), await read_plan(caller, wanted))
    return len(done.created) + len(done.activated) + len(done.updated)


async def read_plan(caller: Caller, wanted: Wanted) -> HookPlan:
    """What the store's hooks need. Raises the vendor's errors."""
    return plan_hooks(await read_hooks(caller), wanted)


async def read_hooks(caller: Caller) -> list[Hook]:
    """Every hook of our credentials. Raises the vendor's errors."""
    rows = [each.row for each in await StoreReader(caller).every_page(bigcommerce.hooks)]
    return [hook for row in rows if (hook := bigcommerce.hook_of(row)) is not None]


async def carry_out(caller: Caller, wanted: Wanted, plan: HookPlan) -> Done:
    """Does what the plan says. Raises the vendor's errors."""
    for hook in plan.activate:
        await caller.call(bigcommerce.activate_hook(hook.id))
        log.warning("hook.activated", hook=hook.id)
    for hook in plan.update:
        headers = wanted.headers_of(hook)
        await caller.call(bigcommerce.update_hook(hook.id, destination=wanted.destination, headers=headers))
        log.warning("hook.updated", hook=hook.id, scope=hook.scope)
    created, left_out = [], []
    for scope in plan.create:
        made = await _make(caller, scope, wanted)
        if made is None:
            left_out.append(scope)
        elif made:
            created.append(scope)
    return Done(
        tuple(created),
        tuple(hook.scope for hook in plan.activate),
        tuple(hook.scope for hook in plan.update),
        tuple(left_out),
    )


async def _make(caller: Caller, scope: str, wanted: Wanted) -> bool | None:
    """False: somebody else made it meanwhile; None: the token may not have it."""
    try:
        await caller.call(bigcommerce.create_hook(scope, wanted.destination, wanted.headers))
    except Unauthorized as error:
        if scope not in CART_SCOPES or not error.forbidden:
            raise
        log.warning("hook.left_out", scope=scope)
        return None
    except Rejected as error:
        if error.status not in (409, 422) or scope in (await read_plan(caller, wanted)).create:
            raise
        return False
    log.info("hook.created", scope=scope)
    return True
