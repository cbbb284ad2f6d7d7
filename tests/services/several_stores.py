"""Two stores on one Kafka, each with vendors of its own, as HEADRACE_STORES would name them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from headrace.runtime.settings import ServiceSettings, settings_of
from headrace.runtime.stores import StoreEntry
from tests.services.consumer_harness import Bench, bench_of

ABC: Final = "abc123"
DEF: Final = "def456"
S = TypeVar("S", bound=ServiceSettings)


@asynccontextmanager
async def two_stores(settings: ServiceSettings) -> AsyncIterator[tuple[Bench, Bench]]:
    """Customers of both have the same ids."""
    async with bench_of(settings, store=ABC) as abc, bench_of(settings, store=DEF) as def_:
        yield abc, def_


def settings_in(bench: Bench, settings_cls: type[S], *, among: tuple[str, ...] = (ABC, DEF), **more: Any) -> S:
    """A store's settings; secrets as its files have them."""
    fields = {**bench.environment, **more}
    values = {name: value.get_secret_value() for name, value in fields.items() if isinstance(value, SecretStr)}
    given = {name: value for name, value in fields.items() if name in settings_cls.model_fields}
    return settings_of(StoreEntry(bench.store, values, among), settings_cls, **given)
