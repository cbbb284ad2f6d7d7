"""The one table of topics, and where a key lives: every producer asks `partition_of`.

Nothing here talks to Kafka; `headrace.runtime` creates and checks what the table says.
"""

from dataclasses import dataclass
from typing import Final, Literal

DEFAULT_PREFIX: Final = "headrace."
DEFAULT_PARTITIONS: Final = 12
PARTITION_WIDE_KEY: Final = b"~"
"""Key of the records that concern a whole partition: its marker, and events such as `clock`."""

Cleanup = Literal["delete", "compact"]
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table. `retention_ms` -1 is unlimited; `one_partition` topics are not keyed by customer."""

    name: str
    cleanup: Cleanup
    retention_ms: int = -1
    one_partition: bool = False


NOTICES: Final = "notices"
EVENTS: Final = "events"
OWNERS: Final = "owners"
RULES: Final = "rules"
ACTIONS_GROUP: Final = "actions.group"
ACTIONS_ATTRIBUTES: Final = "actions.attributes"
ACTIONS_EMAIL_TAGS: Final = "actions.email-tags"
ACTIONS_CONTACT: Final = "actions.contact"
ACTIONS_EFFECTS: Final = "actions.effects"
OUTCOMES: Final = "outcomes"
DEAD_LETTERS: Final = "dead-letters"

DESIRED_STATE_TOPICS: Final = (ACTIONS_GROUP, ACTIONS_ATTRIBUTES, ACTIONS_EMAIL_TAGS, ACTIONS_CONTACT)


def changelog(generation: int) -> str:
    """Name, without prefix, of the state changelog of a generation (an integer from 1)."""
    return f"evaluator-{generation}-state-changelog"


def table(generation: int = 1) -> tuple[Topic, ...]:
    """Every topic of a deployment whose live generation is `generation`, names without prefix."""
    return (
        Topic(NOTICES, "delete", 7 * DAY_MS),
        Topic(EVENTS, "delete"),
        Topic(OWNERS, "compact"),
        Topic(RULES, "delete", one_partition=True),
        Topic(changelog(generation), "compact"),
        Topic(ACTIONS_GROUP, "compact"),
        Topic(ACTIONS_ATTRIBUTES, "compact"),
        Topic(ACTIONS_EMAIL_TAGS, "compact"),
        Topic(ACTIONS_CONTACT, "compact"),
        Topic(ACTIONS_EFFECTS, "delete", 30 * DAY_MS),
        Topic(OUTCOMES, "delete", 30 * DAY_MS),
        Topic(DEAD_LETTERS, "delete", 30 * DAY_MS),
    )


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 of a key, as an unsigned integer.

    Source: org.apache.kafka.common.utils.Utils.murmur2 (seed 0x9747b28c).
    """
    mask = 0xFFFFFFFF
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * 0x5BD1E995 & mask
        k ^= k >> 24
        h = (h * 0x5BD1E995 & mask) ^ (k * 0x5BD1E995 & mask)
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * 0x5BD1E995 & mask
    h ^= h >> 13
    h = h * 0x5BD1E995 & mask
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as Kafka's Java client chooses it (librdkafka's default is another hash)."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
