"""No call of ours can delete more than it names."""

import re
from typing import Final

import pytest

from headrace.platforms import bigcommerce
from headrace.platforms.http import Request
from tests.headrace.platforms.bigcommerce.every_request import UUID, builders

ONE: Final = re.compile(r"/v3/customers/\d+/metafields/\d+")
"""Paths of one thing, which need no filter."""
NAMED: Final = ("/v3/customers/attribute-values", re.compile(r"/v3/segments/[0-9a-f-]{36}/shopper-profiles"))
"""Paths that would delete everything without `id:in`."""


def _is_bounded(request: Request) -> bool:
    if ONE.fullmatch(request.path):
        return True
    chosen = dict(request.params).get("id:in", "")
    return any(re.fullmatch(path, request.path) for path in NAMED) and all(chosen.split(","))


def test_delete__whatever_is_given__names_what_it_deletes() -> None:
    deleting = [(name, request) for name, request in builders() if request.method == "DELETE"]
    assert {name for name, _ in deleting} == {"delete_attribute_values", "delete_metafield", "remove_from_segment"}
    assert [each for each in deleting if not _is_bounded(each[1])] == []


def test_every_request__path__has_no_empty_part() -> None:
    assert [(name, request.path) for name, request in builders() if "//" in request.path] == []


def test_is_bounded__deleting_everything__is_what_the_test_above_would_find() -> None:
    everything = [
        Request("DELETE", "/v2/customers"),
        Request("DELETE", "/v2/customer_groups"),
        Request("DELETE", "/v3/customers/subscribers"),
        Request("DELETE", f"/v3/segments/{UUID}/shopper-profiles"),
        Request("DELETE", "/v3/customers/attribute-values", params=(("id:in", ""),)),
    ]
    assert not any(_is_bounded(request) for request in everything)


@pytest.mark.parametrize("odd", ["", "..", "../customers", "x" * 36, "09346904-4175-44fd-be53-f7e598531b6c/../x"])
def test_segments__an_id_that_is_no_uuid__is_refused(odd: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        bigcommerce.segment_members(odd)
    with pytest.raises(ValueError, match="UUID"):
        bigcommerce.add_to_segment(UUID, [odd])
    with pytest.raises(ValueError, match="UUID"):
        bigcommerce.remove_from_segment(odd, [UUID])
