"""Whatever the store answers: the group consumer reads it, or waits and asks again."""

import contextlib
from datetime import UTC, datetime
from typing import Any, Final, cast

from hypothesis import given
from hypothesis import strategies as st

from headrace.consumer import TryAgain
from headrace.platforms.http import Reply, Request, VendorClient
from services.actions.group import GroupAssignment, StoreGroups

PLAIN: Final = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
KEYS: Final = st.sampled_from(["id", "name", "customer_group_id", "data", "meta"])
JSON: Final = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


class _Answering:
    """Answers everything with this."""

    deadline_s = 10.0

    def __init__(self, body: Any) -> None:
        self.body = body

    async def call(self, request: Request) -> Reply:
        return Reply(200, {}, self.body, datetime(2026, 1, 1, tzinfo=UTC))


@given(body=JSON)
async def test_group__any_answer__is_read_or_asked_for_again(body: Any) -> None:
    client = cast("VendorClient", _Answering(body))
    with contextlib.suppress(TryAgain):
        await StoreGroups(client).ids({"Gold"})
    with contextlib.suppress(TryAgain):
        await GroupAssignment(client, "s").read_back(["s:1"])
