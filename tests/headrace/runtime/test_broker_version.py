"""Which brokers are too old, told from what they advertise."""

import pytest

from headrace.runtime import broker_version
from headrace.runtime.broker_version import check_broker, is_too_old
from headrace.runtime.dependency import DependencyError
from headrace.runtime.settings import ServiceSettings

# API key -> versions, as kafka-clients 3.8.1 and 3.9.1 state them.
KAFKA_3_8 = {0: (0, 11), 1: (0, 16), 2: (0, 8), 18: (0, 3)}
KAFKA_3_9 = {0: (0, 11), 1: (0, 17), 2: (0, 9), 18: (0, 4)}


@pytest.mark.parametrize(
    ("api_versions", "expected"), [(KAFKA_3_8, True), (KAFKA_3_9, False), ({1: (4, 18)}, False), ({}, True)]
)
def test_is_too_old__table(api_versions: dict[int, tuple[int, int]], expected: bool) -> None:
    assert is_too_old(api_versions) is expected


async def test_check_broker__a_real_new_one__passes(kafka_settings: ServiceSettings) -> None:
    await check_broker(kafka_settings)


async def test_check_broker__older_than_we_need__refused(
    kafka_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_version, "_FETCH_OF_OLDEST", 99)

    with pytest.raises(DependencyError) as caught:
        await check_broker(kafka_settings)

    assert caught.value.code == "kafka_too_old"
    assert "older than 3.9" in caught.value.message
