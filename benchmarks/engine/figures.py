"""One run of a worker from its start to its end, as the figures that the tables show.

What they are computed of stands in `results.py`; what else a benchmark wants to know of the run is its own.
"""

from typing import Any

from benchmarks.engine.machine import cpu_seconds
from benchmarks.engine.results import speeds
from benchmarks.engine.worker_process import WorkerProcess


def run_to_the_end(worker: WorkerProcess, broker_pid: int, events: int, within_s: float) -> dict[str, Any]:
    """Starts the worker and ends it when it has folded so many events. Raises `RunFailed`, `MarksMissing`."""
    before = cpu_seconds(broker_pid)
    with worker:
        worker.wait_for("last", within_s)
        rss, broker_cpu = worker.peak_rss_mb, cpu_seconds(broker_pid) - before
        whole, warm = speeds(worker.marks())
    return {
        "events_per_second": round(whole.events_per_second),
        "cpu_us_per_event": round(whole.cpu_us_per_event, 2),
        "warm_events_per_second": round(warm.events_per_second),
        "warm_cpu_us_per_event": round(warm.cpu_us_per_event, 2),
        "rss_mb": rss,
        "broker_cpu_us_per_event": round(broker_cpu / events * 1e6, 2),
    }
