"""One attempt: what a sender's answer, silence or fault makes of the row."""

import time

import pytest

from headrace.consumer.effects import Done, InDoubt, Letter
from headrace.consumer.effects.policy import OfUnknown, Policy
from headrace.consumer.effects.rows import Entry
from headrace.consumer.effects.sending import Outgoing, send
from headrace.contracts.effects import Effect
from tests.headrace.consumer.effects.made import NOW, REACHABLE, an_effect


class Doubtful:
    name = "mail"
    concurrency = 1
    deadline_s = 5.0

    def __init__(self, *, keyed: bool = False) -> None:
        self.keyed = keyed
        self.asked = 0

    def wants(self, effect: Effect) -> bool:
        return True

    async def send(self, letter: Letter) -> Done:
        self.asked += 1
        raise InDoubt("line broke")


def outgoing(*, left_s: float = 5.0, again: bool = False) -> Outgoing:
    effect = an_effect()
    entry = Entry(
        sender="mail",
        id=effect.id,
        customer=effect.customer,
        partition=0,
        version=effect.version,
        kind=effect.kind,
        entry=effect.entry,
        state="sending",
        reason="",
        detail="",
        receipt="",
        attempts=1,
        again=again,
        not_before=0.0,
        taken=0.0,
        changed=0.0,
        effect=effect,
    )
    return Outgoing(entry, Letter(effect, REACHABLE, NOW, 1, again), time.monotonic() + left_s)


@pytest.mark.parametrize(
    ("keyed", "policy", "again", "state"),
    [
        (False, "ask", False, "unknown"),
        (False, "drop", False, "dropped"),
        (False, "resend", False, None),
        (False, "resend", True, "unknown"),  # a second doubt is a person's
        (True, "ask", True, None),
    ],
)
async def test_send__in_doubt__as_the_policy_says_and_never_for_ever(
    keyed: bool, policy: OfUnknown, again: bool, state: str | None
) -> None:
    ended = await send(Doubtful(keyed=keyed), outgoing(again=again), Policy(unknown=policy))
    assert (ended.state, ended.reason) == (state, "line broke")
    assert ended.again is (state is None)


async def test_send__we_stood_still_since_it_was_claimed__no_call_is_begun() -> None:
    sender = Doubtful()
    ended = await send(sender, outgoing(left_s=-0.1), Policy())
    assert (ended.state, ended.reason, ended.again) == (None, "late", False)
    assert sender.asked == 0
