"""Hooks are there, or it is said that they are not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.platforms.errors import Rejected, Unauthorized
from headrace.platforms.http import Reply, Request
from services.ingest.hooks import ensure_hooks, scopes
from services.ingest.webhook import CART_SCOPES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
URL = "https://us.example/hook"


class Store:
    """Refuses some scopes; `appear` puts them into the list, as if another process had been faster."""

    def __init__(self, *, refuses: set[str], appear: bool) -> None:
        self.rows: list[dict[str, Any]] = []
        self.refuses = refuses
        self.appear = appear

    async def call(self, request: Request) -> Reply:
        if request.method == "GET":
            return Reply(200, {}, {"data": self.rows, "meta": {}}, NOW)
        row = {"id": len(self.rows) + 1, "is_active": True, **request.json}
        refused = request.json["scope"] in self.refuses
        if self.appear or not refused:
            self.rows.append(row)
        if refused:
            raise Rejected(request.route, 422, "no")
        return Reply(200, {}, {"data": row}, NOW)


async def test_ensure_hooks__another_process_was_faster__fine() -> None:
    store = Store(refuses=set(scopes()[3:5]), appear=True)
    assert await ensure_hooks(store, URL, {}) == len(scopes()) - 2
    assert await ensure_hooks(store, URL, {}) == 0


async def test_ensure_hooks__store_refuses_the_address__said_so() -> None:
    """The same 422: without a second look the process would call itself ready and hear nothing."""
    with pytest.raises(Rejected):
        await ensure_hooks(Store(refuses=set(scopes()), appear=False), URL, {})


class Forbidding(Store):
    """A token that may not do some things: 403, or that is no good at all: 401."""

    def __init__(self, *, forbidden: bool) -> None:
        super().__init__(refuses=set(CART_SCOPES), appear=False)
        self.forbidden = forbidden

    async def call(self, request: Request) -> Reply:
        try:
            return await super().call(request)
        except Rejected as error:
            raise Unauthorized(request.route, "no", forbidden=self.forbidden) from error


async def test_ensure_hooks__token_may_not_read_carts__all_others_are_made() -> None:
    assert await ensure_hooks(Forbidding(forbidden=True), URL, {}) == len(scopes()) - len(CART_SCOPES)


async def test_ensure_hooks__token_is_no_good__said_so() -> None:
    with pytest.raises(Unauthorized):
        await ensure_hooks(Forbidding(forbidden=False), URL, {})
