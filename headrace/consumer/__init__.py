"""The SDK for action consumers, ours and other people's: one small loop around what a sink can do.

A sink is a `Kind`: it says what it wants (`prepare`) and does it (`perform`). Versions, batches, the applied ledger,
outcomes, dead letters and commits are the loop's; what a vendor understands is not known here.
"""

from headrace.consumer.advice import as_advised
from headrace.consumer.database import Database, open_database
from headrace.consumer.kind import (
    Applied,
    Arrival,
    Finished,
    Kind,
    Limits,
    PauseConsumer,
    Result,
    Skip,
    Target,
    Task,
    TryAgain,
)
from headrace.consumer.loop import Consumer

__all__ = [
    "Applied",
    "Arrival",
    "Consumer",
    "Database",
    "Finished",
    "Kind",
    "Limits",
    "PauseConsumer",
    "Result",
    "Skip",
    "Target",
    "Task",
    "TryAgain",
    "as_advised",
    "open_database",
]
