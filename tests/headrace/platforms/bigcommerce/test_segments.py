"""Segments take profiles, fifty at a time, and refuse a call for one who is in already."""

import pytest

from headrace.platforms import bigcommerce
from headrace.platforms.errors import Rejected

SEGMENT, ONE = "dfada416-eba1-49cf-ad21-0f48b48d50ad", "1465bb16-eb7d-4fba-8312-0ea9d88cd6e9"


def test_add_to_segment__fifty__one_call_and_not_one_more() -> None:
    assert bigcommerce.add_to_segment(SEGMENT, [ONE] * 50).json == [ONE] * 50
    for count in (0, 51):
        with pytest.raises(ValueError, match="1 to 50"):
            bigcommerce.add_to_segment(SEGMENT, [ONE] * count)


def test_already_members__409__names_the_profile_not_the_segment() -> None:
    text = f"Shopper profile `{ONE}` already exists for segment `{SEGMENT}`."
    assert bigcommerce.already_members(Rejected("POST /x", 409, "conflicts", {"0": text})) == {ONE}
    assert bigcommerce.already_members(Rejected("POST /x", 422, "conflicts", {"0": text})) == frozenset()
    assert bigcommerce.already_members(Rejected("POST /x", 409, "conflicts", {"0": "somebody"})) == frozenset()


def test_remove_from_segment__by_profile__names_each() -> None:
    request = bigcommerce.remove_from_segment(SEGMENT, [ONE, SEGMENT])
    assert dict(request.params) == {"id:in": f"{ONE},{SEGMENT}"}


def test_shopper_profile_of__a_customer_without__none() -> None:
    assert bigcommerce.shopper_profile_of({"shopper_profile_id": ONE.upper()}) == ONE
    assert bigcommerce.shopper_profile_of({"shopper_profile_id": ""}) is None
    assert bigcommerce.segments_of({"segment_ids": [SEGMENT, 3]}) == {SEGMENT}
    assert bigcommerce.segments_of({}) == frozenset()
