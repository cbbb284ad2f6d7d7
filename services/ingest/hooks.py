"""The webhooks we need at the store: made when missing, woken when the vendor has put them to sleep.

Which scopes those are is in `webhook`; deliveries arrive at `receive`.
"""

from collections.abc import Sequence
from typing import Any

from headrace.platforms import bigcommerce
from headrace.platforms.errors import Rejected, Unauthorized
from headrace.runtime.logs import log
from services.ingest.reader import Caller, StoreReader
from services.ingest.webhook import CART_SCOPES, NEEDED_SCOPES


def scopes() -> list[str]:
    """What we subscribe to."""
    return list(NEEDED_SCOPES)


async def ensure_hooks(caller: Caller, destination: str, header: tuple[str, str] | None) -> int:
    """Makes and wakes what is missing for this destination; returns how many. Raises the vendor's errors."""
    ours = await _ours(caller, destination)
    sleeping = [int(row["id"]) for row in ours.values() if row.get("is_active") is False]
    for hook_id in sleeping:
        await caller.call(bigcommerce.activate_hook(hook_id))
        log.warning("hook.activated", hook=hook_id)
    missing = [scope for scope in scopes() if scope not in ours]
    return len(sleeping) + await _make(caller, missing, destination, header)


async def _ours(caller: Caller, destination: str) -> dict[str, dict[str, Any]]:
    rows = [each.row for each in await StoreReader(caller).every_page(bigcommerce.hooks)]
    return {str(row.get("scope")): row for row in rows if row.get("destination") == destination}


async def _make(caller: Caller, missing: Sequence[str], destination: str, header: tuple[str, str] | None) -> int:
    made = 0
    for scope in missing:
        try:
            await caller.call(bigcommerce.create_hook(scope, destination, dict([header]) if header else None))
        except Unauthorized as error:
            if scope not in CART_SCOPES or not error.forbidden:
                raise
            log.warning("hook.left_out", scope=scope)
            continue
        except Rejected as error:
            if error.status not in (409, 422) or scope not in await _ours(caller, destination):
                raise
            continue  # somebody else made it meanwhile
        made += 1
        log.info("hook.created", scope=scope)
    return made
