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
    "store.stopped",  # one of several stores is not served for `delay_s`; `reason` names the cause
    "store.left_out",  # these stores have no credentials for this service
    "health.changed",  # readiness changed; `reasons` are what blocks
    "task.failed",  # a background task ended with an exception
    # Kafka, the local broker too
    "kafka.prepared",  # the jars are in the cache and verified
    "kafka.started",  # the broker answers
    "kafka.stopped",
    "kafka.unavailable",  # a call to Kafka failed and will be tried again
    "topic.created",
    # calls to vendors
    "vendor.retried",  # a call failed and is sent again after `delay_s`
    "vendor.unauthorized",  # the credentials are refused: paused until a person puts them right
    "vendor.circuit_opened",  # failures in a row: nobody calls this vendor for `delay_s`, then one call tries
    "vendor.circuit_closed",  # it works again
    "vendor.unavailable",  # a call was given up for now; what needed it stays queued
    "hook.created",  # a webhook was subscribed
    "hook.left_out",  # the token may not subscribe to carts: no rule hears of them
    "hook.activated",  # a webhook that the vendor had put to sleep was woken
    "hook.updated",  # a webhook was given our address or headers anew
    # ingest
    "webhook.refused",  # answered with 4xx; `reason` says why, the body is never logged
    "webhook.unsigned_accepted",  # the signature is wrong and the setting says log
    "notice.dropped",  # what a notice pointed at does not exist
    "batch.published",  # notices were read and their events acknowledged
    "reply.too_large",  # a page of the store's was larger than we take: `limit` rows are asked for at once from now on
    "row.skipped",  # feed met a row that is not what the vendor documents; `problem` names the field
    "import.advanced",  # rows of a file that were read so far
    "suppressions.read",  # profiles that Klaviyo mails nothing any more
    "owners.read",  # whose orders and addresses are is known again
    "order.moved",  # an order became another customer's: it left the one before it entered the other
    "order.outdated",  # a read older than one that found the order with another customer
    "backfill.advanced",  # progress of a backfill
    "backfill.completed",
    "reconcile.completed",  # one pass over the change feed that found something
    "dead_letter.written",  # a record was set aside; `reason` is one word
    # the evaluator
    "partitions.restoring",  # the state of these partitions is being read back, `offsets` of its changelog in all
    "partitions.restored",  # the state of these partitions was read back from its changelog
    "transactions.sealed",  # a new producer found transactions open, and ended those of its own id that were forgotten
    "partitions.kept",  # of these a rebalance took nothing: the state in memory is the committed one
    "member.dismissed",  # a member that an earlier, killed process of this worker left in the group was removed
    "partitions.released",  # a rebalance: what was pending is committed, nothing more is accepted
    "epoch.aborted",  # a transaction was rolled back; the state is read back and work goes on
    "kafka.answered",  # it was silent for so long that a worker was not ready, and is there again
    "progress.stalled",  # partitions with lag where nothing was committed for a while; not ready until something is
    "hole.accepted",  # a gap in the log itself: offsets that do not exist were passed over
    "changelog.unreadable",  # a state record too short to be one
    "changelog.regressed",  # an older state record behind a newer one: must never be
    "rules.read",  # a rule set of headrace.rules is compiled and at hand
    "rules.refused",  # a rule set that cannot be read or is not the one announced; the last good one stays
    "rules.activated",  # from this offset of this partition on, a rule set is in force
    "sweep.progressed",  # so many of a partition's customers were looked at since an activation; seldom
    "sweep.finished",  # every customer of a partition has seen the activation
    "replay.started",
    "replay.progressed",  # how far a replay is in one partition
    "replay.written",  # a partition is folded, compared and in the new generation's changelog
    "generation.finished",  # the new generation is whole: its offsets are committed
    "generation.promoted",  # from this offset of this partition on, the actions are this generation's
    "generation.retired",  # behind this offset of this partition a newer generation goes on
    "record.dead_lettered",  # a record was set aside; `reason` says why
    # action consumers
    "consumer.assigned",  # partitions were taken over
    "consumer.bootstrapped",  # a database that is new, or was lost, is filled from the beginning of these partitions
    "consumer.waiting",  # a dependency is away and is waited for; `reason` names it
    "consumer.paused",  # a vendor refuses our credentials: nothing is tried for a while
    "consumer.commit_failed",  # a commit was refused (a rebalance); it is repeated
    "attribute.missing",  # the store has no attribute for these values and makes none: they go to metafields
    "attributes.laid_out_anew",  # definitions changed: the records of these partitions are read again
    "action.postponed",  # a vendor call failed and its actions come again
    "intent.awaited",  # an earlier worker had calls under way for `count` customers: they wait until those are over
    "sink.paused",  # a rule moves more customers than is expected: nothing is done until a person says go
    "sink.resumed",  # a person has said go
    "effects.unserved",  # nothing is set for these kinds: what rules ask for of them is published and not done
    "effects.held",  # one entry sends more than is expected of it: its further effects wait for a person
    "effects.book_lost",  # the database is new, and effects were read before: what was sent then is not known any more
    "action.overtaken",  # a call of ours ended after a newer one of the partition's next owner; that one is repeated
]

MetricName = Literal[
    "headrace_ready",
    "headrace_info",
    "headrace_retries_total",
    "headrace_vendor_calls_total",
    "headrace_circuit_open",
    "headrace_webhooks_total",
    "headrace_notices_total",
    "headrace_notices_pending",
    "headrace_events_published_total",
    "headrace_orders_moved_total",
    "headrace_backfill_rows_total",
    "headrace_backfill_expected_rows",
    "headrace_backfill_eta_seconds",
    "headrace_clock_seconds",
    "headrace_dead_letters_total",
    "headrace_evaluator_events_total",
    "headrace_evaluator_decisions_total",
    "headrace_evaluator_effects_total",
    "headrace_evaluator_epochs_total",
    "headrace_evaluator_epoch_seconds",
    "headrace_evaluator_holes_total",
    "headrace_evaluator_dead_letters_total",
    "headrace_evaluator_recent_failures",
    "headrace_evaluator_timers_overdue_seconds",
    "headrace_evaluator_sweep_done",
    "headrace_evaluator_sweep_customers",
    "headrace_evaluator_restored_records_total",
    "headrace_evaluator_lag_records",
    "headrace_evaluator_lag_seconds",
    "headrace_evaluator_stalled_partitions",
    "headrace_evaluator_applied_offset",
    "headrace_evaluator_state_keys",
    "headrace_evaluator_state_pages",
    "headrace_evaluator_chunk_records",
    "headrace_evaluator_restore_offsets_read",
    "headrace_evaluator_restore_offsets_wanted",
    "headrace_evaluator_restore_seconds",
    "headrace_evaluator_rules_refused_total",
    "headrace_actions_total",
    "headrace_actions_waiting",
    "headrace_sink_paused",
    "headrace_effects_total",
    "headrace_effects_open",
    "headrace_action_batch_size",
    "headrace_attributes_missing",
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
    "headrace_circuit_open": Metric("gauge", "1 while a vendor rests after failures in a row", ("vendor", "store")),
    "headrace_vendor_calls_total": Metric("counter", "Calls to a vendor by reply", ("vendor", "route", "status")),
    "headrace_webhooks_total": Metric("counter", "Webhooks by what became of them", ("outcome",)),
    "headrace_notices_total": Metric("counter", "Notices by what became of them", ("outcome",)),
    "headrace_notices_pending": Metric("gauge", "Resources that notices named and hydrate has not published yet"),
    "headrace_events_published_total": Metric("counter", "Events acknowledged by Kafka", ("type", "origin")),
    "headrace_orders_moved_total": Metric("counter", "Orders that became another customer's"),
    "headrace_backfill_rows_total": Metric("counter", "Rows a backfill has published", ("resource",)),
    "headrace_backfill_expected_rows": Metric("gauge", "Rows the store had when the backfill began", ("resource",)),
    "headrace_backfill_eta_seconds": Metric("gauge", "Seconds until the backfill is done, at the pace so far"),
    "headrace_clock_seconds": Metric("gauge", "The store's clock as last published, Unix seconds"),
    "headrace_dead_letters_total": Metric("counter", "Records set aside", ("service", "reason")),
    "headrace_evaluator_events_total": Metric("counter", "Records of headrace.events whose epoch was committed"),
    "headrace_evaluator_decisions_total": Metric("counter", "Calls of decide, activate and wake", ("kind",)),
    "headrace_evaluator_effects_total": Metric(
        "counter",
        "Effects decided on: released, waiting for their time (counted again when it has come), or withheld; counted "
        "again when their epoch is rolled back",
        ("kind", "outcome"),
    ),
    "headrace_evaluator_epochs_total": Metric(
        "counter", "Transactions: committed, aborted, or refused because the group has moved on", ("result",)
    ),
    "headrace_evaluator_epoch_seconds": Metric("histogram", "Duration of a committed transaction"),
    "headrace_evaluator_holes_total": Metric(
        "counter", "Chunks that left a gap: rewound to look again, or accepted as the log's own", ("result",)
    ),
    "headrace_evaluator_dead_letters_total": Metric(
        "counter", "Records set aside; counted again when their epoch is rolled back", ("reason",)
    ),
    "headrace_evaluator_recent_failures": Metric(
        "gauge", "Dead letters that count against the limit now; the worker stops at it", ("partition",)
    ),
    "headrace_evaluator_timers_overdue_seconds": Metric(
        "gauge", "How long the oldest due timer has waited, by its store's clock", ("partition",)
    ),
    "headrace_evaluator_sweep_done": Metric(
        "gauge", "Customers looked at since the newest activation or restore", ("partition",)
    ),
    "headrace_evaluator_sweep_customers": Metric("gauge", "Customers that sweep has to look at", ("partition",)),
    "headrace_evaluator_restored_records_total": Metric("counter", "Changelog records read back"),
    "headrace_evaluator_lag_records": Metric("gauge", "Records not yet committed, each 5 s", ("partition",)),
    "headrace_evaluator_lag_seconds": Metric(
        "gauge", "Age of the oldest record not yet committed, by its Kafka timestamp, each 5 s", ("partition",)
    ),
    "headrace_evaluator_stalled_partitions": Metric(
        "gauge", "Partitions with lag where nothing was committed for 15 s"
    ),
    "headrace_evaluator_applied_offset": Metric("gauge", "Offset of the last committed record", ("partition",)),
    "headrace_evaluator_state_keys": Metric("gauge", "Customers with a state record, each 5 s", ("partition",)),
    "headrace_evaluator_state_pages": Metric("gauge", "Pages of large customers, each 5 s", ("partition",)),
    "headrace_evaluator_chunk_records": Metric(
        "histogram",
        "Records of one partition folded at a stretch",
        buckets=(1, 10, 50, 100, 250, 500, 1000, 2000, 5000, 10_000),
    ),
    "headrace_evaluator_restore_offsets_read": Metric("gauge", "Changelog offsets the newest restore has passed"),
    "headrace_evaluator_restore_offsets_wanted": Metric("gauge", "Changelog offsets it has to pass; equal when done"),
    "headrace_evaluator_restore_seconds": Metric("histogram", "Duration of a restore that had something to read"),
    "headrace_evaluator_rules_refused_total": Metric("counter", "Rule sets that could not be read"),
    "headrace_actions_total": Metric("counter", "Actions by what became of them", ("kind", "result")),
    "headrace_attributes_missing": Metric(
        "gauge", "Store attributes that are wanted and cannot be made; their values are in metafields"
    ),
    "headrace_actions_waiting": Metric("gauge", "Customers whose newest action waits for a call", ("kind",)),
    "headrace_sink_paused": Metric("gauge", "1 while the guard has paused a sink", ("kind",)),
    "headrace_effects_total": Metric("counter", "Effects by what became of them", ("sender", "kind", "result")),
    "headrace_effects_open": Metric("gauge", "Effects that wait, or that a person has to decide", ("sender", "state")),
    "headrace_action_batch_size": Metric("histogram", "Customers in one call", ("kind",), (1, 2, 4, 6, 8, 10, 50, 250)),
}
