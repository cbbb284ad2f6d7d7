"""What of a replay needs no Kafka: digests, differences, where `--until` cuts, what cannot be kept, what is shown."""

from datetime import timedelta
from pathlib import Path

import pytest

from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.history import Change, remember
from headrace.segmentation.state import Emitted, Profile, State
from services.evaluator import agent
from services.evaluator.activations import Activations
from services.evaluator.agent import Place
from services.evaluator.engine.state import Partition, encode_record
from services.evaluator.replay.customers import ReplayedCustomers
from services.evaluator.replay.cut import before_passing
from services.evaluator.replay.differences import Differences, differences
from services.evaluator.replay.digest import bodies, digest_of, rows, side_by_side
from services.evaluator.replay.log_reader import LogRecord
from services.evaluator.replay.partition import close_into
from services.evaluator.replay.readable import readable_state
from services.evaluator.rules_feed import RuleSets
from tests.services.evaluator.service import BEGIN, STORE, Record, clock, customer, order

GOLDEN = Path(__file__).parents[3] / "headrace" / "segmentation"
A, B, C = b"s:a", b"s:b", b"s:c"


def records(*given: Record) -> list[LogRecord]:
    return [LogRecord(offset, key, value) for offset, (_, key, value) in enumerate(given)]


def body(key: bytes, **emitted: object) -> bytes:
    return encode_state(State(key=key.decode(), emitted=Emitted(**emitted)))  # type: ignore[arg-type]


def test_digest__partitions_in_any_order__as_if_they_were_one() -> None:
    one = {A: body(A), C: body(C)}
    other = {B: body(B)}

    assert digest_of([rows(one), rows(other)]) == digest_of([rows(other), rows(one)])
    assert digest_of([rows(one), rows(other)]) == digest_of([rows(one | other)])
    assert digest_of([rows(one)]) != digest_of([rows(one | other)])
    assert digest_of([rows({A: body(A, tags={"mailchimp": ("VIP",)})})]) != digest_of([rows({A: body(A)})])


def test_bodies__marks_and_the_partitions_own_record__are_left_out() -> None:
    first = {A: encode_record(1, body(A)), PARTITION_WIDE_KEY: encode_record(9, b"x")}
    second = {A: encode_record(2, body(A))}

    assert bodies(first) == bodies(second)


def test_bodies__state_of_an_older_schema__as_this_release_writes_it() -> None:
    old = bytes.fromhex((GOLDEN / "golden_state_1.hex").read_text())

    assert bodies({A: encode_record(1, old)}) == {A: encode_state(decode_state(old))}
    assert bodies({A: encode_record(1, old)})[A][0] > 1


def test_side_by_side__whatever_the_live_side_holds__the_bodies_that_each_side_has_alone() -> None:
    old = bytes.fromhex((GOLDEN / "golden_state_1.hex").read_text())
    page = A + b"#order:1"
    ours = {A: encode_record(3, body(A)), B: encode_record(4, body(B)), PARTITION_WIDE_KEY: encode_record(9, b"x")}
    live = {A: encode_record(1, body(A)), B: encode_record(4, old), C: encode_record(5, body(C)), page: b"12345678page"}
    live[PARTITION_WIDE_KEY] = encode_record(8, b"y")

    assert side_by_side(ours, live) == (bodies(ours), bodies(live))
    assert rows(side_by_side(ours, live)[1]) == rows(bodies(live))


def test_differences__each_kind__counted_by_customer() -> None:
    ours = {A: body(A, group_known=True, group="Gold"), B: body(B, attributes={"tier": ("VIP",)})}
    live = {A: body(A, group_known=True, group="Silver"), C: body(C, tags={"mailchimp": ("VIP",)})}

    assert differences(ours, live) == Differences(groups=1, attributes=1, tags=1)
    assert differences(ours, ours) == Differences()


@pytest.mark.parametrize(
    ("store", "expected"), [(None, 3), (STORE, 3), ("another", None)], ids=["any store", "this one", "another"]
)
def test_before_passing__clock_beyond_the_time__cuts_before_it(store: str | None, expected: int | None) -> None:
    log = records(customer(1), clock(BEGIN)[0], order(1, 1, 100), clock(BEGIN + timedelta(seconds=1))[0])

    assert before_passing(log, BEGIN, store) == expected


def replayed(partition: Partition, log: list[LogRecord]) -> frozenset[bytes]:
    fold = ReplayedCustomers(
        partition,
        Place("t.events", "t.", 2),
        Activations(partition, RuleSets()),
        None,  # type: ignore[arg-type]  # nothing here has to wait for a rule set
    )
    fold.apply(log)
    partition.applied = log[-1].offset
    fold.settle()
    close_into(partition, fold)
    return fold.unkept


def test_replayed_customers__state_that_is_too_large__is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "MAX_RECORD_BYTES", 400)
    partition = Partition(0)
    unkept = replayed(partition, records(customer(1), customer(2), *[order(1, n, 100) for n in range(20)]))

    assert unkept == {b"teststore:1"}
    assert b"teststore:2" in partition.records


def test_readable_state__personal_data__only_when_asked_for() -> None:
    profile = Profile("r", BEGIN, BEGIN, email="ada@post.example", first_name="Ada")
    state = encode_state(State(key="s:1", profile=profile))
    pages = {b"s:1#order:1": b"", b"s:1#order:2": b"", b"s:1#history:0": b""}
    hidden = readable_state(state, pages, personal=False)

    assert hidden["pages"] == {"history": 1, "order": 2}
    assert "Ada" not in str(hidden)
    assert "ada@post.example" not in str(hidden)
    assert readable_state(state, pages, personal=True)["state"]["profile"]["first_name"] == "Ada"


def test_readable_state__changes_of_membership__are_opened() -> None:
    entered = Change(BEGIN, "segment", "vip", True, "e1", 7)
    state, _ = remember(State(key="s:1"), [entered])
    shown = readable_state(encode_state(state), {}, personal=False)["state"]["history"]

    assert [(change["kind"], change["name"], change["offset"]) for change in shown] == [("segment", "vip", 7)]


def test_readable_state__that_cannot_be_read__says_so() -> None:
    assert readable_state(b"\x63", {}, personal=False)["state"] is None
