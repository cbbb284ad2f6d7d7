"""What `headrace demo` shows: live progress with rates, the tables at the end, and the JSON object.

Figures come in whole; nothing is measured here. With several stores each has its own, and the whole has their sums.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from headrace.cli.stack_options import StackOptions
from headrace.demo.flow import Live as LiveFigures
from headrace.demo.flow import Result
from headrace.demo.player import Progress as Played
from headrace.demo.pressure import batch_mean, others_share, share_used
from headrace.demo.verify import all_of

_SHOWN_DIFFERENCES: Final = 20
_PLAIN_EVERY_S: Final = 5.0
_TELLING_WINDOWS: Final = 2
"""Below, a quota was not tight long enough to say anything."""


class Live:
    """A bar a store on a terminal; plain lines every few seconds elsewhere. Use as a context manager."""

    def __init__(self, console: Console, totals: Mapping[str, int]) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks = {
            store: self._progress.add_task(f"{self._name(store, totals)}orders", total=total)
            for store, total in totals.items()
        }
        self._totals = totals
        self._said_s = dict.fromkeys(totals, 0.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._progress.stop()

    def update(self, store: str, played: Played, figures: LiveFigures) -> None:
        """One more chunk was played in the store."""
        rate = figures.events / played.seconds if played.seconds else 0.0
        text = (
            f"orders, store date {played.at[:10]}, {played.orders_per_second:,.0f} orders/s, "
            f"{figures.events:,} events in the log ({rate:,.0f}/s), {figures.pending_webhooks:,} webhooks on their way"
        )
        name = self._name(store, self._totals)
        self._progress.update(self._tasks[store], completed=played.orders, description=name + text)
        if not self._console.is_terminal and played.seconds - self._said_s[store] >= _PLAIN_EVERY_S:
            self._said_s[store] = played.seconds
            self._console.print(f"{name}{played.orders:,} of {self._totals[store]:,} {text}", soft_wrap=True)

    def say(self, store: str, line: str) -> None:
        """A line between."""
        self._console.print(self._name(store, self._totals) + line, soft_wrap=True)

    @staticmethod
    def _name(store: str, totals: Mapping[str, int]) -> str:
        return f"{store}: " if len(totals) > 1 else ""


def as_json(results: Sequence[Result], options: StackOptions) -> dict[str, Any]:
    """The object of `headrace demo --json`: the whole, and under `stores` the same figures of each of them."""
    stores = [
        {"store": result.store, "customers": len(result.scenario.customers), **_figures_of([result], options)}
        for result in results
    ]
    return {"seed": options.seed, **_figures_of(results, options), "speed": options.speed, "stores": stores}


def _figures_of(results: Sequence[Result], options: StackOptions) -> dict[str, Any]:
    counts = _sum([result.counts for result in results])
    writes = _sum([result.calls["group_writes"] for result in results])
    seconds = max(result.seconds for result in results)
    pressures = [result.pressure for result in results]
    return {
        "orders": sum(len(result.scenario.shop.orders) for result in results),
        "data": _sum([result.scenario.shop.counts.as_report() for result in results]),
        "counts": counts,
        "batch_mean": round(writes["customers"] / writes["calls"], 2) if writes["calls"] else None,
        "seconds": round(seconds, 1),
        "seconds_playing": round(max(result.progress.seconds for result in results), 1),
        "events_per_second": round(counts["events"] / seconds, 1),
        "group_writes": writes,
        "attribute_writes": _sum([result.calls["attribute_writes"] for result in results]),
        "calls_by_route": _sum([result.calls["by_route"] for result in results]),
        "pressure": {
            "batch_mean": _rounded(batch_mean(pressures)),
            "share_used": _rounded(share_used(pressures, options.quota_share)),
            "others_share": _rounded(others_share(pressures)),
            "windows": sum(len(pressure.windows) for pressure in pressures),
            "quota": options.quota,
            "quota_share": options.quota_share,
        },
        "groups": _groups_of(results),
        "samples": [asdict(sample) for result in results for sample in result.samples],
        "mail": next((asdict(result.mail) for result in results if result.mail is not None), None),
        "verification": all_of([result.verification for result in results]).as_report(),
    }


def _sum(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figure by figure, in the order in which they are first met; objects in them the same way."""
    total: dict[str, Any] = {}
    for each in objects:
        for name, figure in each.items():
            before = total.get(name)
            if isinstance(figure, Mapping):
                total[name] = _sum([before or {}, figure])
            else:
                total[name] = figure + (before or 0)
    return total


def _groups_of(results: Sequence[Result]) -> list[dict[str, Any]]:
    """By name, the largest first."""
    members: Counter[str] = Counter()
    for result in results:
        members.update({row["name"]: row["members"] for row in result.groups})
    return [
        {"name": name, "members": count} for name, count in sorted(members.items(), key=lambda row: (-row[1], row[0]))
    ]


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 3)


def print_result(report: Mapping[str, Any], console: Console) -> None:
    """Tables for people, of what `as_json` gives; those of each store under its name where there are several."""
    stores = report["stores"]
    for store in stores:
        if len(stores) > 1:
            console.rule(f"store {store['store']}", align="left")
        console.print(_groups(store))
        console.print(_samples(store))
        if store["mail"] is not None:
            console.print(_mail(store["mail"]))
        console.print(_figures(store, report["speed"]))
        _print_verification(store, console)
    if len(stores) > 1:
        console.rule("all stores", align="left")
        _print_verification(report, console)


def _groups(report: Mapping[str, Any]) -> Table:
    table = Table(title="Customer groups", title_justify="left")
    table.add_column("group")
    table.add_column("members", justify="right")
    for row in report["groups"]:
        table.add_row(row["name"], f"{row['members']:,}")
    return table


def _samples(report: Mapping[str, Any]) -> Table:
    table = Table(title="Three customers, and why", title_justify="left")
    for column in ("customer", "group", "reason"):
        table.add_column(column)
    for row in report["samples"]:
        table.add_row(row["customer"], row["group"], row["reason"])
    return table


def _mail(mail: Mapping[str, str]) -> Table:
    table = Table(title="One of the mails to new VIPs", title_justify="left")
    for column in ("customer", "subject", "coupon"):
        table.add_column(column)
    table.add_row(mail["customer"], mail["subject"], mail["coupon"])
    return table


def _figures(report: Mapping[str, Any], speed: float) -> Table:
    counts, data, pressure = report["counts"], report["data"], report["pressure"]
    table = Table(title="What happened", title_justify="left", show_header=False)
    rows = {
        "read from the file": f"{data['invoices']:,} invoices, {report['orders']:,} orders played, "
        f"{data['refunds_matched']:,} refunds, {data['refund_lines_unmatched']:,} refund lines unmatched",
        "skipped while reading": _skipped(data["skipped"]),
        "webhooks": f"{counts['webhooks_sent']:,} sent, {counts['webhooks_accepted']:,} accepted, "
        f"{counts['duplicates']:,} duplicated, {counts['reordered']:,} reordered",
        "notices, events, decisions": f"{counts['notices']:,}, {counts['events']:,}, {counts['decisions']:,}",
        "actions": f"{counts['actions']:,}, {counts['dead_letters']:,} dead letters",
        "effects": f"{counts['effects_sent']:,} sent, {counts['coupons_made']:,} coupons made"
        + (f", {counts['effects_unknown']:,} unknown after a crash" if counts["effects_unknown"] else ""),
        "vendor calls": f"{counts['vendor_calls']:,}, {counts['vendor_429']:,} refused for a rate of our own making",
        "group writes": f"{report['group_writes']['calls']:,} calls, {report['batch_mean'] or 0:g} customers a call, "
        f"{report['group_writes']['unchanged']:,} unchanged",
        "time": f"{report['seconds']:g} s ({report['seconds_playing']:g} s of it playing), "
        f"{report['events_per_second']:,} events/s, store at {speed:g}x",
    }
    if pressure["windows"] >= _TELLING_WINDOWS:
        rows["while 100 or more waited"] = (
            f"{pressure['share_used']:.0%} of our share of the quota used, other apps {pressure['others_share']:.0%} "
            f"of the whole, {pressure['batch_mean'] or 0:g} customers a group write, {pressure['windows']} windows"
        )
    if counts["kills"]:
        rows["killed on purpose"] = f"{counts['kills']} processes"
    for name, text in rows.items():
        table.add_row(name, text)
    return table


def _skipped(counts: dict[str, int]) -> str:
    """`812 invoices without goods, 290 price zero lines`."""
    return ", ".join(f"{n:,} {what.replace('_', ' ')}" for what, n in counts.items() if n) or "nothing"


def _print_verification(report: Mapping[str, Any], console: Console) -> None:
    verification = report["verification"]
    checked = f"{verification['customers_checked']:,} customers"
    if verification["ok"]:
        scope = "orders in the log only: these rules are not the demo's" if verification["limited"] else "all of it"
        console.print(f"[green]verified[/]: groups, attributes, tags and mails of {checked} are right ({scope})")
        return
    differences = verification["differences"]
    console.print(f"[red]not verified[/]: {len(differences):,} differences among {checked}")
    table = Table()
    for column in ("customer", "kind", "expected", "actual"):
        table.add_column(column)
    for one in differences[:_SHOWN_DIFFERENCES]:
        table.add_row(one["customer"], one["kind"], str(one["expected"]), str(one["actual"]))
    console.print(table)
    if len(differences) > _SHOWN_DIFFERENCES:
        console.print(f"... and {len(differences) - _SHOWN_DIFFERENCES:,} more; --json has all")
