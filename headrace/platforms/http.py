"""The one adapter that owns a socket to a vendor: sends a request, raises what `errors` draws, keeps to the quota.

What to ask for and what an answer holds is in `bigcommerce` and `mailchimp`, which are pure.
"""

import asyncio
import email.utils
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import httpx
import msgspec

from headrace.platforms.breaker import Breaker
from headrace.platforms.errors import (
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    TooLarge,
    Unauthorized,
    Unavailable,
    VendorError,
)
from headrace.platforms.gate import Gate, GateClosed
from headrace.platforms.replies import error_text, retry_after_of
from headrace.platforms.slots import Slots
from headrace.runtime.deadline import time_to_send, write_sent
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter, gauge, whose
from headrace.runtime.retry import GiveUp, RetryPolicy, decide_retry

R = TypeVar("R")
_JSON: Final = msgspec.json.Decoder(float_hook=Decimal)
"""Numbers with a fraction are money: never floats."""

VENDOR_RETRY: Final = RetryPolicy(first_delay_s=0.5, max_delay_s=15.0, deadline_s=90.0)
BODY_LIMIT_BYTES: Final = 8 * 1024 * 1024
"""Of a reply. BigCommerce's page of 250 orders has 1.4 MB with 5 lines each, 3.7 MB with 20."""
_VARIABLE: Final = re.compile(r"/(\d+|[0-9a-f]{32}|[0-9a-f-]{36})(?=/|$)")
_REPEATABLE: Final = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_READS: Final = frozenset({"GET", "HEAD"})


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
    """Calls to one vendor with one set of credentials, at most `max_concurrency` at a time, through `gate`.

    `gate_for` instead: a gate for each kind of request, where the vendor counts them apart. A call lasts `deadline_s`
    at most. `store` is for metrics and logs: the lane's, if it is not said. `weigh` is told which part of the quota is
    ours.
    """

    def __init__(
        self,
        vendor: str,
        *,
        base_url: str,
        store: str = "",
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        gate: Gate | None = None,
        gate_for: Callable[[Request], Gate] | None = None,
        weigh: Callable[[float], None] | None = None,
        deadline_s: float = 10.0,
        max_concurrency: int = 8,
        retry: RetryPolicy = VENDOR_RETRY,
        breaker: Breaker | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.vendor = vendor
        self.gate = gate
        self._gate_for: Callable[[Request], Gate | None] = gate_for or (lambda _: gate)
        self.deadline_s = deadline_s
        self._store = store or whose()
        self._breaker = breaker or Breaker()
        self._retry = retry
        self._weigh = weigh
        self._max_concurrency = max_concurrency
        self._slots = Slots(max_concurrency)
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
            except TooLarge:
                raise
            except (RateLimited, NotSent, Unavailable) as error:
                verdict = decide_retry(
                    self._retry, attempt, time.monotonic() - began, retry_after_s=error.retry_after_s
                )
                if isinstance(verdict, GiveUp) or self._is_planned_elsewhere(request, error, verdict.delay_s):
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

    def weigh(self, part: float) -> None:
        """Of the calls that its role may make, also at one time, `part` (0 to 1) is for this process: the others are
        its replicas'. One at a time is always left."""
        self._slots.resize(max(1, math.floor(self._max_concurrency * part + 1e-9)))
        if self._weigh is not None:
            self._weigh(part)

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._breaker.is_open:  # whoever calls next begins anew: a rest that nobody takes is not told
            gauge("headrace_circuit_open", vendor=self.vendor, store=self._store).set(0)
        await self._http.aclose()

    async def _once(self, request: Request) -> Reply:
        async with self._slots:
            self._check_circuit(request)
            gate = self._gate_for(request)
            ticket = await self._enter(request, gate)
            call = self._breaker.begin()
            if request.method not in _READS:
                write_sent()
            headers: Mapping[str, str] | None = None
            status = "none"
            try:
                async with asyncio.timeout(self.deadline_s):
                    response, body = await self._send(request)
                headers, status = response.headers, str(response.status_code)
                return self._works(call, _reply(request, response, body))
            except TimeoutError as error:
                raise self._broken(call, _broken(request, "no answer in time", lingers=True)) from error
            except httpx.ConnectError as error:
                raise self._broken(call, Unavailable(request.route, "no connection")) from error
            except httpx.HTTPError as error:
                raise self._broken(call, _broken(request, type(error).__name__)) from error
            except RateLimited as error:
                if gate and error.retry_after_s:
                    gate.block_for(error.retry_after_s)
                raise self._works(call, error) from None
            except (Rejected, Unauthorized, TooLarge) as error:
                raise self._works(call, error) from None
            except (Unavailable, OutcomeUnknown) as error:
                raise self._broken(call, error) from error.__cause__
            finally:
                self._breaker.abandoned(call)
                if gate:
                    gate.leave(ticket, headers)
                counter("headrace_vendor_calls_total", vendor=self.vendor, route=request.route, status=status).inc()

    def _is_planned_elsewhere(self, request: Request, error: VendorError, delay_s: float) -> bool:
        """True when the caller has a limit of its own, and comes again by itself."""
        left = time_to_send()
        return left < math.inf and (isinstance(error, NotSent) or delay_s > min(left, self._time_for(request)))

    def _time_for(self, request: Request) -> float:
        """Seconds within which it has to go out, so that it is over when the work at hand must be; reads are free."""
        return math.inf if request.method in _READS else time_to_send() - self.deadline_s

    def _check_circuit(self, request: Request) -> None:
        wait = self._breaker.wait(time.monotonic())
        if wait > 0:
            message = "not called: the vendor rests after failures"
            raise NotSent(request.route, message, reason="circuit", retry_after_s=wait)

    async def _enter(self, request: Request, gate: Gate | None) -> int:
        """Waits for the quota; what comes back from a long wait looks around again before it calls."""
        within = self._time_for(request)
        ticket = 0
        try:
            ticket = await gate.enter(within) if gate else 0
            if self._time_for(request) < 0:
                raise GateClosed(0.0)
            self._check_circuit(request)
        except GateClosed as error:
            _unused(gate, ticket)
            message = "not called: no quota in time"
            raise NotSent(request.route, message, reason="quota", retry_after_s=error.wait_s) from error
        except NotSent:
            _unused(gate, ticket)
            raise
        return ticket

    def _works(self, call: int, answer: R) -> R:
        if self._breaker.succeeded(call):
            gauge("headrace_circuit_open", vendor=self.vendor, store=self._store).set(0)
            log.info("vendor.circuit_closed", vendor=self.vendor, store=self._store)
        return answer

    def _broken(self, call: int, error: VendorError) -> VendorError:
        rest_s = self._breaker.failed(call, time.monotonic())
        if rest_s is not None:
            gauge("headrace_circuit_open", vendor=self.vendor, store=self._store).set(1)
            log.warning(
                "vendor.circuit_opened",
                vendor=self.vendor,
                store=self._store,
                failures=self._breaker.failures,
                delay_s=rest_s,
                problem=error.message,
            )
        return error

    async def _send(self, request: Request) -> tuple[httpx.Response, bytes]:
        built = self._http.build_request(request.method, request.path, params=request.params or None, json=request.json)
        response = await self._http.send(built, stream=True)
        try:
            parts, size = [], 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > BODY_LIMIT_BYTES:
                    raise _too_large(request)
                parts.append(part)
        finally:
            await response.aclose()
        return response, b"".join(parts)


def _unused(gate: Gate | None, ticket: int) -> None:
    if gate and ticket:
        gate.unused(ticket)


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
        return RateLimited(request.route, title, _retry_after(response.headers) or retry_after_of(json))
    if status in (401, 403):
        return Unauthorized(request.route, f"{status} {title}", forbidden=status == 403)
    if status == 503 or (status >= 500 and request.may_repeat):
        return Unavailable(request.route, f"{status} {title}")
    if status >= 500:
        return OutcomeUnknown(request.route, f"{status} {title}")
    if status < 400 or status in (408, 423, 425):
        return Unavailable(request.route, f"{status} {title}")
    return Rejected(request.route, status, title, errors)


def _too_large(request: Request) -> VendorError:
    what = f"the reply is larger than {BODY_LIMIT_BYTES >> 20} MiB"
    return TooLarge(request.route, what) if request.method in _READS else _broken(request, what)


def _broken(request: Request, what: str, *, lingers: bool = False) -> VendorError:
    kind = Unavailable if request.may_repeat else OutcomeUnknown
    return kind(request.route, what, lingers=lingers)


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
        if value >= 0:
            return min(value, 3600.0)
    return _until_reset(headers)


def _until_reset(headers: Mapping[str, str]) -> float | None:
    """SendGrid names the second at which its window ends, on its own clock."""
    try:
        value = float(headers["x-ratelimit-reset"]) - _date(headers).timestamp()
    except (KeyError, ValueError):
        return None
    return value if 0 <= value <= 3600 else None


def _date(headers: Mapping[str, str]) -> datetime:
    """The vendor's clock; ours when it does not tell."""
    try:
        moment = email.utils.parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return datetime.now(UTC).replace(microsecond=0)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
