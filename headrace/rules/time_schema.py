"""The JSON Schema of what is about time: durations, days, windows, calendars, schedules. Put together in
`json_schema.py`.
"""

from typing import Any, Final

from headrace.rules.parse_calendars import NUMBERS
from headrace.rules.parse_time import EVERY_YEAR, TIMES, TODAY
from headrace.rules.parse_windows import DATES, ONLY, WINDOWS

Schema = dict[str, Any]
DURATION: Final[Schema] = {"type": "string", "pattern": "^[0-9]{1,5} +(hour|day|month|year)s?$"}
DAY: Final[Schema] = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
YEARLY_DAY: Final[Schema] = {"enum": [TODAY]}
CALENDAR_NAME: Final[Schema] = {"type": ["string", "number"], "description": "One of `calendars`."}
CRON: Final[Schema] = {"type": "string", "pattern": r"^\s*[0-9]+(\s+\S+){4}\s*$"}
_SCALAR: Final[Schema] = {"type": ["string", "number"]}
_VALUES: Final[Schema] = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
_MONTH_AND_DAY: Final = "[0-9]{2}-[0-9]{2}"


def windows(*, filters: bool = True) -> Schema:
    """What may stand beside the comparison of an aggregate, by key."""
    own: dict[str, Schema] = {
        "within": {"description": "Of so long up to now.", **DURATION},
        "this": {"description": "Of the current one.", "enum": ["month", "year"]},
        **{key: {"description": "Of these days, included.", **DAY} for key in DATES},
    }
    assert set(own) == set(WINDOWS)
    return own | (dict.fromkeys(ONLY, _VALUES) if filters else {})


def reached() -> Schema:
    """Behind `time.reached`."""
    after = {"anyOf": [DURATION, {"const": EVERY_YEAR}]}
    return {**_object(dict.fromkeys(TIMES, after)), "minProperties": 1, "maxProperties": 1}


def calendars() -> Schema:
    """The top-level key."""
    day: Schema = {"type": "string", "pattern": f"^{_MONTH_AND_DAY}$"}
    weekday: Schema = {"type": "string", "pattern": f"^({'|'.join(NUMBERS)}) [A-Za-z]+ of [A-Za-z]+$"}
    yearly = _object(
        {"from": day, "to": day, "on": {"anyOf": [day, weekday]}, "plus": DURATION, "for": DURATION},
    )
    return {
        "description": "Named times of the store: {black_friday: {from: 2026-11-27, to: 2026-11-30}}.",
        "type": "object",
        "additionalProperties": _object({"from": DAY, "to": DAY, "on": DAY, "every_year": yearly}),
    }


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}
