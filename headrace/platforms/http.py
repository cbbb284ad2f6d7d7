"""The one adapter that owns a socket to a vendor: sends a request, raises what `errors` draws, keeps to the quota.

What to ask for and what an answer holds is in `bigcommerce` and `mailchimp`, which are pure.
"""

import asyncio
import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import httpx
import msgspec

from headrace.platforms.errors import OutcomeUnknown, RateLimited, Rejected, Unauthorized, Unavailable, VendorError
from headrace.platforms.gate import Gate
from headrace.platforms.replies import error_text
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from headrace.runtime.retry import GiveUp, RetryPolicy, decide_retry

_JSON: Final = msgspec.json.Decoder(float_hook=Decimal)
"""Numbers with a fraction are money: never floats."""

BODY_LIMIT_BYTES: Final = 8 * 1024 * 1024
_VARIABLE: Final = re.compile(r"/(\d+|[0-9a-f]{32}|[0-9a-f-]{36})(?=/|$)")
_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `repeatable` says whether doing it twice is the same as once; by default the method tells."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    json: Any = None
    repeatable: bool | None = None
    pattern: str | None = None
    """The path for metrics, without what varies; by default numbers and hashes are taken out."""

    @property
    def may_repeat(self) -> bool:
        """True when a second sending changes nothing."""
        return self.method in _REPEATABLE if self.repeatable is None else self.repeatable

    @property
    def route(self) -> str:
        """`GET /v2/orders/{}`: what metrics and errors call it."""
        return f"{self.method} {self.pattern or _VARIABLE.sub('/{}', self.path)}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A 2xx reply. `json` is None for an empty body; `fetched_at` is the vendor's `Date`, whole seconds, UTC."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    json: Any
    fetched_at: datetime


class VendorClient:
    """Calls to one vendor with one set of credentials, at most `max_concurrency` at a time, through `gate`."""

    def __init__(
        self,
        vendor: str,
        *,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        gate: Gate | None = None,
        deadline_s: float = 10.0,
        max_concurrency: int = 8,
        retry: RetryPolicy = RetryPolicy(first_delay_s=0.5, max_delay_s=15.0, deadline_s=90.0),  # noqa: B008  # frozen
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.vendor = vendor
        self.gate = gate
        self._deadline_s = deadline_s
        self._retry = retry
        self._slots = asyncio.Semaphore(max_concurrency)
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            headers={"Accept": "application/json", "User-Agent": "headrace", **(headers or {})},
            auth=auth,
            timeout=httpx.Timeout(deadline_s),
            limits=httpx.Limits(max_connections=max_concurrency, max_keepalive_connections=max_concurrency),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def call(self, request: Request) -> Reply:
        """Sends it; waits for the quota, and tries again what is worth it, until the retry policy's deadline.

        Raises the errors of `headrace.platforms.errors`.
        """
        began, attempt = time.monotonic(), 0
        while True:
            attempt += 1
            try:
                return await self._once(request)
            except (RateLimited, Unavailable) as error:
                asked = error.retry_after_s if isinstance(error, RateLimited) else None
                verdict = decide_retry(self._retry, attempt, time.monotonic() - began, retry_after_s=asked)
                if isinstance(verdict, GiveUp):
                    raise
                counter("headrace_retries_total", target=self.vendor).inc()
                log.warning(
                    "vendor.retried",
                    vendor=self.vendor,
                    route=request.route,
                    attempt=attempt,
                    delay_s=round(verdict.delay_s, 3),
                    problem=type(error).__name__,
                )
                await asyncio.sleep(verdict.delay_s)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _once(self, request: Request) -> Reply:
        async with self._slots:
            ticket = await self.gate.enter() if self.gate else 0
            headers: Mapping[str, str] | None = None
            status = "none"
            try:
                async with asyncio.timeout(self._deadline_s):
                    response, body = await self._send(request)
                headers, status = response.headers, str(response.status_code)
                return _reply(request, response, body)
            except TimeoutError as error:
                raise _broken(request, "no answer in time") from error
            except httpx.ConnectError as error:
                raise Unavailable(request.route, "no connection") from error
            except httpx.HTTPError as error:
                raise _broken(request, type(error).__name__) from error
            except RateLimited as error:
                if self.gate and error.retry_after_s:
                    self.gate.block_for(error.retry_after_s)
                raise
            finally:
                if self.gate:
                    self.gate.leave(ticket, headers)
                counter("headrace_vendor_calls_total", vendor=self.vendor, route=request.route, status=status).inc()

    async def _send(self, request: Request) -> tuple[httpx.Response, bytes]:
        built = self._http.build_request(request.method, request.path, params=request.params or None, json=request.json)
        response = await self._http.send(built, stream=True)
        try:
            parts, size = [], 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > BODY_LIMIT_BYTES:
                    raise _broken(request, "the reply is larger than 8 MiB")
                parts.append(part)
        finally:
            await response.aclose()
        return response, b"".join(parts)


def _reply(request: Request, response: httpx.Response, body: bytes) -> Reply:
    json, is_json = _decode(body)
    if response.is_success:
        if not is_json:
            raise _broken(request, "the reply is not JSON")
        return Reply(response.status_code, response.headers, json, _date(response.headers))
    raise _error(request, response, json if is_json else None)


def _error(request: Request, response: httpx.Response, json: Any) -> VendorError:
    status = response.status_code
    title, errors = error_text(json)
    title = title or response.reason_phrase or "error"
    if status == 429 or (status == 403 and json is None):  # Mailchimp's overload: 403 without a JSON body
        return RateLimited(request.route, title, _retry_after(response.headers))
    if status in (401, 403):
        return Unauthorized(request.route, f"{status} {title}", forbidden=status == 403)
    if status == 503 or (status >= 500 and request.may_repeat):
        return Unavailable(request.route, f"{status} {title}")
    if status >= 500:
        return OutcomeUnknown(request.route, f"{status} {title}")
    if status < 400 or status in (408, 423, 425):
        return Unavailable(request.route, f"{status} {title}")
    return Rejected(request.route, status, title, errors)


def _broken(request: Request, what: str) -> VendorError:
    return Unavailable(request.route, what) if request.may_repeat else OutcomeUnknown(request.route, what)


def _decode(body: bytes) -> tuple[Any, bool]:
    if not body.strip():
        return None, True
    try:
        return _JSON.decode(body), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, False


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds: BigCommerce's window reset (ms), its `X-Retry-After`, or the standard header; None = back off alone."""
    for name, unit in (("x-rate-limit-time-reset-ms", 0.001), ("x-retry-after", 1.0), ("retry-after", 1.0)):
        try:
            value = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= value <= 3600:
            return value
    return None


def _date(headers: Mapping[str, str]) -> datetime:
    """The vendor's clock; ours when it does not tell."""
    try:
        moment = email.utils.parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return datetime.now(UTC).replace(microsecond=0)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
