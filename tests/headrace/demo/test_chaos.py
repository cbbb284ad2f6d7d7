"""The kill schedule: parsed from the option, fixed by the seed."""

import pytest

from headrace.demo.chaos import DEFAULT_VICTIMS, ChaosError, parse_chaos, schedule


def test_parse_chaos__names_and_times__are_read() -> None:
    assert parse_chaos("kill=evaluator, hydrate:2") == (("evaluator", "hydrate"), 2)
    assert parse_chaos("default") == (DEFAULT_VICTIMS, 3)


@pytest.mark.parametrize(
    "text", ["", "kill", "kill=", "kill=:3", "kill=nobody:3", "kill=feed:0", "stop=feed:1", "kill=feed"]
)
def test_parse_chaos__what_is_not_the_form__is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ChaosError, match="write kill=NAME"):
        parse_chaos(text)


def test_schedule__same_seed__same_kills_and_every_victim_as_often_as_asked() -> None:
    kills = schedule(("feed", "hydrate"), 3, seed=7)
    assert kills == schedule(("feed", "hydrate"), 3, seed=7) != schedule(("feed", "hydrate"), 3, seed=8)
    assert sorted(kill.victim for kill in kills) == ["feed"] * 3 + ["hydrate"] * 3
    assert all(0.05 <= kill.share <= 0.95 for kill in kills)
