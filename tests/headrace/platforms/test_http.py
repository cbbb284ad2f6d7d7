"""Replies become what a caller can act on: wait, give up, stop, or show an unknown outcome."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

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
from headrace.platforms.gate import Gate
from headrace.platforms.http import BODY_LIMIT_BYTES, Request, VendorClient
from headrace.platforms.quota import Windows
from headrace.runtime.deadline import sending_until
from headrace.runtime.metrics import exposition, for_store
from headrace.runtime.retry import RetryPolicy

GET = Request("GET", "/v2/orders/12")
POST = Request("POST", "/v3/hooks", json={"a": 1})
ONCE = RetryPolicy(first_delay_s=0.001, max_delay_s=0.001, deadline_s=0.0)
Answer = Callable[[httpx.Request], httpx.Response]


def _client(
    answer: Answer,
    retry: RetryPolicy = ONCE,
    gate: Gate | None = None,
    deadline_s: float = 2.0,
    breaker: Breaker | None = None,
) -> VendorClient:
    return VendorClient(
        "v",
        base_url="https://vendor.example/stores/s",
        transport=httpx.MockTransport(answer),
        retry=retry,
        gate=gate,
        deadline_s=deadline_s,
        store="s",
        breaker=breaker,
    )


async def _error(request: Request, status: int, **answer: object) -> VendorError:
    client = _client(lambda _: httpx.Response(status, **answer))  # type: ignore[arg-type]
    with pytest.raises(VendorError) as caught:
        await client.call(request)
    return caught.value


async def test_call__success__decoded_with_the_vendors_date() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "https://vendor.example/stores/s/v2/orders?min_id=5"
        headers = {"Date": "Tue, 05 Mar 2019 21:40:11 GMT", "X-Odd": "1"}
        return httpx.Response(200, headers=headers, content=b'[{"total": 1.10}]')

    reply = await _client(answer).call(Request("GET", "/v2/orders", params=(("min_id", "5"),)))
    assert reply.json == [{"total": Decimal("1.10")}]
    assert reply.fetched_at == datetime(2019, 3, 5, 21, 40, 11, tzinfo=UTC)
    assert reply.headers["x-odd"] == "1"


async def test_call__204_with_no_body__none() -> None:
    assert (await _client(lambda _: httpx.Response(204)).call(GET)).json is None


@pytest.mark.parametrize(
    ("status", "get", "post"),
    [
        (400, Rejected, Rejected),
        (401, Unauthorized, Unauthorized),
        (404, Rejected, Rejected),
        (422, Rejected, Rejected),
        (423, Unavailable, Unavailable),
        (429, RateLimited, RateLimited),
        (500, Unavailable, OutcomeUnknown),
        (502, Unavailable, OutcomeUnknown),
        (503, Unavailable, Unavailable),
        (302, Unavailable, Unavailable),
    ],
)
async def test_call__status__error_of_its_kind(status: int, get: type[VendorError], post: type[VendorError]) -> None:
    assert type(await _error(GET, status, json={"title": "t"})) is get
    assert type(await _error(POST, status, json={"title": "t"})) is post


async def test_call__403__credentials_with_json_overload_without() -> None:
    assert isinstance(await _error(GET, 403, json={"title": "Forbidden"}), Unauthorized)
    assert isinstance(await _error(GET, 403, content=b"<html>"), RateLimited)


async def test_call__422__carries_the_fields() -> None:
    body = {"status": 422, "title": "Update customers failed.", "errors": {"0.id": "invalid customer ID"}}
    error = await _error(Request("PUT", "/v3/customers", json=[]), 422, json=body)
    assert isinstance(error, Rejected)
    assert error.errors == {"0.id": "invalid customer ID"}
    assert str(error) == "PUT /v3/customers: 422 Update customers failed."


async def test_call__429_with_reset__says_when() -> None:
    error = await _error(GET, 429, headers={"X-Rate-Limit-Time-Reset-Ms": "1500"})
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 1.5
    bare = await _error(GET, 429)
    assert isinstance(bare, RateLimited)
    assert bare.retry_after_s is None


async def test_call__success_that_is_no_json_or_too_large__unavailable() -> None:
    assert isinstance(await _error(GET, 200, content=b"<html>"), Unavailable)
    assert isinstance(await _error(GET, 200, content=b" " * (BODY_LIMIT_BYTES + 1)), TooLarge)


async def test_call__no_answer_in_time__unavailable_or_unknown() -> None:
    async def hang() -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    client = _client(lambda _: httpx.Response(200, content=hang()), deadline_s=0.05)
    with pytest.raises(Unavailable):
        await client.call(GET)
    with pytest.raises(OutcomeUnknown):
        await client.call(POST)
    with pytest.raises(Unavailable):
        await client.call(Request("POST", "/x", repeatable=True))


async def test_call__no_connection__unavailable_for_every_method() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(Unavailable):
        await _client(refuse).call(POST)


async def test_call__troubles_that_pass__tried_again() -> None:
    statuses = iter([503, 429, 200])
    client = _client(lambda _: httpx.Response(next(statuses), json={}), RetryPolicy(first_delay_s=0.001, deadline_s=5))
    assert (await client.call(POST)).status == 200


async def test_call__rejected__not_tried_again() -> None:
    count = 0

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        return httpx.Response(422, json={})

    with pytest.raises(Rejected):
        await _client(answer, RetryPolicy(first_delay_s=0.001, deadline_s=5)).call(GET)
    assert count == 1


async def test_call__quota_used_up__the_next_call_waits_for_the_window() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    sent: list[float] = []

    def answer(_: httpx.Request) -> httpx.Response:
        sent.append(loop.time() - began)
        reset = 200 - round(sent[-1] * 1000) % 200
        headers = {
            "X-Rate-Limit-Time-Window-Ms": "200",
            "X-Rate-Limit-Time-Reset-Ms": str(reset),
            "X-Rate-Limit-Requests-Quota": "4",
            "X-Rate-Limit-Requests-Left": "3",
        }
        return httpx.Response(200, headers=headers, json=[])

    client = _client(answer, gate=Gate(Windows(0.5)))
    await asyncio.gather(*(client.call(GET) for _ in range(6)))
    windows = [int(at / 0.2) for at in sent]
    assert max(windows.count(each) for each in windows) <= 2
    assert len(set(windows)) >= 3


def test_route__ids_and_hashes__taken_out() -> None:
    assert GET.route == "GET /v2/orders/{}"
    assert Request("GET", f"/lists/x/members/{'0a' * 16}/tags").route == "GET /lists/x/members/{}/tags"


async def test_call__failures_in_a_row__nobody_calls_until_one_try_succeeds() -> None:
    sent: list[int] = []
    status = 503

    def answer(_: httpx.Request) -> httpx.Response:
        sent.append(status)
        return httpx.Response(status, json={})

    client = _client(answer, breaker=Breaker(after=3, rest_s=0.05))
    for _ in range(3):
        with pytest.raises(Unavailable):
            await client.call(GET)
    with pytest.raises(NotSent) as caught:
        await client.call(GET)
    assert (len(sent), caught.value.reason, caught.value.next) == (3, "circuit", "try_again")
    assert 0 < (caught.value.retry_after_s or 0) <= 0.05
    assert b'headrace_circuit_open{store="s",vendor="v"} 1.0' in exposition()
    status = 200
    await asyncio.sleep(0.05)
    assert (await client.call(GET)).status == 200
    assert b'headrace_circuit_open{store="s",vendor="v"} 0.0' in exposition()


async def test_call__circuit_opens_in_a_stores_lane__is_told_as_that_stores() -> None:
    for_store("abc123")
    client = VendorClient(
        "klaviyo",
        base_url="http://v",
        breaker=Breaker(after=1, rest_s=60),
        retry=ONCE,
        transport=httpx.MockTransport(lambda _: httpx.Response(503, json={})),
    )
    with pytest.raises(Unavailable):
        await client.call(GET)
    assert b'headrace_circuit_open{store="abc123",vendor="klaviyo"} 1.0' in exposition()
    await client.aclose()


async def test_aclose__circuit_is_open__is_not_told_any_more() -> None:
    client = _client(lambda _: httpx.Response(503, json={}), breaker=Breaker(after=1, rest_s=60))
    with pytest.raises(Unavailable):
        await client.call(GET)
    assert b'headrace_circuit_open{store="s",vendor="v"} 1.0' in exposition()
    await client.aclose()
    assert b'headrace_circuit_open{store="s",vendor="v"} 0.0' in exposition()


@pytest.mark.parametrize("status", [422, 429, 401])
async def test_call__refusals__are_no_failures_of_the_vendor(status: int) -> None:
    client = _client(lambda _: httpx.Response(status, json={}), breaker=Breaker(after=1))
    for _ in range(3):
        assert not isinstance(await _caught(client, POST), NotSent)


async def test_call__no_quota_before_the_work_must_be_over__is_said_at_once_and_costs_none() -> None:
    windows = Windows(0.5)
    gate = Gate(windows)
    headers = dict.fromkeys(("X-Rate-Limit-Requests-Quota", "X-Rate-Limit-Requests-Left"), "4")
    headers |= {"X-Rate-Limit-Time-Window-Ms": "30000", "X-Rate-Limit-Time-Reset-Ms": "29000"}
    client = _client(lambda _: httpx.Response(200, headers=headers, json=[]), gate=gate, deadline_s=0.2)
    while windows.used() < windows.allowance() or windows.allowance() < 2:
        await client.call(GET)
    with sending_until(asyncio.get_running_loop().time() + 1.0):
        error = await _caught(client, POST)
    assert isinstance(error, NotSent)
    assert (error.reason, 28 < (error.retry_after_s or 0) < 30) == ("quota", True)


async def test_call__the_work_is_over__writes_do_not_go_out_and_reads_do() -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        return httpx.Response(200, json=[])

    client = _client(answer, gate=Gate(Windows(0.5)))
    with sending_until(asyncio.get_running_loop().time() + 1.0):  # less than a call may take
        assert isinstance(await _caught(client, POST), NotSent)
        await client.call(GET)
    await client.call(POST)
    assert sent == ["GET", "POST"]


async def _caught(client: VendorClient, request: Request) -> VendorError:
    with pytest.raises(VendorError) as caught:
        await client.call(request)
    return caught.value


async def test_call__tls_fails__no_connection() -> None:
    """A server that speaks no TLS."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        client = VendorClient("v", base_url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", retry=ONCE)
        error = await _caught(client, POST)
    assert isinstance(error, Unavailable)
    await client.aclose()


async def test_call__one_vendor_rests__another_is_called() -> None:
    down = _client(lambda _: httpx.Response(503), breaker=Breaker(after=1))
    other = _client(lambda _: httpx.Response(200, json={}))
    await _caught(down, GET)
    assert isinstance(await _caught(down, GET), NotSent)
    assert (await other.call(GET)).status == 200
