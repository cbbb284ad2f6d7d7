"""What the sinks are told: the values now, and those that were set once and are no longer wanted."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.actions import DesiredAttributes
from headrace.segmentation.actions import Stamp, emit
from headrace.segmentation.state import Claims, Emitted, State

STAMP = Stamp(1, 7, 0, "event:1", "live", changed=("set",))
VALUES = st.lists(st.sampled_from("abcd"), min_size=1, unique=True).map(sorted).map(tuple)
LABELS = st.dictionaries(st.sampled_from(["Area", "Tier", "Zone"]), VALUES)


@given(LABELS, LABELS, LABELS)
def test_emit__values_go__absent_is_all_that_was_set_once_and_is_not_wanted_now(
    told: dict[str, tuple[str, ...]], absent: dict[str, tuple[str, ...]], now: dict[str, tuple[str, ...]]
) -> None:
    before = State("s:1", claims=Claims(manual=now), emitted=Emitted(attributes=told, attributes_absent=absent))
    after, actions = emit(before, None, STAMP, contact=False, group=False, labels=True)
    if now == told:
        assert (after, actions) == (before, ())
        return
    once = {name: {*told.get(name, ()), *absent.get(name, ())} for name in (told | absent)}
    gone = {name: tuple(sorted(values.difference(now.get(name, ())))) for name, values in once.items()}
    (action,) = actions
    assert isinstance(action, DesiredAttributes)
    assert list(action.absent.items()) == [(name, values) for name, values in gone.items() if values]
    assert action.present == now == after.emitted.attributes
    assert after.emitted.attributes_absent == action.absent
    assert (action.version, after.step) == ((1, 7, 0), 1)


def test_emit__nothing_to_tell__only_the_numbering_begins_anew() -> None:
    state, actions = emit(State("s:1", step=3), None, STAMP, contact=False, group=False, labels=False)
    assert (state, actions) == (State("s:1"), ())
