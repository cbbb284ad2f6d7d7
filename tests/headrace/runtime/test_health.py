"""Health: what blocks is said, and the port says it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from headrace.runtime.health import Health, HealthServer


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
async def client(health: Health) -> AsyncIterator[httpx.AsyncClient]:
    server = HealthServer(health, 0)
    port = await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    await server.stop()


async def test_ready__from_start_to_trouble_and_back__tells_why(health: Health, client: httpx.AsyncClient) -> None:
    first = await client.get("/ready")
    assert (first.status_code, first.json()) == (503, {"status": "blocked", "reasons": ["starting"]})

    health.clear("starting")
    ready = await client.get("/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "reasons": []})

    health.block("kafka away")
    health.block("kafka away")
    blocked = await client.get("/ready")
    assert (blocked.status_code, blocked.json()["reasons"]) == (503, ["kafka away"])
    assert (await client.get("/startup")).status_code == 200

    health.clear("kafka away")
    assert (await client.get("/ready")).status_code == 200


async def test_ready__notes__told_without_blocking(health: Health, client: httpx.AsyncClient) -> None:
    health.clear("starting")
    health.note("room", "no attribute left")
    health.note("room", "no attribute left for tier")
    reply = await client.get("/ready")
    assert (reply.status_code, reply.json()["notes"]) == (200, ["no attribute left for tier"])
    health.note("room", "")
    assert "notes" not in (await client.get("/ready")).json()


async def test_live__while_blocked__is_200(client: httpx.AsyncClient) -> None:
    assert (await client.get("/live")).status_code == 200
    assert (await client.get("/startup")).status_code == 503


async def test_metrics__asked__prometheus_text(health: Health, client: httpx.AsyncClient) -> None:
    health.clear("starting")

    reply = await client.get("/metrics")

    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "headrace_ready 1.0" in reply.text


async def test_start__port_taken__os_error(client: httpx.AsyncClient) -> None:
    port = client.base_url.port
    assert port is not None

    with pytest.raises(OSError, match="in use"):
        await HealthServer(Health(), port).start()
