"""What `headrace hooks sync` starts here: one pass over the store's webhooks, one JSON object on stdout.

Its text for people is made by the verb itself (`headrace.cli.hooks`).
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from headrace.platforms import bigcommerce
from headrace.platforms.bigcommerce import DeliveryHealth, Hook
from headrace.platforms.errors import Rejected, Unauthorized, VendorError
from headrace.platforms.store import make_bigcommerce
from headrace.runtime.logs import configure_logs
from headrace.runtime.parent import watch_parent
from headrace.runtime.retry import RetryPolicy
from headrace.runtime.settings import SettingsError, load_settings, settings_hint, variable
from headrace.runtime.stores import one_store
from services.ingest.hook_plan import HookPlan, Wanted, plan_hooks
from services.ingest.hooks import Done, carry_out, header_of, read_hooks, scopes
from services.ingest.reader import Caller
from services.ingest.settings import HookSettings
from services.ingest.stores import check_webhook_url
from services.ingest.verb_hints import where_to_set

EXIT_NOT_IN_ORDER: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNAVAILABLE: Final = 3
EXIT_INTERRUPTED: Final = 130
_RETRY: Final = RetryPolicy(first_delay_s=0.5, max_delay_s=15.0, deadline_s=45.0)
_WEIGHT: Final = 0.05
"""Of our share of the store's quota, beside what the services have: for more, it waits until they leave it."""
Result = dict[str, Any]


def run_verb(words: Sequence[str]) -> int:
    """Runs it; its exit code. 1: hooks are not in order, or the destination is blocked."""
    given = _parser().parse_args(words)
    configure_logs("hooks", os.environ.get("HEADRACE_LOG_LEVEL") or "warning")
    if parent := os.environ.get(variable("parent_pid")):
        watch_parent(int(parent), lambda: os._exit(EXIT_INTERRUPTED))
    try:
        check_webhook_url(one_store())
        settings = load_settings(HookSettings)
        result = asyncio.run(_run(settings, given.moved_from, dry_run=given.dry_run))
    except SettingsError as error:
        return _failed(EXIT_USAGE, "settings", f"settings: {error}", settings_hint(error))
    except VendorError as error:
        return _vendor_failed(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    _say(result)
    return 0 if result["ok"] else EXIT_NOT_IN_ORDER


async def _run(settings: HookSettings, moved_from: str | None, *, dry_run: bool) -> Result:
    header = header_of(settings.bigcommerce_webhook_header)
    wanted = Wanted(settings.webhook_url, scopes(), header, moved_from)
    client = make_bigcommerce(settings, _WEIGHT, retry=_RETRY)
    try:
        return await sync(client, wanted, dry_run=dry_run)
    finally:
        await client.aclose()


async def sync(caller: Caller, wanted: Wanted, *, dry_run: bool) -> Result:
    """Brings the hooks in order, reads them again, asks how deliveries fare. Raises the vendor's errors."""
    hooks = await read_hooks(caller)
    plan = plan_hooks(hooks, wanted)
    if dry_run:
        done = Done(plan.create, tuple(_scopes(plan.activate)), tuple(_scopes(plan.update)))
    else:
        done = await carry_out(caller, wanted, plan)
        hooks = hooks if plan.is_done else await read_hooks(caller)
    return _result(wanted, done, plan_hooks(hooks, wanted), hooks, await _health(caller), dry_run=dry_run)


async def _health(caller: Caller) -> DeliveryHealth | None:
    """None when the credentials may not ask for it."""
    try:
        return bigcommerce.delivery_health_of(await caller.call(bigcommerce.hooks_admin()))
    except (Rejected, Unauthorized) as error:
        if isinstance(error, Unauthorized) and not error.forbidden:
            raise
        return None


def _result(
    wanted: Wanted, done: Done, after: HookPlan, hooks: Sequence[Hook], health: DeliveryHealth | None, *, dry_run: bool
) -> Result:
    missing = [scope for scope in after.create if scope not in done.left_out]
    asleep = [*_scopes(after.activate), *_scopes(after.update)]
    blocked = None if health is None else [_blocked(each) for each in health.blocked]
    host = urlsplit(wanted.destination).netloc
    is_blocked = any(_is_host(each["destination"], host) for each in blocked or ())
    statuses = {} if health is None else health.statuses
    return {
        "ok": not missing and not asleep and not is_blocked,
        "destination": wanted.destination,
        "dry_run": dry_run,
        "created": list(done.created),
        "activated": list(done.activated),
        "updated": list(done.updated),
        "left_out": list(done.left_out),
        "in_place": _scopes(after.in_place),
        "missing": missing + asleep,
        "elsewhere": [_hook(hook) for hook in after.elsewhere],
        "deactivated": [_hook(hook) for hook in hooks if _is_asleep(hook, statuses.get(hook.id))],
        "blocked": blocked,
        "emails": None if health is None else len(health.emails),
    }


def _is_asleep(hook: Hook, status: str | None) -> bool:
    return not hook.active or status in ("inactive", "deactivated")


def _blocked(each: bigcommerce.BlockedDomain) -> Result:
    return {"destination": each.destination, "seconds_left": each.seconds_left, "reasons": list(each.reasons)}


def _is_host(destination: str, host: str) -> bool:
    """A blocked domain is told with or without a scheme."""
    return host in (urlsplit(destination).netloc, destination.rstrip("/"))


def _scopes(hooks: Sequence[Hook]) -> list[str]:
    return [hook.scope for hook in hooks]


def _hook(hook: Hook) -> Result:
    return {"id": hook.id, "scope": hook.scope, "destination": hook.destination}


def _vendor_failed(error: VendorError) -> int:
    if isinstance(error, Unauthorized):
        hint = f"set {where_to_set('bigcommerce_token')} to a token of this store that may make webhooks"
        return _failed(EXIT_USAGE, "store_unauthorized", f"the store refused the token: {error}", hint)
    if isinstance(error, Rejected):
        hint = f"see {variable('webhook_url')}: https, port 443, reachable from outside"
        return _failed(EXIT_NOT_IN_ORDER, "store_refused", f"the store refused: {error}", hint)
    return _failed(EXIT_UNAVAILABLE, "store_unavailable", f"the store does not answer: {error}", "run it again")


def _failed(code: int, name: str, message: str, hint: str) -> int:
    _say({"error": {"code": name, "message": message, "hint": hint}})
    return code


def _say(result: Result) -> None:
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.ingest hooks")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--moved-from", help="the address our hooks went to before")
    return parser
