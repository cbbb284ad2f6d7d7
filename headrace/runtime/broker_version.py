"""Whether a Kafka is new enough, told from the API versions it advertises (a broker does not state its release)."""

from collections.abc import Mapping
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import ApiVersionRequest

from headrace.runtime.dependency import DependencyError
from headrace.runtime.kafka import connection
from headrace.runtime.settings import KafkaSettings

OLDEST: Final = "3.9"
_FETCH: Final = 1
_FETCH_OF_OLDEST: Final = 17
"""Fetch 17 came with 3.9 (KIP-853): kafka-clients 3.8.1 states 16 as its latest, 3.9.1 states 17."""


def is_too_old(api_versions: Mapping[int, tuple[int, int]]) -> bool:
    """`api_versions`: API key -> (lowest, highest version), as ApiVersions answers."""
    return api_versions.get(_FETCH, (0, -1))[1] < _FETCH_OF_OLDEST


async def check_broker(settings: KafkaSettings) -> None:
    """Raises `DependencyError`: "kafka_unavailable", or "kafka_too_old" when any broker is older than 3.9."""
    client = AIOKafkaClient(**connection(settings), request_timeout_ms=5000)
    try:
        await client.bootstrap()
        nodes = [broker.nodeId for broker in client.cluster.brokers()]
        answers = [await client.send(node, ApiVersionRequest()) for node in nodes]
    except KafkaError as error:
        raise kafka_unavailable(settings.kafka_bootstrap_servers, type(error).__name__) from error
    finally:
        await client.close()
    for answer in answers:
        if is_too_old({key: (lowest, highest) for key, lowest, highest in answer.api_versions}):
            raise DependencyError(
                "kafka_too_old",
                f"the Kafka at {settings.kafka_bootstrap_servers} is older than {OLDEST}",
                f"upgrade it to {OLDEST} or newer; exactness rests on its transactions",
            )


def kafka_unavailable(servers: str, cause: str) -> DependencyError:
    """The error for a Kafka that does not answer."""
    return DependencyError(
        "kafka_unavailable",
        f"no Kafka answers at {servers} ({cause})",
        "correct HEADRACE_KAFKA_BOOTSTRAP_SERVERS, or unset it and start a local one with `headrace kafka up --detach`",
    )
