"""Which Kafka a verb talks to when nobody named one: the one that `headrace kafka up` left running.

An address in the environment or a --config file always wins.
"""

import os

from headrace.runtime.broker_state import running_broker
from headrace.runtime.embedded_kafka import cache_dir_from_environment
from headrace.runtime.settings import variable


def use_running_kafka() -> None:
    """Sets the address in the environment if none is there and an embedded broker runs."""
    name = variable("kafka_bootstrap_servers")
    if os.environ.get(name) or os.environ.get(f"{name}_FILE"):
        return
    running = running_broker(cache_dir_from_environment() / "kafka-data")
    if running is not None:
        os.environ[name] = running.bootstrap_servers
