"""The log of a run, filled from a thread: in waves as fast as possible, or some hundred records a second.

What the records say is a source's business (`counting_load.py`, `customers_load.py`).
"""

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from confluent_kafka import Producer

from headrace.runtime.kafka import confluent_config
from headrace.runtime.settings import ServiceSettings
from tests.kill.plan import LoadName

_TICK_S: Final = 0.1
_LOW_PER_TICK: Final = 30
_WAVE_EVERY_S: Final = 4.0
_CLOCK_EVERY_S: Final = 0.7
_ACTIVATION_EVERY_S: Final = 9.0
_OUTAGE_S: Final = 120


class Event(NamedTuple):
    """One record to append."""

    partition: int
    key: bytes
    value: bytes


class Source(Protocol):
    """Makes the records. `wave`: how many one burst of full load has."""

    @property
    def wave(self) -> int: ...
    def events(self, count: int) -> Iterable[Event]: ...
    def clock(self) -> Iterable[Event]: ...
    def activation(self) -> Iterable[Event]: ...


class Load:
    """Appends until the block ends; the last records are clocks, so that all timers before them are due."""

    def __init__(self, settings: ServiceSettings, topic: str, source: Source, load: LoadName) -> None:
        config = {"enable.idempotence": True, "linger.ms": 5, "log_level": 0, "message.timeout.ms": _OUTAGE_S * 1000}
        self._producer = Producer({**confluent_config(settings), **config})
        self._topic, self._source, self._load = topic, source, load
        self._ended = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        if kind is not None:
            return
        self._append(self._source.clock())
        left = self._producer.flush(_OUTAGE_S)
        if self._failed is not None or left:
            raise RuntimeError(f"the log could not be filled: {self._failed or f'{left} records left'}")

    def _run(self) -> None:
        try:
            self._fill()
        except BaseException as error:  # told by whoever ends the block
            self._failed = error

    def _fill(self) -> None:
        next_wave = next_clock = time.monotonic()
        next_activation = next_clock + _ACTIVATION_EVERY_S / 2
        while not self._ended.wait(_TICK_S):
            now = time.monotonic()
            if self._load == "low":
                self._append(self._source.events(_LOW_PER_TICK))
            elif now >= next_wave:
                self._append(self._source.events(self._source.wave))
                next_wave = now + _WAVE_EVERY_S
            if now >= next_clock:
                self._append(self._source.clock())
                next_clock = now + _CLOCK_EVERY_S
            if now >= next_activation:
                self._append(self._source.activation())
                next_activation = now + _ACTIVATION_EVERY_S
            self._producer.poll(0)

    def _append(self, events: Iterable[Event]) -> None:
        for partition, key, value in events:
            while True:
                try:
                    self._producer.produce(self._topic, value, key, partition, on_delivery=self._delivered)
                    break
                except BufferError:
                    self._producer.poll(0.1)

    def _delivered(self, error: object, _message: object) -> None:
        if error is not None and self._failed is None:
            self._failed = RuntimeError(str(error))
