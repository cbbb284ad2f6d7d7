"""Keeps our webhooks at the store alive while a process runs.

Making and waking them is in `hooks`.
"""

from typing import Final

from headrace.platforms.errors import VendorError
from headrace.runtime.health import STARTING
from headrace.runtime.process import Running
from services.ingest.hooks import ensure_hooks, header_of
from services.ingest.reader import Caller
from services.ingest.settings import StoreSettings
from services.ingest.vendor_troubles import Troubles, pause

AGAIN_S: Final = 600.0
"""The vendor puts a hook to sleep after two days of failures, or 90 days of silence."""


async def keep_hooks(caller: Caller, settings: StoreSettings, troubles: Troubles, running: Running) -> None:
    """Until cancelled. The process is ready only after the hooks were there once."""
    header = header_of(settings.bigcommerce_webhook_header)
    while settings.webhook_url is not None:
        try:
            await ensure_hooks(caller, settings.webhook_url, header)
        except VendorError as error:
            await troubles.wait(error, running.stopping)
            continue
        troubles.over()
        running.health.clear(STARTING)
        await pause(AGAIN_S, running.stopping)
        if running.stopping.is_set():
            return
    running.health.clear(STARTING)
