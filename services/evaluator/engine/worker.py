"""The Faust application around the engine: one source topic, one agent, one table, and nothing of Faust's defaults.

It is declared here and run to its end; what the records mean is the engine's fold.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import faust
from faust.serializers.schemas import Schema
from faust.types import TP

from headrace.runtime.health import Health
from headrace.runtime.kafka import confluent_config
from headrace.runtime.logs import log
from headrace.runtime.process import FatalError, Running
from headrace.runtime.settings import KafkaSettings
from services.evaluator.engine import collector, cures, phases
from services.evaluator.engine.batches import BatchConsumer, transport_for
from services.evaluator.engine.core import Engine, Options
from services.evaluator.engine.failures import fatal
from services.evaluator.engine.fold import Fold
from services.evaluator.engine.membership import current_member, watch_membership
from services.evaluator.engine.pins import wrong_versions
from services.evaluator.engine.predecessor import dismiss_predecessors
from services.evaluator.engine.quiet import quieten
from services.evaluator.engine.restore import Restorer
from services.evaluator.engine.table import StateTable, manager_for
from services.evaluator.engine.transaction import Transactions
from services.evaluator.engine.watch import Watch

REBALANCING: Final = "rebalancing"
STOP_WITHIN_S: Final = 5.0
_REBALANCE_S: Final = 15.0
"""Longer than what a worker may take to let its partitions go (`core.py`)."""
_MARGIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.5
_LAST_COMMIT_WITHIN_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """`group` is the consumer group and Faust's app id; the changelog is `<group>-<table>-changelog`.

    `outputs`: the full names of the topics that the fold writes to.
    """

    group: str
    table: str
    source: str
    partitions: int
    transactional_id: str
    outputs: tuple[str, ...] = ()
    chunk_records: int = 10_000
    max_poll_records: int = 100_000
    session_s: float = 10.0
    heartbeat_s: float = 1.0
    epoch: Options = field(default_factory=Options)

    @property
    def changelog(self) -> str:
        """The full name of the state's changelog."""
        return f"{self.group}-{self.table}-changelog"


class PassThrough(Schema[Any, Any]):
    """Keys and values as they come: a value is a `Load`."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        return message.value


def app_class(engine: Engine, health: Health, transport: Callable[[Any, faust.App], Any]) -> type[faust.App]:
    """Faust's application with our consumer, and the engine told of a rebalance before it goes on."""

    class _App(faust.App):
        def _new_transport(self) -> Any:
            return transport(self.conf.broker_consumer, self)

        async def on_first_start(self) -> None:
            """No data folder: the state is memory and its changelog."""

        async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
            if not cures.off("ready_when_restored"):
                health.block(REBALANCING)
            await engine.quiesce()
            await super()._on_partitions_revoked(revoked)

        def on_rebalance_end(self) -> None:
            """Faust's recovery calls it last, when records flow again; it is not called for one that was overtaken."""
            super().on_rebalance_end()
            health.clear(REBALANCING)

    return _App


class Worker:
    """One worker process: Faust around the engine."""

    def __init__(
        self,
        settings: KafkaSettings,
        running: Running,
        options: WorkerOptions,
        fold: Fold,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._options = options
        self._running = running
        self._writer = Transactions(
            confluent_config(settings),
            transactional_id=options.transactional_id,
            group=options.group,
            source=options.source,
            changelog=options.changelog,
            outputs=options.outputs,
        )
        self.engine = Engine(
            fold=fold,
            writer=self._writer,
            reader=Restorer(settings, source=options.source, changelog=options.changelog),
            positions=lambda: self._consumer,
            member=lambda: current_member(options.group),
            health=running.health,
            fail=running.fail,
            ended=ended,
            options=options.epoch,
        )
        self._watch = Watch(settings, source=options.source, standing=self.engine.standing, health=running.health)
        self.app = self._declare(settings, options)

    @property
    def _consumer(self) -> BatchConsumer:
        return cast("BatchConsumer", self.app.consumer)

    async def run(self) -> None:
        """Until `running.stopping`; then commits what is pending and leaves the group. Raises `FatalError`."""
        tasks = [
            asyncio.ensure_future(self._start()),
            asyncio.ensure_future(self._crashed()),
            asyncio.ensure_future(self.engine.run()),
            asyncio.ensure_future(self.engine.sweep()),
            asyncio.ensure_future(self._watch.run()),
        ]
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            await self._running.stopping.wait()
            await self._stop()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._writer.stop()

    async def _start(self) -> None:
        # An earlier process of this worker may have been killed: its open transaction ends here, then its member goes.
        # Both would else hold everybody up until they time out.
        await self._writer.start()
        await dismiss_predecessors(self._settings, group=self._options.group, client_id=self._options.transactional_id)
        await self.app.start()

    def _ended(self, task: asyncio.Future[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, FatalError):
            log.error("task.failed", task="worker", error=repr(error), exc_info=error)
            error = FatalError("worker_failed", repr(error))
        self._running.fail(error)

    async def _crashed(self) -> None:
        while not (reason := self.app.crash_reason or self._refused()):
            await asyncio.sleep(_LOOK_EVERY_S)
        raise fatal(getattr(reason, "message", ""), repr(reason)) or FatalError("stream_crashed", repr(reason))

    def _refused(self) -> Exception | None:
        consumer = cast("BatchConsumer | None", self.app._consumer)  # the property would make one
        return consumer.refused() if consumer else None

    async def _stop(self) -> None:
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.engine.quiesce(_LAST_COMMIT_WITHIN_S)
                await self.app.stop()
        except TimeoutError:
            self._writer.stop()
            self._running.fail(FatalError("stop_timed_out", f"after {STOP_WITHIN_S:g} s"))

    def _declare(self, settings: KafkaSettings, options: WorkerOptions) -> faust.App:
        async def restore() -> None:
            await self.engine.restore(self._consumer.assigned())

        application = app_class(self.engine, self._running.health, transport_for(options.source, options.chunk_records))
        app = application(
            options.group,
            **_faust_settings(settings, options),
            TableManager=manager_for(restore),
        )
        app.tables.add(
            StateTable(app, name=options.table, key_type=bytes, value_type=bytes, partitions=options.partitions)
        )

        async def fold_chunks(stream: Any) -> None:
            source = stream if cures.off("own_offsets") else stream.noack()
            async for event in source.events():
                for number, chunk in event.message.value:
                    await self.engine.take(number, chunk)

        app.agent(app.topic(options.source, schema=PassThrough()), name="fold")(fold_chunks)
        return app


def _faust_settings(settings: KafkaSettings, options: WorkerOptions) -> dict[str, Any]:
    brokers = settings.kafka_bootstrap_servers.split(",")
    return {
        "broker": [f"kafka://{broker.strip()}" for broker in brokers],
        "broker_credentials": _credentials(settings),
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "topic_partitions": options.partitions,
        "table_standby_replicas": 0,
        "web_enabled": False,
        "autodiscover": False,
        "stream_buffer_maxsize": 4 * options.partitions,
        "stream_wait_empty": cures.off("own_drain"),
        # Ours alone, so that the next process of this worker knows what this one left behind (predecessor.py).
        "broker_client_id": options.transactional_id,
        "broker_session_timeout": options.session_s,
        "broker_heartbeat_interval": options.heartbeat_s,
        # A connection that fell silent is given up after a request's time-out, no sooner. Joining the group waits for
        # the others, or for the session of one that is gone.
        "broker_rebalance_timeout": _REBALANCE_S,
        "broker_request_timeout": max(_REBALANCE_S, options.session_s) + _MARGIN_S,
        "broker_max_poll_records": options.max_poll_records,
        "consumer_auto_offset_reset": "earliest",
        "worker_redirect_stdouts": False,
        **({"consumer_group_instance_id": options.transactional_id} if cures.off("dynamic_membership") else {}),
    }


def _credentials(settings: KafkaSettings) -> Any:
    context = ssl.create_default_context() if settings.kafka_security_protocol.endswith("SSL") else None
    if settings.kafka_sasl_mechanism is not None:
        password = settings.kafka_sasl_password
        return faust.SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_sasl_username,
            password=password.get_secret_value() if password else None,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


async def run_worker(
    settings: KafkaSettings,
    running: Running,
    options: WorkerOptions,
    fold: Fold,
    ended: Callable[[], None] = lambda: None,
) -> None:
    """Folds the source until `running.stopping`. Raises `FatalError` when it cannot go on.

    `ended` is called when the fold wants no more of any of the worker's partitions.
    """
    if refused := cures.refusal() or phases.refusal():
        raise FatalError("test_switch", refused)
    if wrong := wrong_versions():
        raise FatalError("wrong_versions", "; ".join(wrong))
    # Python's cyclic collector costs 1.3 to 2.2 times of the throughput when it looks by itself.
    collector.begin()
    quieten()
    watch_membership()
    await Worker(settings, running, options, fold, ended).run()
