"""The SDK for action consumers, ours and other people's: one small loop around what a sink can do.

Consumers of your own are made with `effect` and `DesiredState` (docs/sdk.md); `testing` tries them without Kafka. A
sink of ours is a `Kind`: it says what it wants (`prepare`) and does it (`perform`). Versions, batches, the applied
ledger, outcomes, dead letters and commits are the loop's; what a vendor understands is not known here.
"""

from headrace.consumer.advice import as_advised
from headrace.consumer.database import Database, open_database
from headrace.consumer.effects.sender import Contact, Done, InDoubt, Letter, NotNow, Refused
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
from headrace.consumer.sdk import ConsumerSettings, DesiredState, RefusedOnes, effect
from headrace.contracts.actions import DesiredAttributes, DesiredContact, DesiredEmailTags, DesiredGroup

__all__ = [
    "Applied",
    "Arrival",
    "Consumer",
    "ConsumerSettings",
    "Contact",
    "Database",
    "DesiredAttributes",
    "DesiredContact",
    "DesiredEmailTags",
    "DesiredGroup",
    "DesiredState",
    "Done",
    "Finished",
    "InDoubt",
    "Kind",
    "Letter",
    "Limits",
    "NotNow",
    "PauseConsumer",
    "Refused",
    "RefusedOnes",
    "Result",
    "Skip",
    "Target",
    "Task",
    "TryAgain",
    "as_advised",
    "effect",
    "open_database",
]
