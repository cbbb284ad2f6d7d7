"""What no repeating mends: Kafka's answers that end the process, and the reason it then names.

Everything else is repeated, or the epoch is aborted and read again; see `producer.py` and `restore.py`.
"""

from collections.abc import Mapping
from typing import Final

from headrace.runtime.process import FatalError

_REASONS: Final[Mapping[str, str]] = {
    # A record as it is will never be taken.
    "MSG_SIZE_TOO_LARGE": "record_refused",
    "RECORD_LIST_TOO_LARGE": "record_refused",
    "MESSAGE_TOO_LARGE": "record_refused",
    "INVALID_MSG": "record_refused",
    "INVALID_RECORD": "record_refused",
    "POLICY_VIOLATION": "record_refused",
    "OFFSET_METADATA_TOO_LARGE": "record_refused",
    # An administrator must act.
    "TOPIC_AUTHORIZATION_FAILED": "not_authorized",
    "GROUP_AUTHORIZATION_FAILED": "not_authorized",
    "CLUSTER_AUTHORIZATION_FAILED": "not_authorized",
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED": "not_authorized",
    "SASL_AUTHENTICATION_FAILED": "not_authorized",
    "_AUTHENTICATION": "not_authorized",
}


def fatal(name: str, detail: str) -> FatalError | None:
    """The end for an error of Kafka by its name (librdkafka's `name()`, aiokafka's `message`); None if it may pass."""
    reason = _REASONS.get(name)
    return FatalError(reason, f"{name}: {detail}") if reason else None
