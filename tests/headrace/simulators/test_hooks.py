"""Subscriptions."""

import pytest

from headrace.simulators.clock import StoreClock
from headrace.simulators.hooks import MAX_PER_SCOPE, Hooks
from headrace.simulators.people import Refused
from tests.headrace.simulators.harness import Hands


@pytest.fixture
def hooks(clock: StoreClock) -> Hooks:
    return Hooks(clock.date, clock.elapsed, start_delay_s=60)


def test_hook__new__starts_after_its_delay(hooks: Hooks, hands: Hands) -> None:
    hook = hooks.create({"scope": "store/order/*", "destination": "https://a.example/h"})
    assert hooks.listening("store/order/created") == []
    hands.real = 60
    assert hooks.listening("store/order/created") == [hook]


@pytest.mark.parametrize(
    ("wanted", "scope", "matches"),
    [
        ("store/order/*", "store/order/refund/created", True),
        ("store/order/created", "store/order/created", True),
        ("store/order/created", "store/order/updated", False),
        ("store/order/*", "store/orders", False),
    ],
)
def test_hook__scope__matches(hooks: Hooks, hands: Hands, wanted: str, scope: str, *, matches: bool) -> None:
    hooks.create({"scope": wanted, "destination": "https://a.example/h"})
    hands.real = 60
    assert bool(hooks.listening(scope)) is matches


def test_hook__same_scope_and_destination__is_refused(hooks: Hooks) -> None:
    hooks.create({"scope": "store/order/*", "destination": "https://a.example/h"})
    with pytest.raises(Refused, match="already exists"):
        hooks.create({"scope": "store/order/*", "destination": "https://a.example/h"})


def test_hook__eleventh_of_a_scope__is_refused(hooks: Hooks) -> None:
    for index in range(MAX_PER_SCOPE):
        hooks.create({"scope": "store/order/*", "destination": f"https://a.example/{index}"})
    with pytest.raises(Refused, match="10"):
        hooks.create({"scope": "store/order/*", "destination": "https://a.example/more"})


@pytest.mark.parametrize("fields", [{}, {"scope": "order", "destination": "x"}, {"scope": "store/order/*"}])
def test_hook__bad_fields__are_refused(hooks: Hooks, fields: dict[str, str]) -> None:
    with pytest.raises(Refused):
        hooks.create(fields)


def test_hook__switched_off__does_not_listen(hooks: Hooks, hands: Hands) -> None:
    hook = hooks.create({"scope": "store/order/*", "destination": "https://a.example/h"})
    hands.real = 60
    hooks.deactivate(hook.id)
    assert hooks.listening("store/order/created") == []
    assert hooks.update(hook.id, {"is_active": True}) is not None
    assert len(hooks.listening("store/order/created")) == 1
    assert hooks.update(99, {}) is None
    assert hooks.delete(hook.id) is not None
    assert hooks.delete(hook.id) is None
