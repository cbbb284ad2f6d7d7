"""The engine's cures for what Faust, aiokafka and plain Kafka get wrong, by name, each with a switch for its test.

`HEADRACE_TEST_DISABLE=<cure>[,<cure>]` takes cures out, so that a test shows what they are for. Cures that are only
about speed (batches, bulk restore, the collector's thresholds) are not here: the benchmark shows those.
"""

import os
from collections.abc import Mapping
from typing import Final, Literal, get_args

DISABLE: Final = "HEADRACE_TEST_DISABLE"
TEST_RUN: Final = "HEADRACE_TEST_RUN"

Cure = Literal[
    # state, outputs and offsets
    "one_transaction",  # a crash between two commits repeats the outputs of the first
    "mark_skip",  # a record delivered twice is counted twice
    "failed_send_aborts",  # a record that was not taken is only logged, and the position moves past it: lost
    "fold_error_stops",  # an exception of the fold is only logged: its records come again for ever, or are skipped
    "abort_discards",  # what an aborted epoch changed stays in memory, its outputs are never written: lost
    "partition_marker",  # records that left no state are folded again after a restart: repeated dead letters
    "grave",  # a deleted customer's mark is gone, a late event brings the customer back
    # where the consumer stands
    "seek_without_commit",  # fetched records of a partition with no commit are never fetched again: lost
    "era",  # chunks fetched before a rewind pass for what comes after it: a hole is taken for the log's own
    "contiguity",  # whatever drops a chunk loses its records, and nobody notices
    "active_partitions",  # an empty active set fetches from all partitions, and moves their positions: lost
    "own_offsets",  # Faust commits positions ahead of the state, outside the transaction
    "livelock_detector",  # Faust's detector dies with AssertionError while a position is unknown
    # restore and readiness
    "interrupted_restore",  # a restore that a rebalance overtook begins with partitions that are no longer ours
    "restore_wait",  # Faust takes a time-out of the restore for its own end, and never restores again: stuck
    "largest_mark_wins",  # a stale record behind a newer one becomes the state
    "read_committed",  # records of an aborted transaction become the state, its outputs are lost
    "seal",  # a transaction that a broker forgot to end is open for ever: no restore over it ends
    "high_watermark",  # what a still open transaction holds is missed, and folded again when it was committed
    "revoked_state",  # a partition that comes back is folded from what it was before it left: wrong state
    "keep_if_committed",  # a partition that stays is folded on from what an aborted epoch left: its outputs are lost
    "ready_when_restored",  # a worker without state says it is ready
    # the fence
    "group_fence",  # the broker does not look at the generation: a woken zombie commits what others did already
    "old_generation",  # what an older generation folded is committed under the new one
    "fence_every_epoch",  # an epoch that moved no position is not fenced: a zombie's sweep is committed
    "flush_first",  # records sent after the generation was checked lie above what the new owner has read
    "stable_id",  # a replaced worker is not fenced, and its open transaction blocks readers until it times out
    "transaction_timeout",  # a worker that vanished within a transaction holds the others up for a minute
    "dynamic_membership",  # a worker that ended stays in the group until its session is over
    # the end
    "revoke_commits",  # at a rebalance or SIGTERM, what is pending is thrown away
    "own_drain",  # Faust waits at SIGTERM for acknowledgements that never come
]
"""Every cure, with what goes wrong without it."""

NAMES: Final[frozenset[str]] = frozenset(get_args(Cure))


def off(cure: Cure) -> bool:
    """Whether a test took this cure out; never so outside a test run."""
    return cure in _off


def refusal(environ: Mapping[str, str] = os.environ) -> str | None:
    """Why a process with this environment must not start, None when nothing is switched off or a test may do so."""
    asked = _asked(environ)
    if not asked:
        return None
    if not is_test_run(environ):
        return f"{DISABLE} is for tests only: it makes the state wrong"
    if unknown := sorted(asked - NAMES):
        return f"{DISABLE}: no cure is called {', '.join(unknown)}"
    return None


def is_test_run(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether HEADRACE_TEST_RUN names this process or the one that started it.

    A number that was true once is not true again: neither an image, an env file, a unit nor a forgotten `export` can
    carry it into production, as a plain "1" would be. Process 1 is a container's own entry point, never a test.
    """
    named = environ.get(TEST_RUN, "")
    return named.isdecimal() and int(named) > 1 and int(named) in {os.getpid(), os.getppid()}


def read_switch(environ: Mapping[str, str] = os.environ) -> None:
    """Takes out what the environment names, if it may; called once at import, and by tests that change it."""
    global _off  # noqa: PLW0603  # one switch per process, read on every chunk
    _off = frozenset() if refusal(environ) else _asked(environ)


def _asked(environ: Mapping[str, str]) -> frozenset[str]:
    return frozenset(name.strip() for name in environ.get(DISABLE, "").split(",")) - {""}


_off: frozenset[str] = frozenset()
read_switch()
