"""An account for each test."""

import pytest

from tests.headrace.simulators.klaviyo.account import Port


@pytest.fixture
def port() -> Port:
    return Port()
