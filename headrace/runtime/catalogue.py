"""Every metric and log event there is, by name, with its meaning: what dashboards, alerts and people rely on.

A new name is one line here; what emits it lives elsewhere.
"""

from dataclasses import dataclass
from typing import Final, Literal

LogEvent = Literal[
    # every process
    "process.started",  # settings are read, the loop runs
    "process.stopping",  # SIGTERM or SIGINT came
    "process.stopped",  # the end; `reason` names the cause
    "health.changed",  # readiness changed; `reasons` are what blocks
    "task.failed",  # a background task ended with an exception
    # the local broker
    "kafka.prepared",  # the jars are in the cache and verified
    "kafka.started",  # the broker answers
    "kafka.stopped",
    "kafka.unavailable",  # a call to Kafka failed and will be tried again
    "topic.created",
]

MetricName = Literal[
    "headrace_ready",
    "headrace_info",
    "headrace_retries_total",
]


@dataclass(frozen=True, slots=True)
class Metric:
    """One row: what a metric counts, in which unit, split by which labels."""

    kind: Literal["counter", "gauge", "histogram"]
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """For histograms, upper bounds in the metric's unit; none = the client's defaults (seconds)."""


METRICS: Final[dict[MetricName, Metric]] = {
    "headrace_ready": Metric("gauge", "1 when the process is ready, else 0"),
    "headrace_info": Metric("gauge", "Always 1; the version is the label", ("version", "service")),
    "headrace_retries_total": Metric("counter", "Calls tried again", ("target",)),
}
