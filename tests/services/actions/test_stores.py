"""Several stores in one process: each has its own consumers, clients and troubles."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from headrace.consumer import dispatch
from headrace.platforms.http import VendorClient
from headrace.platforms.store import make_bigcommerce
from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.stores import StoreEntry
from services.actions.bootstrap import choose_for, main_of
from services.actions.settings import GroupSettings, MailchimpSettings
from tests.services.actions.sinks import GROUPS
from tests.services.consumer_harness import Bench, eventually, in_process
from tests.services.several_stores import ABC, DEF, settings_in, two_stores

CUSTOMERS = 5
KINDS = ["group", "email-tags.mailchimp"]


@pytest.mark.parametrize(
    ("values", "bases"),
    [
        ({"bigcommerce_token": "t"}, {GroupSettings}),
        ({"mailchimp_key": "k"}, {MailchimpSettings}),
        ({"bigcommerce_token": "t", "mailchimp_key": "k"}, {GroupSettings, MailchimpSettings}),
        ({"klaviyo_key": "k"}, set()),
        ({}, set()),
    ],
)
def test_choose__what_a_store_has_credentials_for(values: dict[str, Any], bases: set[type]) -> None:
    chosen = choose_for(KINDS)(StoreEntry("a", values, ("a", "b")))
    assert {base for base in (GroupSettings, MailchimpSettings) if chosen and issubclass(chosen, base)} == bases


def test_choose__one_store_without_a_file__all_that_is_asked_for() -> None:
    chosen = choose_for(KINDS)(StoreEntry())
    assert chosen is not None
    assert issubclass(chosen, GroupSettings)
    assert issubclass(chosen, MailchimpSettings)


def start(folder: Path, *benches: Bench, among: tuple[str, ...] = (ABC, DEF)) -> Any:
    """A process for these stores, on one SQLite file."""
    url = SecretStr(f"sqlite:///{folder / 'ledger.db'}")
    stores = [settings_in(bench, GroupSettings, among=among, database_url=url) for bench in benches]
    return in_process(lambda running: main_of(["group"])(stores, running))


async def want(bench: Bench, group: str) -> None:
    """Of every customer of the store."""
    await bench.publish(*(bench.group(f"{bench.store}:{number}", group) for number in range(1, CUSTOMERS + 1)))


async def all_in(bench: Bench, group: str) -> bool:
    """Whether every customer of the store is."""
    return {await bench.group_of(number) for number in range(1, CUSTOMERS + 1)} == {group}


async def noted(running: Running, text: str) -> None:
    """Waits until the health port tells it."""

    async def told() -> bool:
        return text in running.health.notes

    await eventually(told, what=text)


async def test_group__one_store_refuses_our_key__the_other_goes_on__then_both_are_done(
    topics_created: ServiceSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_PAUSE_S", 0.3)
    async with two_stores(topics_created) as (abc, def_):
        for bench in (abc, def_):
            await bench.make_customers(CUSTOMERS, "Gold", "Silver")
        await abc.fault(GROUPS.match, {"status": 401}, times=None)
        async with start(tmp_path, abc, def_) as running:
            await want(abc, "Gold")
            await want(def_, "Silver")
            await def_.settled(f"actions.group.{DEF}", "actions.group")
            assert await all_in(def_, "Silver")
            await noted(running, f"{ABC}: group: credentials refused")
            assert running.health.ready
            assert await all_in(abc, "")
            abc.simulator.faults.clear()
            await abc.settled(f"actions.group.{ABC}", "actions.group")
            assert await all_in(abc, "Gold")
            assert running.health.notes == []
        assert await all_in(def_, "Silver")
        calls = [(await bench.calls())["group_writes"] for bench in (abc, def_)]
        assert [one["unchanged"] for one in calls] == [0, 0]


@pytest.mark.slow
async def test_group__a_store_added_later__is_filled_from_the_beginning(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    async with two_stores(topics_created) as (abc, def_):
        for bench in (abc, def_):
            await bench.make_customers(CUSTOMERS, "Gold")
            await want(bench, "Gold")
        async with start(tmp_path, abc, among=(ABC,)):
            await abc.settled(f"actions.group.{ABC}", "actions.group")
        assert (await all_in(abc, "Gold"), await all_in(def_, "")) == (True, True)
        async with start(tmp_path, abc, def_):
            await def_.settled(f"actions.group.{DEF}", "actions.group")
        assert await all_in(def_, "Gold")
        assert (await abc.calls())["group_writes"]["calls"] == 1


@pytest.mark.slow
async def test_group__a_store_that_is_down__holds_nobody_up(
    topics_created: ServiceSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_PAUSE_S", 0.3)
    async with two_stores(topics_created) as (abc, def_):
        for bench in (abc, def_):
            await bench.make_customers(CUSTOMERS, "Gold", "Silver")
        await abc.fault({}, {"status": 503}, times=None)
        async with start(tmp_path, abc, def_):
            for group in ("Gold", "Silver"):
                await want(abc, group)
                await want(def_, group)
                await def_.settled(f"actions.group.{DEF}", "actions.group")
                assert await all_in(def_, group)
            abc.simulator.faults.clear()
            await abc.settled(f"actions.group.{ABC}", "actions.group", deadline_s=60)
            assert await all_in(abc, "Silver")


@pytest.mark.slow
async def test_group__a_lane_crashes__begins_anew_alone(
    topics_created: ServiceSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def fragile(settings: GroupSettings, *rest: Any, **more: Any) -> VendorClient:
        made.append(settings.store)
        if made.count(ABC) == 1 and settings.store == ABC:
            raise RuntimeError
        return make_bigcommerce(settings, *rest, **more)

    monkeypatch.setattr("services.actions.bootstrap.make_bigcommerce", fragile)
    async with two_stores(topics_created) as (abc, def_):
        for bench in (abc, def_):
            await bench.make_customers(CUSTOMERS, "Gold")
            await want(bench, "Gold")
        async with start(tmp_path, abc, def_) as running:
            await noted(running, f"{ABC}: crashed")
            await def_.settled(f"actions.group.{DEF}", "actions.group")
            await abc.settled(f"actions.group.{ABC}", "actions.group")
            assert await all_in(abc, "Gold")
    assert sorted(made) == [ABC, ABC, DEF]


def stores_file(folder: Path, *benches: Bench) -> Path:
    """HEADRACE_STORES of these stores, and of one that has no credentials for anything."""
    (folder / "token").write_text("token\n", encoding="utf-8")
    lines = ["stores:", "  bare: {}"]
    for bench in benches:
        lines += [f"  {bench.store}:", "    bigcommerce_token_file: token"]
        lines += [f"    bigcommerce_url: {bench.addresses.bigcommerce}", "    bigcommerce_quota_share: 1.0"]
    path = folder / "stores.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.slow
async def test_process__a_file_of_stores__each_is_done_and_counted_by_its_name(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with two_stores(topics_created) as (abc, def_):
        for bench in (abc, def_):
            await bench.make_customers(CUSTOMERS, "Gold")
            await want(bench, "Gold")
        given = {
            "kafka_bootstrap_servers": topics_created.kafka_bootstrap_servers,
            "topic_prefix": topics_created.topic_prefix,
            "stores": stores_file(tmp_path, abc, def_),
            "database_url": f"sqlite:///{tmp_path / 'ledger.db'}",
            "health_port": port,
        }
        environment = os.environ | {f"HEADRACE_{name.upper()}": str(value) for name, value in given.items()}
        with (tmp_path / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.actions", "group", env=environment, stderr=log
            )
        try:
            for bench in (abc, def_):
                await bench.settled(f"actions.group.{bench.store}", "actions.group")
                assert await all_in(bench, "Gold")
            async with abc.session.get(f"http://127.0.0.1:{port}/metrics") as reply:
                metrics = await reply.text()
        finally:
            process.terminate()
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    for store in (ABC, DEF):
        assert f'headrace_actions_total{{kind="group",result="applied",store="{store}"}} {CUSTOMERS}.0' in metrics
    assert "store.left_out" in (tmp_path / "log").read_text(encoding="utf-8")
