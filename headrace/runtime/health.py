"""Health: why a process is not ready, in words, and the port that tells it, with the metrics.

What blocks a service is said by the service; nothing here probes anything.
"""

from aiohttp import web

from headrace.runtime.logs import log
from headrace.runtime.metrics import exposition, gauge

STARTING = "starting"


class Health:
    """Ready when nothing blocks. Begins blocked by "starting" until `clear("starting")`."""

    def __init__(self) -> None:
        self._reasons: dict[str, None] = {STARTING: None}
        self._notes: dict[str, str] = {}
        gauge("headrace_ready").set(0)

    @property
    def ready(self) -> bool:
        """True when nothing blocks."""
        return not self._reasons

    @property
    def started(self) -> bool:
        """True once "starting" was cleared."""
        return STARTING not in self._reasons

    @property
    def reasons(self) -> list[str]:
        """What blocks, in the order it came."""
        return list(self._reasons)

    @property
    def notes(self) -> list[str]:
        """What a person should know although nothing is blocked by it, by topic."""
        return [self._notes[about] for about in sorted(self._notes)]

    def note(self, about: str, text: str) -> None:
        """Replaces the note about this; "" takes it back. Readiness stays what it is."""
        self._notes.pop(about, None)
        if text:
            self._notes[about] = text

    def block(self, reason: str) -> None:
        """Makes the process not ready for this reason, until it is cleared."""
        if reason not in self._reasons:
            self._reasons[reason] = None
            self._changed()

    def clear(self, reason: str) -> None:
        """Takes a reason back; one that does not block is no error."""
        if reason in self._reasons:
            del self._reasons[reason]
            self._changed()

    def _changed(self) -> None:
        gauge("headrace_ready").set(1 if self.ready else 0)
        log.info("health.changed", ready=self.ready, reasons=self.reasons)


class HealthServer:
    """Serves /live, /ready, /startup (200 or 503 with {"status", "reasons"}) and /metrics.

    /ready has `notes` as well when there are some: what a person should know although nothing is blocked by it.
    """

    def __init__(self, health: Health, port: int, *, host: str = "127.0.0.1") -> None:
        self._health = health
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Returns the port. Raises OSError when it is taken."""
        app = web.Application()
        app.router.add_get("/live", self._live)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/startup", self._startup)
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Closes the port; harmless when it was never open."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _live(self, _: web.Request) -> web.Response:
        return _answer([])

    async def _ready(self, _: web.Request) -> web.Response:
        return _answer(self._health.reasons, self._health.notes)

    async def _startup(self, _: web.Request) -> web.Response:
        return _answer([] if self._health.started else [STARTING])

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=exposition(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _answer(reasons: list[str], notes: list[str] | None = None) -> web.Response:
    answer: dict[str, object] = {"status": "blocked" if reasons else "ok", "reasons": reasons}
    if notes:
        answer["notes"] = notes
    return web.json_response(answer, status=503 if reasons else 200)
