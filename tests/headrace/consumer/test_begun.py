"""Which partitions a database was filled from, store by store, and whose versions are noted while it is."""

from pathlib import Path
from typing import Any, cast

import msgspec
from aiokafka import ConsumerRecord

from headrace.consumer.bootstrap import Bootstrap, begun_by, forget_begun, mark_begun, never_begun
from headrace.consumer.database import open_database
from headrace.consumer.ledger import migrate_ledger
from headrace.contracts import topics
from headrace.contracts.actions import Cause, DesiredGroup, encode
from headrace.runtime.settings import ServiceSettings, settings_of
from headrace.runtime.stores import StoreEntry

PLACES = [("actions.group", 0), ("actions.group", 1)]


def settings_in(store: str) -> ServiceSettings:
    """Of a file of two stores."""
    return settings_of(StoreEntry(store, {}, ("a", "b")), ServiceSettings, kafka_bootstrap_servers="none:1")


async def test_begun__of_two_stores__each_by_itself(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    migrate_ledger(database)
    ours, theirs = (begun_by("group", settings_in(store)) for store in "ab")
    await database.write(lambda c: mark_begun(c, ours, PLACES))
    assert await database.read(lambda c: never_begun(c, ours, PLACES)) == []
    assert await database.read(lambda c: never_begun(c, theirs, PLACES)) == PLACES
    await database.write(lambda c: mark_begun(c, theirs, PLACES))
    await database.write(lambda c: forget_begun(c, ours))
    assert await database.read(lambda c: never_begun(c, ours, PLACES)) == PLACES
    assert await database.read(lambda c: never_begun(c, theirs, PLACES)) == []
    assert begun_by("group", ServiceSettings(kafka_bootstrap_servers="none:1", store="a")) == "group"
    await database.close()


def test_newest__records_of_another_store__are_not_noted() -> None:
    """Nor one that lies under our key: it would make the other store's own records stale."""

    class GroupKind:
        decoders: Any = {topics.ACTIONS_GROUP: msgspec.json.Decoder(DesiredGroup).decode}
        name = "group"

    settings = settings_in("a")
    bootstrap = Bootstrap(
        cast("Any", GroupKind()),
        settings,
        consumer=cast("Any", None),
        store=cast("Any", None),
        running=cast("Any", None),
    )

    def record(key: str, customer: str, step: int) -> Any:
        desired = DesiredGroup(
            customer=customer, version=(1, step, 0), value="Gold", cause=Cause(event="e"), rules_version=1
        )
        name = settings.topic_prefix + topics.ACTIONS_GROUP
        value = encode(desired)
        return ConsumerRecord(name, 0, step, 0, 0, key.encode(), value, None, len(key), len(value), ())

    records = [record("a:1", "a:1", 1), record("b:1", "b:1", 2), record("a:1", "b:1", 3), record("a:2", "a:2", 4)]
    assert bootstrap._newest(records) == {"a:1": (1, 1, 0), "a:2": (1, 4, 0)}
