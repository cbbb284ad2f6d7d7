"""The judge finds what it is there to find: each kind of wrong result, made by hand from a right one."""

import dataclasses

import msgspec
import pytest

from services.evaluator.engine.state import encode_record
from tests.kill import counting_oracle
from tests.kill.judge import Found, LogRecord, judge, judge_logs
from tests.kill.plan import draw
from tests.kill.run import Outcome, green_but_broken

LOG = [
    LogRecord(0, 0, b"a", b"+5"),
    LogRecord(0, 1, b"a", b"pp1 4"),
    LogRecord(0, 2, b"a", b"t3"),
    LogRecord(0, 3, b"b", b"+2"),
    LogRecord(0, 4, b"~", b"activate 1"),
    LogRecord(0, 5, b"b", b"+2"),
    LogRecord(0, 6, b"~", b"clock 4"),
]
EXPECTED = counting_oracle.expect(LOG, "")


def exact() -> Found:
    """What a run that got everything right leaves behind."""
    changelog = [LogRecord(0, 9, key, value) for (_, key), value in EXPECTED.states.items()]
    changelog.append(LogRecord(0, 10, b"~", encode_record(6, b"")))
    outputs: dict[str, list[LogRecord]] = {}
    for (topic, partition, key), versions in EXPECTED.outputs.items():
        for _, value in sorted(versions.items()):
            outputs.setdefault(topic, []).append(LogRecord(partition, 0, key, value))
    return Found(changelog, outputs, {0: 7})


def with_changelog(*more: LogRecord) -> Found:
    return dataclasses.replace(exact(), changelog=[*exact().changelog, *more])


def with_outputs(topic: str, records: list[LogRecord]) -> Found:
    return dataclasses.replace(exact(), outputs={**exact().outputs, topic: records})


def told(topic: str = "outputs.rules") -> list[LogRecord]:
    return list(exact().outputs[topic])


def changed(record: LogRecord, **fields: object) -> LogRecord:
    value = msgspec.json.encode({**msgspec.json.decode(record.value or b""), **fields})
    return record._replace(value=value)


def test_judge__exact__nothing() -> None:
    assert judge(EXPECTED, exact()) == []


def test_oracle__log_of_every_kind__states_pages_and_outputs_by_hand() -> None:
    """So that the judge is not measured by itself alone."""
    assert set(EXPECTED.states) == {
        (0, b"a"),
        (0, b"a#p1"),
        (0, b"a#rules"),
        (0, b"a#timer"),
        (0, b"b"),
        (0, b"b#rules"),
    }
    assert EXPECTED.states[0, b"b"][:8] == (5).to_bytes(8, "big")
    fired = EXPECTED.outputs["outputs.fired", 0, b"a"]
    assert list(fired) == [(1, 4, 1)], "fired at its activation's mark, after the activation's own output"


def test_judge__state_corrupted__found() -> None:
    key, value = b"a", EXPECTED.states[0, b"a"]
    (problem,) = judge(EXPECTED, with_changelog(LogRecord(0, 11, key, value[:-1] + b"\x7f")))
    assert problem.startswith("1 x state that differs: (0, b'a')")


def test_judge__mark_wrong__found() -> None:
    body = EXPECTED.states[0, b"b"][8:]
    (problem,) = judge(EXPECTED, with_changelog(LogRecord(0, 11, b"b", encode_record(6, body))))
    assert problem.startswith("1 x state that differs")


def test_judge__page_removed__found() -> None:
    (problem,) = judge(EXPECTED, with_changelog(LogRecord(0, 11, b"a#p1", None)))
    assert problem.startswith("1 x state that is missing: (0, b'a#p1')")


def test_judge__page_come_back__found() -> None:
    (problem,) = judge(EXPECTED, with_changelog(LogRecord(0, 11, b"b#p9", encode_record(5, b""))))
    assert problem.startswith("1 x state that should not be: (0, b'b#p9')")


def test_judge__older_record_then_the_right_one__regression_found() -> None:
    stale, right = encode_record(1, b""), EXPECTED.states[0, b"a"]
    problems = judge(EXPECTED, with_changelog(LogRecord(0, 11, b"a", stale), LogRecord(0, 12, b"a", right)))
    assert problems == ["1 x regression in the changelog: (0, b'a')"]


def test_judge__removed_page_written_with_an_older_mark__regression_found() -> None:
    stale = [LogRecord(0, 11, b"a#rules", None), LogRecord(0, 12, b"a#rules", encode_record(1, b""))]
    problems = judge(EXPECTED, with_changelog(*stale))
    assert "1 x regression in the changelog: (0, b'a#rules')" in problems


def test_judge__output_lost__found() -> None:
    (problem,) = judge(EXPECTED, with_outputs("outputs.rules", told()[1:]))
    assert problem.startswith("1 x lost output: ('outputs.rules', 0, b'a')")


def test_judge__output_repeated__found() -> None:
    (problem,) = judge(EXPECTED, with_outputs("outputs.rules", [*told(), told()[-1]]))
    assert problem.startswith("1 x repeated output: outputs.rules")


def test_judge__output_conflicting__found() -> None:
    problems = judge(EXPECTED, with_outputs("outputs.rules", [*told(), changed(told()[-1], n=99)]))
    assert [problem.split(":")[0] for problem in problems] == ["1 x conflicting output"]


def test_judge__output_unexpected__found() -> None:
    (problem,) = judge(EXPECTED, with_outputs("outputs.rules", [*told(), changed(told()[0], version=[1, 6, 0])]))
    assert problem.startswith("1 x unexpected output")


def test_judge__newer_version_first__found() -> None:
    log = [LogRecord(0, offset, b"a", b"+1") for offset in range(6)]
    expected = counting_oracle.expect(log, "")
    ((_, versions),) = expected.outputs.items()
    backwards = [LogRecord(0, 0, b"a", value) for _, value in sorted(versions.items(), reverse=True)]
    changelog = [LogRecord(0, 0, b"a", expected.states[0, b"a"])]
    problems = judge(expected, Found(changelog, {"outputs.count": backwards}, {0: 6}))
    assert [problem.split(":")[0] for problem in problems] == [
        "1 x output whose version is not larger than the one before"
    ]


def test_judge__offset_behind__found() -> None:
    (problem,) = judge(EXPECTED, dataclasses.replace(exact(), committed={0: 6}))
    assert problem == "1 x partition whose committed offset is not the log's end: 0"


def test_judge__changelog_without_the_marker__end_not_reached() -> None:
    without = [record for record in exact().changelog if record.key != b"~"]
    (problem,) = judge(EXPECTED, dataclasses.replace(exact(), changelog=without))
    assert problem == "1 x partition whose changelog does not reach the log's end: 0"


@pytest.mark.parametrize("event", ["changelog.regressed", "hole.accepted", "task.failed"])
def test_judge_logs__line_that_must_not_be__found(event: str) -> None:
    assert judge_logs([{"event": "process.started"}, {"event": event}]) == [f"1 x {event}"]


def test_judge_logs__worker_gave_up__found() -> None:
    ends = [{"event": "process.stopped", "reason": reason} for reason in ("asked", "worker_replaced", "fold_failed")]
    assert judge_logs(ends) == ["1 x worker ended: fold_failed"]


def test_green_but_broken__no_fault_landed__found() -> None:
    outcome = Outcome(draw(1), faults={"ended by itself": 1}, events=10, outputs=10, pages=1, timers=1)
    assert green_but_broken(outcome) == ["no fault landed"]


@pytest.mark.parametrize("missing", ["events", "outputs", "pages", "timers"])
def test_green_but_broken__log_without_what_counts__found(missing: str) -> None:
    outcome = Outcome(draw(1), faults={"kill": 1}, events=9, outputs=9, pages=9, timers=9)
    setattr(outcome, missing, 0)
    assert green_but_broken(outcome) == ["there was nothing to judge"]
