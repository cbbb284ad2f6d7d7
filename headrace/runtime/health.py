"""Health: why a process is not ready, in words, and the port that tells it, with the metrics.

What blocks a service is said by the service; nothing here probes anything.
"""

from aiohttp import web

from headrace.runtime.logs import log
from headrace.runtime.metrics import exposition, gauge

STARTING = "starting"


class Health:
    """Ready when nothing blocks. Begins blocked by "starting" until `clear("starting")`.

    With lanes, one for each store, a store in trouble blocks nobody else: it is told among the notes, unless all are.
    """

    store = ""
    """Whose; "" is the process."""

    def __init__(self) -> None:
        self._reasons: dict[str, None] = {STARTING: None}
        self._notes: dict[str, str] = {}
        self._lanes: dict[str, LaneHealth] = {}
        self._show()

    @property
    def ready(self) -> bool:
        """True when nothing blocks."""
        return not self.reasons

    @property
    def started(self) -> bool:
        """True once "starting" was cleared, and each lane has begun or met what it cannot begin for."""
        return STARTING not in self._reasons and not any(lane.only_starting for lane in self._lanes.values())

    @property
    def reasons(self) -> list[str]:
        """What blocks, in the order it came."""
        lanes = self._lanes.values()
        every = bool(lanes) and not any(lane.ready for lane in lanes)
        blocking = [lane for lane in lanes if every or lane.only_starting]
        return [*self._reasons, *(text for lane in blocking for text in lane.told)]

    @property
    def notes(self) -> list[str]:
        """What a person should know although nothing is blocked by it, by topic."""
        troubled = [] if not self.lanes_ready else [text for lane in self._lanes.values() for text in lane.troubles]
        lanes = [f"{lane.store}: {note}" for lane in self._lanes.values() for note in lane.notes]
        return [*(self._notes[about] for about in sorted(self._notes)), *troubled, *lanes]

    @property
    def lanes_ready(self) -> bool:
        """True when at least one lane is."""
        return any(lane.ready for lane in self._lanes.values())

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

    def add_lane(self, lane: "LaneHealth") -> None:
        """One of this process's stores."""
        self._lanes[lane.store] = lane
        self._show()

    def lane_changed(self) -> None:
        """One of them has another state."""
        self._show()

    def _changed(self) -> None:
        self._show()
        log.info("health.changed", ready=self.ready, reasons=self.reasons)

    def _show(self) -> None:
        gauge("headrace_ready", store=self.store).set(1 if self.ready else 0)


class LaneHealth(Health):
    """One store's part in a process that serves several."""

    def __init__(self, process: Health, store: str) -> None:
        self.store = store
        self._process = process
        self._has_begun = False
        super().__init__()
        process.add_lane(self)

    @property
    def only_starting(self) -> bool:
        """Nothing is wrong, it has not begun yet; one that begins anew is in trouble until it has."""
        return not self._has_begun and self.reasons == [STARTING]

    @property
    def told(self) -> list[str]:
        """What blocks it, by its name."""
        return [f"{self.store}: {reason}" for reason in self.reasons]

    @property
    def troubles(self) -> list[str]:
        """What blocks it, when that is more than its start."""
        return [] if self.only_starting else self.told

    def begin(self) -> None:
        """It begins, or begins anew."""
        self._reasons = {STARTING: None}
        self._notes.clear()
        self._show()

    def fail(self, reason: str) -> None:
        """It has ended for this reason and begins anew later."""
        self._has_begun = True
        self._reasons = {reason: None}
        self._changed()

    def _show(self) -> None:
        self._has_begun = self._has_begun or self.ready
        super()._show()
        self._process.lane_changed()


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
