"""What the tests of dead letters share: letters in real Kafka, and the command that is asked about them."""

import asyncio
import contextlib
import io
import json
from typing import Any

import pytest

from headrace.cli.letter_topic import Record
from headrace.cli.main import execute
from headrace.contracts.actions import DeadLetter, DeadLetterMark, encode
from headrace.contracts.topics import DEAD_LETTERS
from headrace.runtime.kafka import make_producer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings

KEY = b"s:1"


class Letters:
    """One deployment's topics, named in the environment."""

    def __init__(self, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = settings
        monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
        monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", settings.topic_prefix)

    async def write(self, *values: DeadLetter | DeadLetterMark | bytes, partition: int = 0) -> None:
        """Appends letters and marks."""
        records = [value if isinstance(value, bytes) else encode(value) for value in values]
        await self.append(DEAD_LETTERS, *records, partition=partition)

    async def append(
        self,
        name: str,
        *values: bytes | None,
        key: bytes = KEY,
        partition: int = 0,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> list[int]:
        """Appends records to a topic; their offsets."""
        producer = make_producer(self.settings)
        await producer.start()
        try:
            sent = [
                await producer.send_and_wait(
                    topic(self.settings, name), value, key=key, partition=partition, headers=headers
                )
                for value in values
            ]
        finally:
            await producer.stop()
        return [one.offset for one in sent]

    async def records(self, name: str) -> list[Record]:
        """All records of a topic."""
        return await read_to_end(self.settings, topic(self.settings, name))

    async def run(self, *words: str, code: int = 0) -> Any:
        """What the command says with --json."""
        return json.loads(await self.say(*words, "--json", code=code))

    async def say(self, *words: str, code: int = 0) -> str:
        """What the command prints."""
        output = io.StringIO()

        def run() -> int:
            with contextlib.redirect_stdout(output):
                return execute(["dead-letters", *words])

        assert await asyncio.to_thread(run) == code, output.getvalue()
        return output.getvalue()
