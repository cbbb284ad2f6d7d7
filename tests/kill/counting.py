"""What the counting fold does to one key: pages, timers, activations, graves; the same for workers and oracle.

When a key is visited is theirs: the workers do it lazily (`counting_fold.py`), the oracle eagerly
(`counting_oracle.py`).
"""

import struct
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from msgspec import Struct

OUTPUTS: Final = ("outputs.count", "outputs.fired", "outputs.rules")
_WAKE: Final = struct.Struct(">q")
_AGAIN: Final = 3
"""A timer set once fires until it has fired a multiple of this many times."""


class Count(Struct, array_like=True):
    """The state of a key. `step`: number of the last output at the state's mark, -1 for none."""

    n: int = 0
    total: int = 0
    edits: int = 0
    rules: int = 0
    fired: int = 0
    step: int = -1
    wake_at: int = 0
    gone: bool = False


_DECODER: Final = msgspec.msgpack.Decoder(Count)
_PAGE: Final = msgspec.msgpack.Decoder(list[int])
_encode: Final = msgspec.msgpack.Encoder().encode


def encode_count(count: Count) -> bytes:
    """The body of a record: when it wants to be woken, then the rest."""
    return _WAKE.pack(count.wake_at) + _encode(count)


def decode_count(body: bytes) -> Count:
    """The state of a body."""
    return _DECODER.decode(body[_WAKE.size :])


def wake_at_of(body: bytes) -> int:
    """When a record wants to be woken (0 = never), without decoding it."""
    at: int = _WAKE.unpack_from(body)[0]
    return at


class Visit:
    """A key while it is worked on: `changed` state, `pages` written (None = removed), `outputs` (topic, value)."""

    __slots__ = ("changed", "count", "key", "mark", "outputs", "pages", "read", "stored_pages")

    def __init__(
        self,
        key: bytes,
        count: Count | None,
        mark: int,
        *,
        read: Callable[[str], bytes | None],
        stored_pages: Callable[[], Iterable[str]],
    ) -> None:
        self.key, self.count, self.mark = key, count, mark
        self.read, self.stored_pages = read, stored_pages
        self.changed = False
        self.pages: dict[str, tuple[int, bytes] | None] = {}
        self.outputs: list[tuple[str, bytes]] = []

    def apply(self, value: bytes, offset: int, now: int) -> None:
        """One record of this key. A grave stays as it is."""
        count = self.count = self.count or Count()
        if count.gone:
            return
        self._begin(offset)
        count.n += 1
        kind, rest = chr(value[0]), value[1:].decode()
        if kind == "+":
            count.total += int(rest)
        elif kind == "p":
            name, amount = rest.split()
            self._edit(name, int(amount))
        elif kind == "d":
            self._remove(rest)
        elif kind == "t":
            count.wake_at = now + int(rest)
        elif kind == "x":
            self._bury()
            return
        if count.n % 3 == 0:
            self._tell(OUTPUTS[0], "count")

    def fire(self, now: int) -> None:
        """Fires what is due at or before `now`; its mark stays."""
        count = self.count
        while count is not None and 0 < count.wake_at <= now:
            due = count.wake_at
            count.fired += 1
            count.wake_at = due + 7 if count.fired % _AGAIN else 0
            self._edit("timer", due)
            self._tell(OUTPUTS[1], f"due {due}")

    def activate(self, version: int, offset: int) -> None:
        """Takes rule set `version` over, as of its marker's offset."""
        count = self.count
        if count is None or count.gone:
            return
        self._begin(offset)
        count.rules = version
        if count.n % 2:
            self._edit("rules", version)
        self._tell(OUTPUTS[2], f"rules {version}")

    def _begin(self, offset: int) -> None:
        assert self.count is not None
        self.count.step, self.mark, self.changed = -1, offset, True

    def _page(self, name: str) -> bytes | None:
        if name in self.pages:
            held = self.pages[name]
            return None if held is None else held[1]
        return self.read(name)

    def _edit(self, name: str, amount: int) -> None:
        assert self.count is not None
        body = self._page(name)
        times, total = _PAGE.decode(body) if body is not None else (0, 0)
        self.pages[name] = (self.mark, _encode([times + 1, total + amount]))
        self.count.edits += 1
        self.changed = True

    def _remove(self, name: str) -> None:
        if self._page(name) is not None:
            self.pages[name] = None

    def _bury(self) -> None:
        for name in {*self.stored_pages(), *self.pages}:
            self._remove(name)
        self.count = Count(gone=True)
        self._tell(OUTPUTS[0], "gone")

    def _tell(self, topic: str, what: str) -> None:
        count = self.count
        assert count is not None
        count.step += 1
        self.changed = True
        told = {"key": self.key.decode(), "version": [1, self.mark, count.step], "what": what, "n": count.n}
        self.outputs.append((topic, msgspec.json.encode({**told, "total": count.total, "fired": count.fired})))
