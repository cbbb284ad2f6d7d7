"""State of a partition: marks, restore, pages, what comes next."""

from headrace.contracts.topics import PARTITION_WIDE_KEY
from services.evaluator.engine.fold import Stored
from services.evaluator.engine.state import Partition, encode_record, mark_of


def test_record__mark_and_body__read_back() -> None:
    assert mark_of(encode_record(2**40, b"body")) == 2**40
    partition = Partition(0)
    partition.restore(b"k", encode_record(5, b"body"))
    assert partition.get(b"k") == Stored(5, b"body")
    assert partition.get(b"other") is None


def test_restore__older_record_behind_a_newer__refused() -> None:
    partition = Partition(0)
    assert partition.restore(b"k", encode_record(9, b"new"))
    assert not partition.restore(b"k", encode_record(8, b"old"))
    assert partition.get(b"k") == Stored(9, b"new")


def test_restored__largest_mark__is_what_was_applied() -> None:
    partition = Partition(0, log_start=3)
    partition.restored()
    assert (partition.applied, partition.expected) == (-1, 3)
    partition.restore(b"k", encode_record(5, b""))
    partition.restore(PARTITION_WIDE_KEY, encode_record(7, b"marker"))
    partition.restored()
    assert (partition.applied, partition.expected, partition.marker) == (7, 8, b"marker")
    assert list(partition.keys()) == [b"k"]


def test_pages__written_restored_removed__listed_by_their_key_and_not_among_the_keys() -> None:
    partition = Partition(0)
    partition.restore(b"k", encode_record(1, b"body"))
    partition.restore(b"k#order:1", encode_record(1, b"one"))
    partition.restore(b"k#order:2", encode_record(1, b"two"))
    assert partition.restore(b"k#order:2", None)
    partition.restored()
    assert (list(partition.keys()), set(partition.pages(b"k"))) == ([b"k"], {b"k#order:1"})
    partition.update({b"k#order:3": encode_record(2, b"three"), b"k#order:1": None, b"k#never": None})
    assert set(partition.pages(b"k")) == {b"k#order:3"}
    partition.update({b"k#order:3": None})
    assert (partition.pages(b"k"), partition.get(b"k#order:3")) == ((), None)
