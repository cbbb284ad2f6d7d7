"""What the command line and the settings ask for."""

import pytest

from services.actions.__main__ import parse
from services.actions.bootstrap import settings_for
from services.actions.settings import AllSettings, EmailTagsSettings, GroupSettings


def test_parse__kinds() -> None:
    assert parse(["group"]) == ["group"]
    assert parse(["group", "email-tags", "--platform", "mailchimp"]) == ["group", "email-tags"]


@pytest.mark.parametrize("arguments", [[], ["email-tags"], ["email-tags", "--platform", "pigeon"], ["effects"]])
def test_parse__wrong__is_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_settings_for__asks_only_for_what_the_kinds_need() -> None:
    assert settings_for(["group"]) is GroupSettings
    assert settings_for(["email-tags"]) is EmailTagsSettings
    assert settings_for(["group", "email-tags"]) is AllSettings
    assert {"bigcommerce_url", "mailchimp_url"} <= {*AllSettings.model_fields}
