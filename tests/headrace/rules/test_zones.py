"""Zones by address: each exists, each state is one that geography knows, what is not sure has none."""

from zoneinfo import ZoneInfo

import pytest

from headrace.rules.geography import state_name, state_names
from headrace.rules.zones import _STATES, _of_countries, zone_of


@pytest.mark.parametrize(
    ("country", "state", "zone"),
    [
        ("US", "NY", "America/New_York"),
        ("US", "Texas", "America/Chicago"),
        ("US", "Arizona", "America/Phoenix"),
        ("CA", "BC", "America/Vancouver"),
        ("AU", "QLD", "Australia/Brisbane"),
        ("BR", "São Paulo", "America/Sao_Paulo"),
        ("GB", "", "Europe/London"),
        ("DE", "Bavaria", "Europe/Berlin"),
        ("IN", "", "Asia/Kolkata"),
    ],
)
def test_zone_of__an_address__has_its_peoples_clock(country: str, state: str, zone: str) -> None:
    assert zone_of(country, state_name(country, state) if state else "") == zone


@pytest.mark.parametrize(("country", "state"), [("US", ""), ("US", "atlantis"), ("RU", ""), ("", ""), ("XX", "")])
def test_zone_of__not_sure__none(country: str, state: str) -> None:
    assert zone_of(country, state) is None


def test_zones__every_one_is_a_zone_and_every_state_a_state() -> None:
    for country, states in _STATES.items():
        assert set(states) <= set(state_names(country)) | {state_name(country, name) for name in state_names(country)}
    for zone in {*_of_countries().values(), *(zone for states in _STATES.values() for zone in states.values())}:
        ZoneInfo(zone)
