"""What every route of receive needs: the body within its limit, and refusals in words."""

from typing import Final

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from services.ingest.webhook import BODY_LIMIT_BYTES

RETRY_AFTER_S: Final = 5
MEANINGS: Final = {
    "media_type": "the Content-Type must be {media_type}",
    "too_large": "the body must have at most 64 KiB",
    "header": "the shared header or token is missing or wrong",
    "unsigned": "the signature is missing",
    "stale": "the signature's time is too far from ours",
    "signature": "the signature is wrong",
    "no_secret": "no client secret is set here (HEADRACE_BIGCOMMERCE_CLIENT_SECRET)",
    "not_set_up": "nothing is set here for this platform's webhooks",
    "not_json": "the body is not JSON",
    "not_form": "the body is not a form",
    "no_scope": "the body has no scope",
    "unknown_scope": "the scope is none of the store's",
    "wrong_store": "the delivery is of another store",
    "wrong_shape": "the data does not name a resource",
}


async def body_of(request: Request, *media_types: str) -> bytes | tuple[int, str]:
    """The body, or the status and reason it is refused with; never more than the limit is held."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in media_types and not ("application/json" in media_types and given.endswith("+json")):
        return 415, "media_type"
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:19]) > BODY_LIMIT_BYTES:
        return 413, "too_large"
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT_BYTES:
            return 413, "too_large"
        parts.append(part)
    return b"".join(parts)


def meaning(reason: str, media_type: str = "application/json") -> str:
    """In words."""
    return MEANINGS.get(reason, "refused").format(media_type=media_type)


def refuse(status: int, reason: str, media_type: str = "application/json") -> Response:
    """A delivery that is not taken: counted, and logged without anything of it."""
    counter("headrace_webhooks_total", outcome=reason).inc()
    log.warning("webhook.refused", status=status, reason=reason)
    return error_answer(status, reason, meaning(reason, media_type))


def error_answer(status: int, code: str, message: str, **more: str) -> Response:
    """`{"error": {"code", "message"}}`."""
    return JSONResponse({"error": {"code": code, "message": message, **more}}, status_code=status)


def unavailable() -> Response:
    """Kafka did not say in time that it has it."""
    response = error_answer(503, "kafka_unavailable", "not kept: send it again later")
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
