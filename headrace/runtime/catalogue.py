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
    # calls to vendors
    "vendor.retried",  # a call failed and is sent again after `delay_s`
    "vendor.unauthorized",  # the credentials are refused: paused until a person puts them right
    "vendor.unavailable",  # a call was given up for now; what needed it stays queued
    "hook.created",  # a webhook was subscribed
    "hook.activated",  # a webhook that the vendor had put to sleep was woken
    # ingest
    "webhook.refused",  # answered with 4xx; `reason` says why, the body is never logged
    "webhook.unsigned_accepted",  # the signature is wrong and the setting says log
    "notice.dropped",  # what a notice pointed at does not exist
    "batch.published",  # notices were read and their events acknowledged
    "backfill.advanced",  # progress of a backfill
    "backfill.completed",
    "reconcile.completed",  # one pass over the change feed that found something
    "dead_letter.written",  # a record was set aside; `reason` is one word
]

MetricName = Literal[
    "headrace_ready",
    "headrace_info",
    "headrace_retries_total",
    "headrace_vendor_calls_total",
    "headrace_webhooks_total",
    "headrace_notices_total",
    "headrace_notices_pending",
    "headrace_events_published_total",
    "headrace_backfill_rows_total",
    "headrace_clock_seconds",
    "headrace_dead_letters_total",
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
    "headrace_vendor_calls_total": Metric("counter", "Calls to a vendor by reply", ("vendor", "route", "status")),
    "headrace_webhooks_total": Metric("counter", "Webhooks by what became of them", ("outcome",)),
    "headrace_notices_total": Metric("counter", "Notices by what became of them", ("outcome",)),
    "headrace_notices_pending": Metric("gauge", "Resources that notices named and hydrate has not published yet"),
    "headrace_events_published_total": Metric("counter", "Events acknowledged by Kafka", ("type", "origin")),
    "headrace_backfill_rows_total": Metric("counter", "Rows a backfill has published", ("resource",)),
    "headrace_clock_seconds": Metric("gauge", "The store's clock as last published, Unix seconds"),
    "headrace_dead_letters_total": Metric("counter", "Records set aside", ("service", "reason")),
}
