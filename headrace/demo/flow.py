"""One store's demo run on a stack that is up: play, kill if asked, wait until it settles, verify, and sum up.

Starting and stopping the stack is the caller's (`headrace.cli`); nothing is printed here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from headrace.contracts import topics
from headrace.demo.book import read_book
from headrace.demo.chaos import Kill
from headrace.demo.control import SimulatorControl
from headrace.demo.log_fold import fold_log
from headrace.demo.observer import Observer
from headrace.demo.player import Progress, play
from headrace.demo.pressure import Pressure, sample
from headrace.demo.sabotage import Sabotage, Spoiled, double_refund, drop_event, stale_group
from headrace.demo.samples import Sample, pick_samples
from headrace.demo.scenario import Operation, Scenario, operations
from headrace.demo.settle import settle
from headrace.demo.thanks import UNKNOWN, Sent, Thanks, one_mail
from headrace.demo.verify import Verification, verify
from headrace.runtime.generations import FIRST
from headrace.runtime.settings import ServiceSettings

PENDING_WEBHOOKS: Final = 1500
"""The player waits while more than this many webhooks are on their way."""
_FEED_SPAN: Final = timedelta(minutes=10)
_QUIET: Final = timedelta(days=90)
"""Nothing happens in the shop for so long at the end: time alone moves some customers."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run needs of its stack. `kill` waits until a process is ready, then kills it; `show` gets progress.

    `book`: the senders' book of effects. `meet` returns when the runs of all stores have come to the same point.
    """

    settings: ServiceSettings
    simulator: str
    access_token: str
    scenario: Scenario
    partitions: int
    book: Path
    demo_rules: bool = True
    kills: tuple[Kill, ...] = ()
    kill: Callable[[str], Awaitable[None]] | None = None
    sabotage: Sabotage | None = None
    show: Callable[[Progress, "Live"], None] = lambda _progress, _live: None
    say: Callable[[str], None] = lambda _: None
    already_played: bool = False
    settle_deadline_s: float = 600.0
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Consumer groups beside ours that have to come to rest too, and the topics that each reads."""
    meet: Callable[[], Awaitable[object]] | None = None


@dataclass
class Live:
    """Figures that change while orders are played."""

    events: int = 0
    pending_webhooks: int = 0
    kills: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a run has to say; `seconds` from the first order to rest."""

    store: str
    scenario: Scenario
    progress: Progress
    seconds: float
    calls: dict[str, Any]
    truth: dict[str, Any]
    counts: dict[str, int]
    pressure: Pressure
    verification: Verification
    samples: tuple[Sample, ...]
    mail: Thanks | None = None
    groups: list[dict[str, Any]] = field(default_factory=list)


async def run_demo(run: Run) -> Result:
    """Raises PlayError, NotSettled, NoVictimError, httpx.HTTPError."""
    spoiled = _spoil(run)
    scenario = spoiled.scenario if spoiled else run.scenario
    live, pressure = Live(), Pressure()
    async with SimulatorControl(run.simulator) as control, Observer(run.settings) as observer:
        loop = asyncio.get_running_loop()
        began = loop.time()
        sampler = asyncio.create_task(sample(observer, control, pressure))
        try:
            what = spoiled.play() if spoiled else operations(scenario)
            progress = await _play(run, iter(()) if run.already_played else what, scenario, control, observer, live)
            run.say("played; waiting until everything is read, decided and applied")
            if run.meet is not None:
                await run.meet()
            until = _quiet_until(await control.now())
            await control.advance(until + _FEED_SPAN)
            await _settle(run, observer, control, until)
            seconds = loop.time() - began
            if run.meet is not None:
                await run.meet()
                await _settle(run, observer, control, until)  # what came of another store's last moves, if it could
            until = max(until, observer.log.clock(run.partitions))
        finally:
            sampler.cancel()
            await asyncio.gather(sampler, return_exceptions=True)
        if run.sabotage == "stale-group":
            await _stale_group(run, control)
        return await _sum_up(run, scenario, progress, seconds, live, pressure, control, observer, until)


async def _settle(run: Run, observer: Observer, control: SimulatorControl, until: datetime) -> None:
    await settle(
        observer,
        control,
        run.book,
        store=run.settings.store,
        generation=run.settings.generation or FIRST,
        until=until,
        partitions=run.partitions,
        deadline_s=run.settle_deadline_s,
        others=run.others,
        say=run.say,
    )


def _quiet_until(now: datetime) -> datetime:
    """At noon: the store's midnights, when whole days end, are far from it, whatever the speed of the clock."""
    return (now + _QUIET).replace(hour=12, minute=0, second=0, microsecond=0)


def _spoil(run: Run) -> Spoiled | None:
    if run.sabotage == "drop-event":
        return drop_event(run.scenario)
    if run.sabotage == "double-refund":
        return double_refund(run.scenario)
    return None


async def _play(
    run: Run, what: Iterator[Operation], scenario: Scenario, control: SimulatorControl, observer: Observer, live: Live
) -> Progress:
    total = max(1, len(scenario.shop.orders))
    kills, played = list(run.kills), Progress()

    async def kill_who_is_due() -> None:
        """Each kill meets a process that works: playing is held until the victim is ready again."""
        while run.kill is not None and kills and played.orders / total >= kills[0].share:
            victim = kills.pop(0).victim
            await run.kill(victim)
            live.kills += 1
            run.say(f"kill -9 {victim}")

    async def ready() -> None:
        await kill_who_is_due()
        while True:
            live.pending_webhooks = (await control.calls())["webhooks"]["pending"]
            live.events = observer.log.events
            if live.pending_webhooks <= PENDING_WEBHOOKS:
                return
            await asyncio.sleep(0.05)

    def show(progress: Progress) -> None:
        nonlocal played
        played = progress
        run.show(progress, live)

    async with httpx.AsyncClient(base_url=run.simulator, timeout=60) as client:
        return await play(what, client, ready=ready, show=show)


async def _stale_group(run: Run, control: SimulatorControl) -> None:
    async with httpx.AsyncClient(base_url=run.simulator, timeout=60) as client:
        await stale_group(client, await control.truth(), store=run.settings.store, token=run.access_token)


async def _sum_up(
    run: Run,
    scenario: Scenario,
    progress: Progress,
    seconds: float,
    live: Live,
    pressure: Pressure,
    control: SimulatorControl,
    observer: Observer,
    until: datetime,
) -> Result:
    calls, truth = await control.calls(), await control.truth()
    log = fold_log(observer.log.in_log_order())
    store = run.settings.store
    sent = Sent(await control.mails(), truth, read_book(run.book, store))
    verification = verify(
        scenario,
        log,
        sent,
        calls,
        store=store,
        now=until,
        demo_rules=run.demo_rules,
        live=not run.already_played,
    )
    webhooks = calls["webhooks"]
    actions = await observer.records(*topics.DESIRED_STATE_TOPICS)
    (dead_letters,) = await observer.records(topics.DEAD_LETTERS)
    notices = await _notices(run, observer)
    counts = {
        "webhooks_sent": webhooks["sent"],
        "webhooks_accepted": webhooks["accepted"],
        "duplicates": webhooks["duplicates"],
        "reordered": webhooks["reordered"],
        "notices": notices,
        "events": observer.log.events,
        "decisions": observer.log.events,  # at rest, every event has been decided, exactly once
        "actions": sum(map(len, actions)),
        "vendor_calls": calls["total"],
        "vendor_429": calls["status_429_ours"],
        "dead_letters": len(dead_letters),
        "effects_sent": sum(row["count"] for row in truth["effects"] if row["sink"] != "coupon"),
        "effects_unknown": sum(booked.state == UNKNOWN for booked in sent.book),
        "coupons_made": sum(row["count"] for row in truth["effects"] if row["sink"] == "coupon"),
        "kills": live.kills,
    }
    return Result(
        store=store,
        scenario=scenario,
        progress=progress,
        seconds=seconds,
        calls=calls,
        truth=truth,
        counts=counts,
        pressure=pressure,
        verification=verification,
        samples=pick_samples(await observer.records(topics.ACTIONS_GROUP), truth, scenario, store=store),
        mail=one_mail(scenario.customers, sent.mails, store=store),
        groups=_groups(truth),
    )


async def _notices(run: Run, observer: Observer) -> int:
    """The store's; where there are no others, without reading them."""
    if run.settings.among:
        return len(*await observer.records(topics.NOTICES))
    return sum((await observer.ends(topics.NOTICES)).values())


def _groups(truth: dict[str, Any]) -> list[dict[str, Any]]:
    members: dict[str, int] = {}
    for customer in truth["customers"].values():
        members[customer["group"]] = members.get(customer["group"], 0) + 1
    return [
        {"name": name or "(no group)", "members": count}
        for name, count in sorted(members.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
