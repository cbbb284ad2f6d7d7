"""What is wanted where: the pure part of every platform's consumer."""

from typing import Any

import pytest

from headrace.consumer import Applied, Target, Task
from services.actions.email_tags.audience import Change, Labels, as_tags, labels_of, together
from services.actions.email_tags.changes import known_tags, leave, left_behind, reach
from services.actions.email_tags.kind import target_of

CONTACT = ((1, 5, 0), {"email": "a@x.example", "subscribed": None})
TAGS = ((1, 4, 0), {"present": ["VIP"], "absent": []})


@pytest.mark.parametrize(
    ("contact", "tags", "reason"),
    [
        (None, TAGS, "no_contact_yet"),
        (CONTACT, None, "no_tags"),
        (CONTACT, ((1, 4, 0), {"present": [], "absent": []}), "no_tags"),
    ],
)
def test_target_of__incomplete__is_skipped(contact: Any, tags: Any, reason: str) -> None:
    target = target_of(contact, tags)
    assert target.skip is not None
    assert target.skip.reason == reason


def test_target_of__no_email_any_more__nothing_anywhere() -> None:
    target = target_of(((1, 5, 0), {}), TAGS)
    assert (target.skip, target.value) == (None, {"email": "", "tags": []})


def test_target_of__both__has_the_newer_version() -> None:
    target = target_of(CONTACT, TAGS)
    assert (target.version, target.value) == ((1, 5, 0), {"email": "a@x.example", "tags": ["VIP"]})


def task(applied: Applied) -> Task:
    return Task("s:1", Target((1, 9, 0), {"email": "new", "tags": ["B"]}, extra={"absent": []}), applied)


def test_known_tags__only_when_certain_and_same_address() -> None:
    assert known_tags(task(Applied((1, 1, 0), {"email": "new", "tags": ["A"]}))) == ["A"]
    assert known_tags(task(Applied())) is None
    assert known_tags(task(Applied((1, 1, 0), {"email": "old", "tags": ["A"]}))) is None
    assert known_tags(task(Applied((1, 1, 0), {"email": "new", "tags": ["A"]}, {"email": "new", "tags": []}))) is None


def test_left_behind__former_addresses__with_what_may_be_there() -> None:
    applied = Applied((1, 1, 0), {"email": "old", "tags": ["A"]}, {"email": "old", "tags": ["B"]}, (1, 2, 0))
    assert left_behind(task(applied)) == {"old": ["A", "B"]}
    assert left_behind(task(Applied((1, 1, 0), {"email": "new", "tags": ["A"]}))) == {}


def test_reach__known__is_the_difference() -> None:
    change = reach(task(Applied((1, 1, 0), {"email": "new", "tags": ["A", "B"]})))
    assert change == Change("new", Labels(), Labels(("A",)), Labels(("B",)), certain=True)


def test_reach__not_known__puts_all_and_takes_what_may_be_there() -> None:
    change = reach(task(Applied((1, 1, 0), {"email": "new", "tags": ["A"]}, {"email": "new", "tags": ["C"]})))
    assert change == Change("new", Labels(("B",)), Labels(("A", "C")), Labels(("B",)), certain=False, doubtful=True)


def test_leave__former_address__all_of_ours_comes_off() -> None:
    gone = leave(task(Applied((1, 1, 0), {"email": "old", "tags": together(["A"], ["L"])})))
    assert gone == [Change("old", Labels(), Labels(("A",), ("L",)), Labels(), certain=True)]


def test_labels__together_and_apart_again__are_the_same() -> None:
    assert labels_of(together(["B", "A", "B"], ["A"])) == Labels(("A", "B"), ("A",))


def test_as_tags__a_list_of_the_name_of_a_tag_that_stays__is_not_taken() -> None:
    change = Change("a", Labels(("New",)), Labels((), ("VIP",)), Labels(("New", "VIP")), certain=True)
    assert as_tags(change) == (["New"], [], ["New", "VIP"])
