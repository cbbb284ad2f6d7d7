"""Logs: one JSON object a line on stderr, with personal data and secrets taken out before they are written.

The names of the events live in `headrace.runtime.catalogue`; what is logged is decided where it happens.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Protocol, cast

import structlog

from headrace.runtime.catalogue import LogEvent
from headrace.runtime.quiet import Seldom

REDACTED: Final = "[redacted]"
_SECRET_KEYS: Final = re.compile(
    r"(^|_)(e?_?mail|first_?name|last_?name|full_?name|phone|street|address1?|address2|body|payload|password|passwd"
    r"|secret|token|authorization|cookie|api_?key|hash_?key|mailchimp_key|signature|credentials?|database_url|personal"
    r"|x_auth_token)$",
    re.IGNORECASE,
)
_EMAIL: Final = re.compile(r"[^\s@\"'<>=:,;()\[\]{}]+@[^\s@\"'<>=:,;()\[\]{}]+\.[A-Za-z]{2,}")
_PROBLEMS: Final = "problems"
"""Settings by variable and what is wrong with each, never what it is: a variable may be named like a secret."""
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Log(Protocol):
    """What a logger of ours offers: an event of the catalogue, and fields."""

    def debug(self, event: LogEvent, **fields: Any) -> None: ...
    def info(self, event: LogEvent, **fields: Any) -> None: ...
    def warning(self, event: LogEvent, **fields: Any) -> None: ...
    def error(self, event: LogEvent, **fields: Any) -> None: ...
    def exception(self, event: LogEvent, **fields: Any) -> None: ...


log: Final = cast("Log", structlog.get_logger())
"""The one logger. `log.info("decision.made", customer=...)`; before `configure_logs` it prints to stderr as text."""


def _to_stderr(*_: Any) -> structlog.WriteLogger:
    # A line and its end in one write: `print` makes two, and another thread's line would come between them.
    return structlog.WriteLogger(sys.stderr)


# Its lines name whole addresses, and those may hold what nobody shall read: e-mails, codes of coupons.
logging.getLogger("httpx").setLevel(logging.WARNING)
# Until a process configures its logs: never stdout, which belongs to results.
structlog.configure(logger_factory=_to_stderr, cache_logger_on_first_use=False)


def configure_logs(service: str, level: str = "info", *, human: bool = False) -> None:
    """Sends every log line of this process, the libraries' too, to stderr as JSON (`human`: as text for a terminal)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _service(service),
        _exception_frames,
        redact,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if human
        else structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_to_stderr,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(Seldom())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def redact(_: Any, __: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces the values of keys that hold personal data or secrets, and e-mail addresses wherever they stand."""
    for key, value in event_dict.items():
        event_dict[key] = _clean(key, value)
    return event_dict


def _clean(key: str, value: Any) -> Any:
    if _SECRET_KEYS.search(key.replace("-", "_")):
        return REDACTED
    if isinstance(value, str):
        return _EMAIL.sub(REDACTED, value) if "@" in value else value
    if isinstance(value, Mapping) and key == _PROBLEMS:
        return {str(name): _clean("", item) for name, item in value.items()}
    if isinstance(value, Mapping):
        return {str(name): _clean(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    return value


def _service(name: str) -> Any:
    def add(_: Any, __: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event_dict["service"] = name
        return event_dict

    return add


def _exception_frames(_: Any, __: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Type, message and frames of an exception: its values may be personal, so no locals, and a short message."""
    raw = event_dict.pop("exc_info", None)
    error = sys.exc_info()[1] if raw is True else raw[1] if isinstance(raw, tuple) else raw
    if isinstance(error, BaseException):
        event_dict["error"] = type(error).__name__
        event_dict["message"] = str(error)[:300]
        event_dict["frames"] = _frames(error)
    return event_dict


def _frames(error: BaseException) -> list[str]:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{'/'.join(code.co_filename.split('/')[-3:])}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames[-12:]
