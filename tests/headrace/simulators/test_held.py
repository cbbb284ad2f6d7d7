"""Answers that are held back: what was done is told before its answer leaves, and a kill falls between the two."""

import asyncio
import signal
import sys
from typing import Any

import pytest

from tests.headrace.simulators.harness import Running

MAIL = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], int(sys.argv[2])) as server:
    server.sendmail("shop@x.example", ["a@x.example"], "Message-ID: <" + sys.argv[3] + "@headrace>\\n\\nThank you")
"""
POST = """
import sys, urllib.request
call = urllib.request.Request(sys.argv[1], b"{}", {"webhook-id": sys.argv[2]})
urllib.request.urlopen(call).read()
"""


async def worker(running: Running, sink: str, effect: str) -> asyncio.subprocess.Process:
    """A process that asks for one effect."""
    host, _, port = running.addresses.smtp.removeprefix("smtp://").partition(":")
    given = {"smtp": (MAIL, host, port, effect), "receiver": (POST, f"{running.addresses.receiver}/hooks/a", effect)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", *given[sink], stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
    )


@pytest.mark.parametrize("sink", ["smtp", "receiver"])
@pytest.mark.parametrize(("reply", "count"), [({"after": True}, 1), ({"drop": True}, 0)])
async def test_worker__killed_while_its_answer_is_held__is_done_when_it_was_and_else_not(
    running: Running, sink: str, reply: dict[str, Any], count: int
) -> None:
    method = {"smtp": "DATA", "receiver": "POST"}[sink]
    effect = "ab" * 16
    fault = {"match": {"vendor": sink, "method": method}, "reply": {"pause": "kill", **reply}}
    await running.sim("POST", "/faults", [fault])
    process = await worker(running, sink, effect)
    held = (await running.sim("GET", "/held?pause=kill&count=1&wait_s=20"))["held"]
    assert [(one["vendor"], one["method"], one["done"]) for one in held] == [(sink, method, count == 1)]
    effects = (await running.sim("GET", "/truth"))["effects"]
    assert [row["id"] for row in effects] == [effect] * count, "told before the answer leaves"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await running.sim("POST", "/release", {"pause": "kill"})
    second = await worker(running, sink, effect)
    assert await second.wait() == 0
    row = next(iter((await running.sim("GET", "/truth"))["effects"]))
    assert row["count"] == (count + 1 if sink == "smtp" else 1), "what has no key is done again"


async def test_release__of_another_pause__lets_nobody_go(running: Running) -> None:
    for name in ("a", "b"):
        await running.sim("POST", "/faults", [{"match": {"path": f"/v2/{name}"}, "reply": {"pause": name}}])
    calls = [asyncio.create_task(running.store("GET", f"/v2/{name}")) for name in ("a", "b")]
    assert len((await running.sim("GET", "/held?count=2"))["held"]) == 2
    assert await running.sim("POST", "/release", {"pause": "a"}) == {"released": 1}
    await calls[0]
    assert not calls[1].done()
    assert [one["pause"] for one in (await running.sim("GET", "/held"))["held"]] == ["b"]
    assert (await running.sim("DELETE", "/faults"))["released"] == 1
    await calls[1]


async def test_held__fewer_than_asked_for__says_so_at_the_deadline(running: Running) -> None:
    assert await running.sim("GET", "/held?count=1&wait_s=0.01") == {"held": []}


async def test_coupon__made_and_its_answer_held__is_there_already(running: Running) -> None:
    fault = {"match": {"method": "POST", "path": "/v2/coupons"}, "reply": {"pause": "x", "after": True}}
    await running.sim("POST", "/faults", [fault])
    coupon = {"name": "n", "code": "HR-A", "type": "per_total_discount", "amount": "5"}
    body = {**coupon, "applies_to": {"entity": "categories", "ids": [0]}}
    asking = asyncio.create_task(running.store("POST", "/v2/coupons", body))
    await running.sim("GET", "/held?count=1")
    assert [row["id"] for row in (await running.sim("GET", "/truth"))["effects"]] == ["HR-A"]
    await running.sim("POST", "/release", {})
    assert (await asking).status == 201
