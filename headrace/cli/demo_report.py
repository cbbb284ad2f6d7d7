"""What `headrace demo` shows: live progress with rates, the tables at the end, and the JSON object.

Figures come in whole; nothing is measured here.
"""

from dataclasses import asdict
from types import TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from headrace.cli.stack import StackOptions
from headrace.demo.flow import Live as LiveFigures
from headrace.demo.flow import Result
from headrace.demo.player import Progress as Played

_SHOWN_DIFFERENCES: Final = 20
_PLAIN_EVERY_S: Final = 5.0
_TELLING_WINDOWS: Final = 2
"""Below, a quota was not tight long enough to say anything."""


class Live:
    """A bar on a terminal; a plain line every few seconds elsewhere. Use as a context manager."""

    def __init__(self, console: Console, *, total: int) -> None:
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
        self._task = self._progress.add_task("orders", total=total)
        self._total = total
        self._said_s = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._progress.stop()

    def update(self, played: Played, figures: LiveFigures) -> None:
        """One more chunk was played."""
        rate = figures.events / played.seconds if played.seconds else 0.0
        text = (
            f"orders, store date {played.at[:10]}, {played.orders_per_second:,.0f} orders/s, "
            f"{figures.events:,} events in the log ({rate:,.0f}/s), {figures.pending_webhooks:,} webhooks on their way"
        )
        self._progress.update(self._task, completed=played.orders, description=text)
        if not self._console.is_terminal and played.seconds - self._said_s >= _PLAIN_EVERY_S:
            self._said_s = played.seconds
            self._console.print(f"{played.orders:,} of {self._total:,} {text}", soft_wrap=True)

    def say(self, line: str) -> None:
        """A line between."""
        self._console.print(line, soft_wrap=True)


def as_json(result: Result, options: StackOptions) -> dict[str, Any]:
    """The object of `headrace demo --json`."""
    counts, pressure = result.counts, result.pressure
    writes = result.calls["group_writes"]
    return {
        "seed": options.seed,
        "orders": len(result.scenario.shop.orders),
        "data": result.scenario.shop.counts.as_report(),
        "counts": counts,
        "batch_mean": round(writes["customers"] / writes["calls"], 2) if writes["calls"] else None,
        "seconds": round(result.seconds, 1),
        "seconds_playing": round(result.progress.seconds, 1),
        "events_per_second": round(counts["events"] / result.seconds, 1),
        "speed": options.speed,
        "group_writes": writes,
        "attribute_writes": result.calls["attribute_writes"],
        "calls_by_route": result.calls["by_route"],
        "pressure": {
            "batch_mean": _rounded(pressure.batch_mean),
            "share_used": _rounded(pressure.share_used(options.quota_share)),
            "others_share": _rounded(pressure.others_share),
            "windows": len(pressure.windows),
            "quota": options.quota,
            "quota_share": options.quota_share,
        },
        "groups": result.groups,
        "samples": [asdict(sample) for sample in result.samples],
        "verification": result.verification.as_report(),
    }


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 3)


def print_result(result: Result, options: StackOptions, console: Console) -> None:
    """Tables for people."""
    report = as_json(result, options)
    console.print(_groups(report))
    console.print(_samples(report))
    console.print(_figures(report))
    _print_verification(report, console)


def _groups(report: dict[str, Any]) -> Table:
    table = Table(title="Customer groups", title_justify="left")
    table.add_column("group")
    table.add_column("members", justify="right")
    for row in report["groups"]:
        table.add_row(row["name"], f"{row['members']:,}")
    return table


def _samples(report: dict[str, Any]) -> Table:
    table = Table(title="Three customers, and why", title_justify="left")
    for column in ("customer", "group", "reason"):
        table.add_column(column)
    for row in report["samples"]:
        table.add_row(row["customer"], row["group"], row["reason"])
    return table


def _figures(report: dict[str, Any]) -> Table:
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
        "vendor calls": f"{counts['vendor_calls']:,}, {counts['vendor_429']:,} refused for a rate of our own making",
        "group writes": f"{report['group_writes']['calls']:,} calls, {report['batch_mean'] or 0:g} customers a call, "
        f"{report['group_writes']['unchanged']:,} unchanged",
        "time": f"{report['seconds']:g} s ({report['seconds_playing']:g} s of it playing), "
        f"{report['events_per_second']:,} events/s, store at {report['speed']:g}x",
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


def _print_verification(report: dict[str, Any], console: Console) -> None:
    verification = report["verification"]
    checked = f"{verification['customers_checked']:,} customers"
    if verification["ok"]:
        scope = "orders in the log only: these rules are not the demo's" if verification["limited"] else "all of it"
        console.print(f"[green]verified[/]: groups, attributes and tags of {checked} are right ({scope})")
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
