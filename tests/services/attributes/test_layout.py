"""Where values belong: the limits are kept, nothing is lost, every exception has its reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.consumer import Result
from services.attributes.definitions import Definition, Mirror
from services.attributes.encoding import MAX_CHARACTERS, MAX_METAFIELD, decode_list, decode_values
from services.attributes.layout import (
    ATTRIBUTE,
    METAFIELD,
    Room,
    Standing,
    from_ledger,
    lay_out,
    metafield_key,
    to_ledger,
    told_of,
)

ROOM = Room("headrace")
NAMES = st.sampled_from(["tier", "interests", "country", "Headrace", "n" * 70])
VALUE = st.text(st.sampled_from("ab;=%"), min_size=1, max_size=90)
MIRRORS: list[Mirror] = ["together", "store_attribute", "metafield", "none"]
DEFINED = st.dictionaries(
    NAMES, st.tuples(st.none() | st.lists(VALUE, max_size=3).map(tuple), st.sampled_from(MIRRORS)), max_size=4
)
PRESENT = st.dictionaries(NAMES, st.lists(VALUE, unique=True, max_size=6).map(tuple), max_size=5)
ROOMS = st.builds(Room, st.just("headrace"), st.frozensets(NAMES | st.just("headrace")), st.booleans())


def defined(**mirrors: Mirror) -> dict[str, Definition]:
    return {name: Definition(name, mirror=mirror) for name, mirror in mirrors.items()}


def long(count: int) -> tuple[str, ...]:
    return tuple(f"value-{number:05}" for number in range(count))


@given(PRESENT, DEFINED, ROOMS)
def test_lay_out__any_values__limits_kept_and_no_value_lost(
    present: dict[str, tuple[str, ...]], raw: dict[str, tuple[Any, Mirror]], room: Room
) -> None:
    definitions = {name: Definition(name, *each) for name, each in raw.items()}
    layout = lay_out(present, definitions, room)
    for place, text in layout.texts.items():
        assert 0 < len(text) <= (MAX_CHARACTERS if place.startswith(ATTRIBUTE) else MAX_METAFIELD)
        assert place.removeprefix(ATTRIBUTE) not in room.missing
    for name, values in present.items():
        standing = layout.standings[name]
        if standing.place is None:
            assert standing.reason is not None
            continue
        text = layout.texts.get(standing.place, "")
        common = standing.place in (ATTRIBUTE + "headrace", METAFIELD + "headrace")
        found = decode_values(text).get(name, ()) if common else decode_list(text)
        assert sorted((*found, *standing.not_allowed)) == sorted(values)
    assert from_ledger(to_ledger(layout.texts, "headrace"), "headrace") == layout.texts


def test_lay_out__nothing_defined__one_attribute_and_a_plain_text_in_the_ledger() -> None:
    layout = lay_out({"interests": ("b", "a"), "country": ("France",)}, {}, ROOM)
    assert layout.texts == {"attribute:headrace": ";country=France;interests=a;interests=b;"}
    assert to_ledger(layout.texts, "headrace") == ";country=France;interests=a;interests=b;"
    assert to_ledger({}, "headrace") == ""
    assert told_of(layout) == Result("applied")


def test_lay_out__each_mirror__its_own_place() -> None:
    definitions = defined(tier="store_attribute", interests="metafield", secret="none")
    present = {"tier": ("VIP",), "interests": ("pear", "apple"), "secret": ("x",), "country": ("France",)}
    layout = lay_out(present, definitions, ROOM)
    assert layout.texts == {
        "attribute:tier": ";VIP;",
        "metafield:interests": ";apple;pear;",
        "attribute:headrace": ";country=France;",
    }
    assert layout.standings["secret"] == Standing(None, "mirror_none")
    assert told_of(layout) == Result("applied")


@pytest.mark.parametrize(
    ("present", "definitions", "room", "texts", "told"),
    [
        pytest.param(
            {"tier": long(30)},
            {},
            Room("headrace", metafields=False),
            [],
            ("overflow", "too_long_for_the_store", "tier: too_long_for_the_store"),
            id="too long, no metafields",
        ),
        pytest.param(
            {"tier": long(30)},
            {},
            ROOM,
            ["metafield:headrace"],
            ("overflow", "kept_in_metafield", "tier: kept_in_metafield"),
            id="too long, into a metafield",
        ),
        pytest.param(
            {"tier": long(30), "country": ("France",)},
            defined(tier="store_attribute"),
            ROOM,
            ["attribute:headrace", "metafield:tier"],
            ("overflow", "kept_in_metafield", "tier: kept_in_metafield"),
            id="only the one that is too long",
        ),
        pytest.param(
            {"tier": long(6000)},
            defined(tier="metafield"),
            ROOM,
            [],
            ("overflow", "too_long_for_the_store", "tier: too_long_for_the_store"),
            id="too long for a metafield too",
        ),
        pytest.param(
            {"tier": ("VIP",)},
            defined(tier="store_attribute"),
            Room("headrace", frozenset({"tier"})),
            ["metafield:tier"],
            ("applied", "attribute_limit", "tier: attribute_limit"),
            id="no attribute left",
        ),
        pytest.param(
            {"tier": ("VIP",)},
            defined(tier="store_attribute"),
            Room("headrace", frozenset({"tier"}), metafields=False),
            [],
            ("overflow", "attribute_limit", "tier: attribute_limit"),
            id="no attribute left, no metafields",
        ),
        pytest.param(
            {"tier": ("VIP", "odd")},
            {"tier": Definition("tier", ("VIP", "Gold"))},
            ROOM,
            ["attribute:headrace"],
            ("applied", "value_not_allowed", "tier: value_not_allowed"),
            id="a value the definition does not allow",
        ),
    ],
)
def test_lay_out__exceptions__are_told(
    present: dict[str, tuple[str, ...]],
    definitions: dict[str, Definition],
    room: Room,
    texts: list[str],
    told: tuple[Any, str, str],
) -> None:
    layout = lay_out(present, definitions, room)
    assert sorted(layout.texts) == texts
    assert told_of(layout) == Result(*told)


def test_metafield_key__long_names__fit_and_differ() -> None:
    assert metafield_key("tier") == "tier"
    one, other = metafield_key("n" * 70), metafield_key("n" * 71)
    assert len(one) == len(other) == 64
    assert one != other
