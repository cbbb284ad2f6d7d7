"""What the API answers instead of what was asked for, all in one shape: `{"error": {"code", "message", ...}}`."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

_AGAIN: Final = {"Retry-After": "2"}
_MOST_FIELDS: Final = 20
_MEANINGS: Final = {
    401: "The API key is missing or wrong.",
    404: "There is no such thing in this store.",
    405: "This address knows other methods.",
    411: "The body must state its length.",
    413: "The body is too large.",
    422: "Something in the request is not as it must be; `fields` names it, `allowed` the values there may be.",
    503: "The database or Kafka does not answer; nothing is half done, the same request may be sent again.",
}


class Part(BaseModel):
    """A part of the request that is wrong."""

    place: str = Field(description="Where: `body.values.0`, `query.limit`.")
    message: str


class Error(BaseModel):
    """What is wrong."""

    code: str = Field(description="One word for programs, such as `value_not_allowed`.")
    message: str = Field(description="A sentence for people.")
    hint: str | None = Field(default=None, description="What to do instead.")
    fields: list[Part] | None = None
    allowed: list[str] | None = Field(default=None, description="The values that the attribute's definition allows.")


class Problem(BaseModel):
    """Any answer that is no success."""

    error: Error


class Refusal(Exception):
    """Ends a request with a problem."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.error = Error(code=code, message=message, **more)


def unavailable(what: str) -> Refusal:
    """Something that the service needs is away."""
    return Refusal(503, "unavailable", f"{what} does not answer", hint="send the same again after Retry-After seconds")


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides success, for the OpenAPI document; 401 every route may."""
    return {status: {"model": Problem, "description": _MEANINGS[status]} for status in (401, *statuses)}


def problem(status: int, error: Error, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """The response."""
    body = {"error": error.model_dump(exclude_none=True), **more}
    wait = _AGAIN if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(body, status, {**wait, **(headers or {})})


def add_handlers(app: FastAPI) -> None:
    """Every error of the application gets the one shape."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _other)
    app.add_exception_handler(DBAPIError, _database_away)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
    return problem(error.status, error.error, headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = list(_fields(error.errors()[:_MOST_FIELDS]))
    message = "; ".join(f"{each.place}: {each.message}" for each in fields[:3])
    return problem(422, Error(code="invalid", message=message or "the request is not valid", fields=fields))


async def _other(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:  # a body that is no text at all
        return problem(422, Error(code="invalid", message=str(error.detail)))
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
    return problem(error.status_code, Error(code=code, message=str(error.detail)), error.headers)


async def _database_away(_: Request, __: Exception) -> Response:
    return problem(503, unavailable("the database").error)


def _fields(errors: Sequence[Any]) -> Iterator[Part]:
    """Without what was sent: it may be personal, or no text at all."""
    for error in errors:
        place = ".".join(str(part) for part in error["loc"])
        yield Part(place=place.encode(errors="replace").decode()[:200], message=str(error["msg"])[:200])
