"""Countries and states: names and codes end in the same word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.geography import country_code, state_name, states_meant
from headrace.rules.model import fold


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("United Kingdom", "GB"),
        ("UK", "GB"),
        ("gb", "GB"),
        ("GBR", "GB"),
        ("England", "GB"),
        ("EIRE", "IE"),
        ("Ireland", "IE"),
        ("USA", "US"),
        ("United States", "US"),
        ("U.S.A.", "US"),
        ("Germany", "DE"),
        ("Netherlands", "NL"),
        ("Holland", "NL"),
        ("Czech Republic", "CZ"),
        ("Côte d'Ivoire", "CI"),
        ("cote d'ivoire", "CI"),
        ("RSA", "ZA"),
        ("South Korea", "KR"),
        ("Taiwan", "TW"),
        ("Bolivia", "BO"),
    ],
)
def test_country_code__names_people_use__one_code(text: str, code: str) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize("text", ["", "Unspecified", "European Community", "Untied Kingdom"])
def test_country_code__no_country__none(text: str) -> None:
    assert country_code(text) is None


@pytest.mark.parametrize(
    ("country", "text", "name"),
    [
        ("US", "NY", "new york"),
        ("US", "New York", "new york"),
        ("us", "ny", "new york"),
        ("CA", "QC", "quebec"),
        ("CA", "Québec", "quebec"),
        ("AU", "WA", "western australia"),
        ("US", "WA", "washington"),
        ("DE", "BY", "bayern"),
        ("", "NY", "new york"),
        ("", "WA", "wa"),
        ("", "Some  County", "some county"),
        ("GB", "Middlesex", "middlesex"),
        ("ZZ", "NY", "ny"),
    ],
)
def test_state_name__codes_and_names__the_folded_name(country: str, text: str, name: str) -> None:
    assert state_name(country, text) == name


def test_states_meant__code_of_two_countries__both() -> None:
    assert states_meant("WA") == ("washington", "western australia")


@given(st.sampled_from(["", "US", "AU", "DE", "XX"]), st.text(max_size=12))
def test_state_name__any_text__stays_itself_when_asked_again(country: str, text: str) -> None:
    once = state_name(country, text)
    assert once == fold(once)
    assert state_name(country, once) == once or country == ""
