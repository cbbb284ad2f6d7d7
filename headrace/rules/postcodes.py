"""Postcodes and where they lie, from a file the merchant supplies; which of them are within so many km of one.

The file is CSV with the columns postcode, latitude, longitude and, where postcodes of several countries are in it,
country. It is read when rules are read; the core only sees the postcodes that came of it.
"""

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headrace.rules.geography import country_code
from headrace.rules.model import fold

MAX_BYTES: Final = 64 << 20
_COLUMNS: Final = ("postcode", "latitude", "longitude")
_EARTH_KM: Final = 6371.0088
_KM_A_DEGREE: Final = 110.5
"""Of latitude, at least."""


class BadPostcodes(ValueError):
    """The file is none we can read. The message says what is wrong, and in which line; `hint` what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Point:
    """A postcode as it is compared, its country ("" where the file names none), and where it lies, in degrees."""

    postcode: str
    country: str
    latitude: float
    longitude: float

    @property
    def label(self) -> str:
        """How a compiled rule names it: `US:10001`, or `10001`."""
        return f"{self.country}:{self.postcode}" if self.country else self.postcode


@dataclass(frozen=True, slots=True)
class Postcodes:
    """All points of a file."""

    points: tuple[Point, ...]

    def named(self, postcode: str, country: str = "") -> tuple[Point, ...]:
        """Those of this postcode; `country` "" is any."""
        wanted = fold(postcode)
        return tuple(
            point
            for point in self.points
            if point.postcode == wanted and (not country or point.country in ("", country))
        )

    def within(self, center: Point, km: int) -> tuple[str, ...]:
        """Labels of all points at most `km` away, sorted."""
        span = km / _KM_A_DEGREE
        near = (point for point in self.points if abs(point.latitude - center.latitude) <= span)
        return tuple(sorted({point.label for point in near if distance_km(center, point) <= km}))


def distance_km(one: Point, other: Point) -> float:
    """Along the surface of the earth."""
    low, high = math.radians(one.latitude), math.radians(other.latitude)
    north = math.sin((high - low) / 2) ** 2
    east = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(north + math.cos(low) * math.cos(high) * east)))


def read_postcodes(path: Path) -> Postcodes:
    """Raises `BadPostcodes` and `OSError`."""
    if path.stat().st_size > MAX_BYTES:
        raise BadPostcodes("larger than 64 MiB", "keep the postcodes of the countries you sell to")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            return Postcodes(tuple(_points(csv.DictReader(stream))))
        except (UnicodeDecodeError, csv.Error) as error:
            raise BadPostcodes("not CSV in UTF-8", "save the file as CSV, UTF-8") from error


def _points(rows: "csv.DictReader[str]") -> Iterator[Point]:
    names = {(name or "").strip().casefold(): name for name in rows.fieldnames or ()}
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise BadPostcodes(
            f"its first line has no column {' and '.join(missing)}", "write: postcode,latitude,longitude"
        )
    for row in rows:
        yield _point({name: (row[given] or "").strip() for name, given in names.items()}, rows.line_num)


def _point(row: dict[str, str], line: int) -> Point:
    postcode, country = fold(row["postcode"]), row.get("country", "")
    if not postcode:
        raise BadPostcodes(f"line {line} has no postcode", "write: 10001,40.75,-73.99")
    code = country_code(country) if country else ""
    if code is None:
        raise BadPostcodes(f"line {line} names a country nobody knows", "write its code, such as US")
    return Point(postcode, code, _degrees(row["latitude"], 90, line), _degrees(row["longitude"], 180, line))


def _degrees(written: str, most: int, line: int) -> float:
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not abs(value) <= most:
        raise BadPostcodes(f"line {line} has no place on earth", "write degrees with a point: 40.75,-73.99")
    return value
