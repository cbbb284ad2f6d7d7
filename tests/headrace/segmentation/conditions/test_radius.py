"""Distances, from the file of postcodes to a place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Leaf, Nearby
from headrace.rules.postcodes import BadPostcodes, Point, distance_km, read_postcodes
from headrace.segmentation.conditions.radius import compile_test, explain
from headrace.segmentation.state import Place

FILE = Path(__file__).parents[3] / "cases" / "zips.csv"


def near(km: int, of: str, country: str = "") -> Leaf:
    codes = read_postcodes(FILE)
    (center,) = codes.named(of, country)
    return Leaf(field="radius", operator="within", operand=Nearby(km=km, of=of, zips=codes.within(center, km)))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("US", "new york", "new york", "10001"), True),
        (Place("US", "new york", "new york", "10001-1234"), True),
        (Place("US", "new jersey", "hoboken", "07030"), True),
        (Place("BG", "", "sofia", "10001"), False),
        (Place("US", "california", "beverly hills", "90210"), False),
        (Place("US", "new york", "new york", ""), False),
        (Place("US", "new york", "nowhere", "99999"), False),
    ],
)
def test_compile_test__places_around_new_york__in_or_out(place: Place, expected: bool) -> None:
    assert compile_test(near(20, "10001", "US"))(place) is expected


@pytest.mark.parametrize(("zip_", "expected"), [("ls1 4ab", True), ("yo1 7hh", True), ("ls1", True), ("m1 1ae", False)])
def test_compile_test__british_postcode__its_first_half_is_in_the_file(zip_: str, expected: bool) -> None:
    assert compile_test(near(50, "LS1"))(Place("GB", "", "leeds", zip_)) is expected


@pytest.mark.parametrize(("km", "inside"), [(133, False), (134, True)])
def test_within__new_york_to_philadelphia__about_134_km(km: int, inside: bool) -> None:
    assert compile_test(near(km, "10001", "US"))(Place("US", "", "philadelphia", "19103")) is inside


_POINTS = st.builds(
    Point, st.just("x"), st.just(""), st.floats(-90, 90, allow_nan=False), st.floats(-180, 180, allow_nan=False)
)


@given(_POINTS, _POINTS)
def test_distance_km__two_points__the_same_both_ways_and_on_earth(one: Point, other: Point) -> None:
    assert distance_km(one, other) == pytest.approx(distance_km(other, one))
    assert 0 <= distance_km(one, other) <= 20_038
    assert distance_km(one, one) == 0


def test_explain__radius__in_words() -> None:
    assert explain(near(50, "LS1")) == "radius within 50 km of LS1"


def test_compile_test__unknown_operator__is_another_releases() -> None:
    with pytest.raises(ValueError, match="no operator"):
        compile_test(Leaf(field="radius", operator="is", operand="x"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("zip,lat,lon\n1,2,3\n", "has no column postcode and latitude and longitude"),
        ("postcode,latitude,longitude\n,1,2\n", "line 2 has no postcode"),
        ("postcode,latitude,longitude\nA,north,2\n", "line 2 has no place on earth"),
        ("postcode,latitude,longitude\nA,91,2\n", "line 2 has no place on earth"),
        ("postcode,latitude,longitude\nA,nan,2\n", "line 2 has no place on earth"),
        ("postcode,latitude,longitude\nA\n", "line 2 has no place on earth"),
        ("postcode,latitude,longitude,country\nA,1,2,Atlantis\n", "line 2 names a country nobody knows"),
        ("", "has no column"),
    ],
)
def test_read_postcodes__bad_file__says_where(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "zips.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadPostcodes, match=problem):
        read_postcodes(tmp_path / "zips.csv")


def test_read_postcodes__not_utf8__is_bad(tmp_path: Path) -> None:
    (tmp_path / "zips.csv").write_bytes(b"postcode,latitude,longitude\n\xff\xfe,1,2\n")
    with pytest.raises(BadPostcodes, match="not CSV in UTF-8"):
        read_postcodes(tmp_path / "zips.csv")


def test_read_postcodes__spaces_and_capitals_in_its_head__are_read(tmp_path: Path) -> None:
    (tmp_path / "zips.csv").write_text("\ufeffPostcode, Latitude ,LONGITUDE\nN1,51.5,-0.1\n", encoding="utf-8")
    (point,) = read_postcodes(tmp_path / "zips.csv").points
    assert (point.label, point.latitude) == ("n1", 51.5)
