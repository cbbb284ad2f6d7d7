"""The HTTP API of the attribute store, put together: who may ask, how much may be sent, and what is answered.

No value is written here: a PUT becomes `attribute.set` in the log and comes back through the action topic.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.responses import Response

from headrace.consumer import Database
from services.attributes.api.bulk import bulk_routes
from services.attributes.api.catalogue import catalogue_routes
from services.attributes.api.defining import definition_routes
from services.attributes.api.problems import Error, Refusal, add_handlers, problem
from services.attributes.api.reading import reading_routes
from services.attributes.api.shop import Publish, Shop
from services.attributes.api.writing import writing_routes
from services.attributes.layout import Room

BODY_LIMIT_BYTES: Final = 64 * 1024
BULK_LIMIT_BYTES: Final = 1024 * 1024
_LARGE: Final = "/v1/attributes/"
"""Bulk and definitions; values are under /v1/customers/."""
_KEY: Final = APIKeyHeader(name="X-Api-Key", auto_error=False)
_BEARER: Final = HTTPBearer(auto_error=False)


def create_app(
    *,
    database: Database,
    store: str,
    api_key: str | None,
    publish: Publish,
    room: Callable[[], Room] = lambda: Room("headrace"),
) -> FastAPI:
    """The application. Customers of other stores are not found. `room`: what the mirror knows of the store."""
    app = FastAPI(
        title="Headrace attributes",
        version="1",
        description="Many values per customer: asked for, set, defined.",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        dependencies=[] if api_key is None else [Depends(_checking(api_key))],
    )
    app.middleware("http")(_limit_body)
    add_handlers(app)
    shop = Shop(database, store, publish, room)
    for routes in (reading_routes, catalogue_routes, definition_routes, bulk_routes, writing_routes):
        app.include_router(routes(shop))
    return app


def _checking(api_key: str) -> Callable[..., None]:
    def check(
        key: Annotated[str | None, Security(_KEY)] = None,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
    ) -> None:
        given = key or (bearer.credentials if bearer else "")
        if not secrets.compare_digest(given.encode(), api_key.encode()):
            hint = "send it as X-Api-Key, or as Authorization: Bearer"
            raise Refusal(401, "unauthorized", "the API key is missing or wrong", hint=hint)

    return check


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
