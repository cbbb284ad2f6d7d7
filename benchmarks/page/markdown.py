"""The tables of `docs/benchmarks.md`: a result's JSON as Markdown, nothing rounded away that a reader would miss.

Pure; which page they stand on is `write.py`'s.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.engine.results import number

Result = Mapping[str, Any]

COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "engine": {
        "events_per_second": "events/s",
        "cpu_us_per_event": "µs CPU per event",
        "warm_events_per_second": "warm: events/s",
        "warm_cpu_us_per_event": "warm: µs CPU",
        "broker_cpu_us_per_event": "broker µs",
        "changelog_bytes_per_event": "changelog bytes per event",
        "rss_mb": "peak MB",
    },
    "latency": {
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
        "cpu_us_per_event": "µs CPU per event",
        "full_rate": "full speed, events/s",
        "half_rate": "half load, events/s",
        "half_p50_ms": "p50 ms there",
        "half_p99_ms": "p99 ms there",
        "half_cpu_us_per_event": "µs CPU there",
        "loader_late_p99_ms": "loader late, p99 ms",
    },
    "restore": {
        "keys_per_second": "keys/s",
        "seconds": "seconds",
        "cpu_us_per_key": "µs CPU per key",
        "rss_mb": "peak MB",
    },
    "scale": {
        "events_per_second": "events/s",
        "cpu_us_per_event": "µs CPU per event, all workers",
        "broker_cpu_us_per_event": "broker µs",
    },
    "path": {
        "events_per_second": "events/s",
        "cpu_us_per_event": "µs CPU per event",
        "floor_us_per_event": "floor, µs",
        "ratio": "times the floor",
        "written_ratio": "times the floor of what was written",
        "event_us": "decode the event, µs",
        "state_us": "decode and encode the state, µs",
        "state_bytes": "bytes of a state",
        "states_per_event": "states written per event",
        "rss_mb": "peak MB",
    },
    "decide": {
        "decode_event_us": "decode the event, µs",
        "decode_state_us": "decode the state",
        "decide_us": "decide",
        "encode_state_us": "encode the state",
        "all_by_codec": "all by codec",
        "us_per_event": "whole event, µs",
        "state_bytes": "bytes of the state",
        "pages": "pages",
    },
    "plan": {
        "us_per_customer": "µs per customer",
        "seconds": "seconds",
        "cpu_us_per_customer": "µs CPU per customer",
        "rss_mb": "peak MB",
        "changed": "customers that change",
    },
    "consumer": {
        "customers_per_second": "customers/s",
        "seconds": "seconds",
        "cpu_us_per_customer": "µs CPU per customer",
        "rss_mb": "peak MB",
    },
    "templates": {
        "decode_event_us": "decode the event, µs",
        "encode_event_us": "encode it",
        "decode_state_us": "decode the state",
        "encode_state_us": "encode it",
        "decide_us": "decide",
        "decide_by_codec": "times these four",
        "codec_in_place_us": "the four in place",
        "decide_by_codec_in_place": "times that",
        "decide_by_own_codec_in_place": "and without encoding the event",
        "timers_us": "timers, µs",
        "state_bytes": "bytes of the state",
        "events": "events",
    },
}
"""Result -> figure -> heading."""
LIKE: Final = {"engine-large": "engine", "memory": "engine", "scale-path": "scale"}
_RATIOS: Final = {
    "ratios": "",
    "warm_ratios": "warm",
    "cpu_ratios": "CPU per event",
    "warm_cpu_ratios": "CPU per event, warm",
    "p99_ms_ratios": "p99",
    "half_p99_ms_ratios": "p99 at half load",
    "cpu_us_per_event_ratios": "CPU per event",
    "read_ratios": "times reading and decoding",
    "read_cpu_ratios": "times its CPU",
    "opened_ratios": "times reading and decoding with the orders opened",
    "opened_cpu_ratios": "times the CPU of that",
    "growth": "",
}


def result_table(result: Result) -> str:
    """The medians with min and max, then the ratios and what went wrong."""
    name = str(result["benchmark"])
    if name == "profile":
        return "\n\n".join(_profile(each) for each in result["rounds"] if each.get("detail"))
    found: Mapping[str, Mapping[str, Any]] = result["medians"]
    columns = COLUMNS[LIKE.get(name, name)]
    shown = [figure for figure in columns if any(of.get(figure) is not None for of in found.values())]
    rows = [[system, *(_cell(of, figure) for figure in shown)] for system, of in found.items()]
    parts = [markdown(["", *(columns[figure] for figure in shown)], rows), _ratios(result), _troubles(result)]
    return "\n\n".join(part for part in parts if part)


def measured_on(result: Result) -> str:
    """One line: machine, versions, commit, time."""
    machine, versions = result["machine"], result["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    rounds = max((each["round"] for each in result["rounds"]), default=0)
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_mb']:,} MB, {machine['system']}; {named}. "
        f"Commit `{result['commit'] or 'unknown'}`, {result['measured_at'][:10]}, {rounds} "
        f"{'round' if rounds == 1 else 'rounds'}{_workload(result)}."
    )


def markdown(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; all columns but the first are numbers."""
    lines = [f"| {' | '.join(heading)} |", f"|---|{'---:|' * (len(heading) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _cell(of: Mapping[str, Any], figure: str) -> str:
    value, ends = of.get(figure), of.get("range", {}).get(figure)
    if value is None or ends is None or ends[0] == ends[1]:
        return number(value)
    return f"{number(value)} ({number(ends[0])} to {number(ends[1])})"


def _ratios(result: Result) -> str:
    lines = []
    for key, what in _RATIOS.items():
        pairs = ", ".join(f"{pair} {ratio:.2f}" for pair, ratio in result.get(key, {}).items())
        if pairs:
            lines.append(f"- {what + ': ' if what else ''}{pairs}")
    return "\n".join(lines)


def _troubles(result: Result) -> str:
    lines = [f"- {name} was not measured: {why}" for name, why in result.get("unavailable", {}).items()]
    lines += [
        f"- {each['system']}, round {each['round']}, gave no figures: {each['error']}"
        for each in result["rounds"]
        if each.get("error")
    ]
    return "\n".join(lines)


def _profile(each: Mapping[str, Any]) -> str:
    detail = each["detail"]
    tables = [
        markdown([heading, "%"], [[name, f"{share:.1f}"] for name, share in detail[kind].items()])
        for kind, heading in (("parts", "part"), ("functions", "function"), ("threads", "thread"))
    ]
    return "\n\n".join([f"**{each['system']}**, {detail['samples']:,} samples", *tables])


def _workload(result: Result) -> str:
    workload = result.get("workload")
    if not workload:
        return ""
    return "; " + ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in workload.items())


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
