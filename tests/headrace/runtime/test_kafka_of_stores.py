"""Several stores: each has consumer groups of its own, and every record is one store's or nobody's."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.runtime.kafka import group_of, is_ours, leave
from headrace.runtime.settings import ServiceSettings, settings_of
from headrace.runtime.stores import StoreEntry

_names = st.text("abcXYZ019-_", min_size=1, max_size=8)


def of(store: str, *among: str) -> ServiceSettings:
    cache = Path("unused")
    if not among:
        return ServiceSettings(kafka_bootstrap_servers="b:1", store=store, topic_prefix="t.", cache_dir=cache)
    entry = StoreEntry(store, {}, among)
    return settings_of(entry, ServiceSettings, kafka_bootstrap_servers="b:1", topic_prefix="t.", cache_dir=cache)


def test_group_of__one_store__is_called_as_ever() -> None:
    assert group_of(of("abc"), "hydrate") == "t.hydrate"


def test_group_of__several__has_the_stores_name_behind() -> None:
    assert group_of(of("abc", "abc", "def"), "hydrate") == "t.hydrate.abc"
    assert group_of(of("abc", "abc"), "hydrate") == "t.hydrate.abc"


@given(st.sets(st.tuples(_names, _names), min_size=2, max_size=6))
def test_group_of__different_stores_or_names__different_groups(pairs: set[tuple[str, str]]) -> None:
    among = tuple(sorted({store for _, store in pairs}))
    assert len({group_of(of(store, *among), name) for name, store in pairs}) == len(pairs)


@given(st.lists(_names, min_size=1, max_size=4, unique=True), st.data())
def test_is_ours__key_of_a_store__is_that_stores_alone(among: list[str], data: st.DataObject) -> None:
    store, rest = data.draw(st.sampled_from(among)), data.draw(st.text(max_size=5))
    key = f"{store}:{rest}".encode()
    assert [one for one in among if is_ours(of(one, *among), key)] == [store]


@given(
    st.lists(_names, min_size=1, max_size=4, unique=True),
    st.one_of(st.none(), st.binary(max_size=8).filter(lambda key: b":" not in key)),
)
def test_is_ours__key_of_no_store__is_the_first_ones_to_set_aside(among: list[str], key: bytes | None) -> None:
    assert [one for one in among if is_ours(of(one, *among), key)] == [among[0]]


@pytest.mark.parametrize("key", [b"gone:42", b":42", b"ab:42", b"abcd:42", b"ABC:42", b"\xff:42"])
def test_is_ours__key_of_a_store_that_is_not_in_the_file__is_nobodys(key: bytes) -> None:
    assert [one for one in ("abc", "def") if is_ours(of(one, "abc", "def"), key)] == []


@pytest.mark.parametrize("key", [None, b"", b"other:42", b"abc:42", PARTITION_WIDE_KEY])
def test_is_ours__process_for_one_store__takes_all_as_ever(key: bytes | None) -> None:
    assert is_ours(of("abc"), key)


class Leaving:
    """A consumer that needs a while to leave its group."""

    def __init__(self, error: Exception | None = None) -> None:
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()
        self._error = error

    async def stop(self) -> None:
        if self._error is not None:
            raise self._error
        await self.answered.wait()
        self.ended.set()


async def test_leave__takes_longer_than_is_waited_for__goes_on_behind() -> None:
    consumer = Leaving()
    await leave(consumer, 0)
    assert not consumer.ended.is_set()
    consumer.answered.set()
    async with asyncio.timeout(5):
        await consumer.ended.wait()


async def test_leave__caller_is_cancelled__goes_on_behind() -> None:
    consumer = Leaving()
    task = asyncio.ensure_future(leave(consumer, 60))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    consumer.answered.set()
    async with asyncio.timeout(5):
        await consumer.ended.wait()


async def test_leave__fails__is_no_error_of_the_callers() -> None:
    await leave(Leaving(RuntimeError("no member any more")), 5)
