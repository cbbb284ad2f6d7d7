"""The HTTP API of the attribute store, put together: who may ask, how much may be sent, and what is answered.

No value is written here: a PUT becomes `attribute.set` in the log and comes back through the action topic.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from services.attributes.api.access import Access, opened
from services.attributes.api.bulk import bulk_routes
from services.attributes.api.catalogue import catalogue_routes
from services.attributes.api.defining import definition_routes
from services.attributes.api.problems import Error, add_handlers, problem
from services.attributes.api.reading import reading_routes
from services.attributes.api.shop import Shop
from services.attributes.api.writing import writing_routes

BODY_LIMIT_BYTES: Final = 64 * 1024
BULK_LIMIT_BYTES: Final = 1024 * 1024
_LARGE: Final = "/v1/attributes/"
"""Bulk and definitions; values are under /v1/customers/."""


def create_app(shops: Sequence[Shop], keys: Mapping[str, str]) -> FastAPI:
    """The application. `keys` by store: without any it is open; what a key does not open is not found by it."""
    app = FastAPI(
        title="Headrace attributes",
        version="1",
        description="Many values per customer: asked for, set, defined.",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        dependencies=[Depends(opened)],
    )
    app.middleware("http")(_limit_body)
    add_handlers(app)
    app.state.access = Access(shops, keys)
    for routes in (reading_routes, catalogue_routes, definition_routes, bulk_routes, writing_routes):
        app.include_router(routes())
    return app


async def _limit_body(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    if request.method in ("PUT", "POST"):
        length = request.headers.get("content-length", "")
        limit = BULK_LIMIT_BYTES if request.url.path.startswith(_LARGE) else BODY_LIMIT_BYTES
        if not length.isdigit():
            return problem(411, Error(code="length_required", message="the body must state its length"))
        if int(length) > limit:
            message = f"the body is larger than {limit // 1024} KiB"
            return problem(413, Error(code="too_large", message=message, hint="send it in parts"))
    return await go_on(request)
