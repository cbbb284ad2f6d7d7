"""The ports, one a vendor: tokens, faults, concurrency, quota and headers around the handlers, and the webhook sender.

The only module here that serves HTTP; it knows no resource.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from headrace.simulators.bigcommerce.dates import http_date
from headrace.simulators.call import Answer, Call, CallRefused, Routes, v3_error
from headrace.simulators.control import control
from headrace.simulators.delivery import Dispatcher
from headrace.simulators.faults import Fault
from headrace.simulators.held import Held
from headrace.simulators.options import Options
from headrace.simulators.quota import Verdict
from headrace.simulators.receiver import VENDOR as RECEIVER
from headrace.simulators.receiver import no_endpoint
from headrace.simulators.simulator import Simulator
from headrace.simulators.smtp import serving_mail
from headrace.simulators.vendor import Vendor

LARGEST_BODY: Final = 64 * 1024 * 1024
_Serve = Callable[[Call, Mapping[str, str]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base addresses, without `/stores/...`, `/3.0`, `/api`; one a vendor."""

    bigcommerce: str
    mailchimp: str
    klaviyo: str
    omnisend: str
    sendgrid: str
    smtp: str
    """`smtp://host:port`."""
    receiver: str
    """`/hooks/{name}` follows."""


class _Dropped(Exception):
    """The connection is to be cut without an answer."""


class _BigCommerce:
    def __init__(self, simulator: Simulator, routes: Routes) -> None:
        self._simulator = simulator
        self._routes = routes
        self._prefix = f"/stores/{simulator.options.store}"

    async def __call__(self, call: Call, headers: Mapping[str, str]) -> Answer:
        ours = call.path.startswith(self._prefix + "/")
        path = call.path.removeprefix(self._prefix)
        call = _with_template(replace(call, path=path))
        name = f"{call.method} {call.template}"
        known = (call.method, call.template) in self._routes
        _count(self._simulator, name if known else f"{call.method} other")
        token = headers.get("X-Auth-Token")

        async def serve() -> Answer:
            if token != self._simulator.options.access_token or not ours:
                return v3_error(401, "Unauthorized: X-Auth-Token is missing or wrong")
            return self._limited(call, name)

        return await _with_faults(self._simulator, "bigcommerce", call, self._prefix + path, serve, name)

    def _limited(self, call: Call, name: str) -> Answer:
        verdict = self._simulator.quota.take(self._simulator.clock.elapsed())
        headers = self._headers(verdict)
        if not verdict.allowed:
            self._simulator.calls.status_429_ours += verdict.ours
            return replace(v3_error(429, "Too many requests: the store's quota is used up"), headers=headers)
        handler = self._routes.get((call.method, call.template))
        if handler is None:
            return replace(v3_error(404, "The requested resource was not found."), headers=headers)
        try:
            return replace(handler(call), headers=headers)
        except CallRefused as refusal:
            return replace(refusal.answer, headers=headers)

    def _headers(self, verdict: Verdict) -> dict[str, str]:
        real = self._simulator.clock.real_seconds
        return {
            "X-Rate-Limit-Time-Window-Ms": str(max(1, round(real(verdict.window_s) * 1000))),
            "X-Rate-Limit-Time-Reset-Ms": str(max(1, -int(-real(verdict.reset_s) * 1000 // 1))),
            "X-Rate-Limit-Requests-Quota": str(verdict.quota),
            "X-Rate-Limit-Requests-Left": str(verdict.left),
        }


class _VendorPort:
    def __init__(self, simulator: Simulator, vendor: Vendor) -> None:
        self._simulator = simulator
        self._vendor = vendor

    async def __call__(self, call: Call, headers: Mapping[str, str]) -> Answer:
        vendor = self._vendor
        _count(self._simulator, f"{call.method} {vendor.template(call)}")

        async def serve() -> Answer:
            try:
                return vendor.answer(call, headers)
            except CallRefused as refusal:
                return refusal.answer

        return await _with_faults(self._simulator, vendor.name, call, call.path, serve, vendor.name)


class _ReceiverPort:
    """Its refusals are no vendor's: they are not among the calls."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def __call__(self, call: Call, headers: Mapping[str, str]) -> Answer:
        receiver = self._simulator.receiver
        request = receiver.ask(call, headers)
        if request is None:
            return no_endpoint()

        async def serve() -> Answer:
            return receiver.take(request)

        return await _with_faults(self._simulator, RECEIVER, call, call.path, serve, RECEIVER)


async def _with_faults(
    simulator: Simulator,
    vendor: str,
    call: Call,
    whole_path: str,
    serve: Callable[[], Awaitable[Answer]],
    limit: str,
) -> Answer:
    """Serve under the concurrency limit of `limit`, with the fault ordered for this call."""
    fault = simulator.faults.take(vendor, call.method, call.path, whole_path)
    with simulator.at_once.enter(limit) as may_run:
        if not may_run:
            simulator.calls.status_429_ours += 1
            platform = simulator.vendors.get(vendor)
            return v3_error(429, "Too many requests at one time") if platform is None else platform.overloaded()
        if simulator.options.latency_ms:
            await asyncio.sleep(simulator.options.latency_ms / 1000)
        if fault is None:
            return await serve()
        held = Held(fault.pause or "", vendor, call.method, whole_path, done=fault.after)
        return await _faulty(simulator, fault, held, serve)


async def _faulty(simulator: Simulator, fault: Fault, held: Held, serve: Callable[[], Awaitable[Answer]]) -> Answer:
    async def wait() -> None:
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault.pause is not None:
            await simulator.hold.wait(held)

    if not fault.after:
        await wait()
    instead = fault.answer()
    answer = await serve() if fault.after or (instead is None and not fault.drop) else None
    if fault.after:
        await wait()
    if fault.drop:
        raise _Dropped
    answer = instead or answer or Answer(500)
    padded = answer.body if not fault.size else (answer.body or b"") + b" " * fault.size
    return replace(answer, body=padded, drip_s=fault.drip_s)


def _with_template(call: Call) -> Call:
    parts = call.path.rstrip("/").split("/")
    ids = tuple(int(part) for part in parts if part.isdigit())
    return replace(call, template="/".join(map(_varying, parts)), ids=ids)


def _varying(part: str) -> str:
    if part.isdigit():
        return "{id}"
    return "{uuid}" if _UUID.fullmatch(part) else part


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _count(simulator: Simulator, route: str) -> None:
    simulator.calls.total += 1
    simulator.calls.by_route[route] += 1


def _application(simulator: Simulator, serve: _Serve, *, counted: bool = True) -> web.Application:
    async def handle(request: web.Request) -> web.StreamResponse:
        call = Call(request.method, request.path, request.path, query=request.query, raw=await request.read())
        if call.path.startswith("/_sim/"):
            return await _response(simulator, request, await control(simulator, call))
        try:
            answer = await serve(call, request.headers)
        except _Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        if counted:
            simulator.calls.by_status[answer.status] += 1
        return await _response(simulator, request, answer)

    application = web.Application(client_max_size=LARGEST_BODY)
    application.router.add_route("*", "/{path:.*}", handle)
    return application


async def _response(simulator: Simulator, request: web.Request, answer: Answer) -> web.StreamResponse:
    headers = {"Date": http_date(simulator.world.now()), **answer.headers}
    if answer.body is not None:
        headers.setdefault("Content-Type", answer.content_type)
    if not answer.drip_s or answer.body is None:
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    with suppress(ConnectionError):  # who asked has had enough
        for byte in answer.body:
            await response.write(bytes([byte]))
            await asyncio.sleep(answer.drip_s)
        await response.write_eof()
    return response


@asynccontextmanager
async def serving(options: Options) -> AsyncIterator[tuple[Simulator, Addresses]]:
    """A running simulator: both ports are open and webhooks go out until the block ends."""
    simulator = Simulator(options)
    base = f"http://{options.host}/stores/{options.store}"
    applications = {"bigcommerce": _application(simulator, _BigCommerce(simulator, simulator.bigcommerce_routes(base)))}
    for name, vendor in simulator.vendors.items():
        applications[name] = _application(simulator, _VendorPort(simulator, vendor))
    applications[RECEIVER] = _application(simulator, _ReceiverPort(simulator), counted=False)
    dispatcher = Dispatcher(simulator.queue, client_secret=options.client_secret, header=options.webhook_header)
    async with AsyncExitStack() as ports:
        addresses = {
            name: await ports.enter_async_context(_port(application, options.host, getattr(options, f"{name}_port")))
            for name, application in applications.items()
        }
        ports.callback(simulator.hold.release)
        smtp = await ports.enter_async_context(serving_mail(simulator.mail, options.host, options.smtp_port))
        sender = asyncio.create_task(dispatcher.run())
        try:
            bases = {name: f"http://{options.host}:{port}" for name, port in addresses.items()}
            yield simulator, Addresses(**bases, smtp=f"smtp://{options.host}:{smtp}")
        finally:
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender


@asynccontextmanager
async def _port(application: web.Application, host: str, port: int) -> AsyncIterator[int]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
