"""What a process may do at one time, from its part."""

import pytest

from headrace.platforms.store import writes_at_once


@pytest.mark.parametrize(("weight", "at_once"), [(0.3, 3), (1.0, 3), (0.15, 1), (0.2, 2), (0.1, 1), (0.001, 1)])
def test_writes_at_once__replicas__share_what_the_store_allows(weight: float, at_once: int) -> None:
    assert writes_at_once(weight, 0.3) == at_once
