"""What the command line and the settings ask for."""

import asyncio
import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from headrace.runtime.process import Running
from services.actions.__main__ import parse
from services.actions.bootstrap import main_of, settings_for
from services.actions.settings import GroupSettings, MailchimpSettings


def test_parse__kinds() -> None:
    assert parse(["group"]) == ["group"]
    assert parse(["effects", "group"]) == ["effects", "group"]
    assert parse(["group", "email-tags", "--platform", "mailchimp"]) == ["group", "email-tags.mailchimp"]


@pytest.mark.parametrize("arguments", [[], ["email-tags"], ["email-tags", "--platform", "pigeon"], ["mails"]])
def test_parse__wrong__is_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_settings_for__asks_only_for_what_the_kinds_need() -> None:
    assert settings_for(["group"]) is GroupSettings
    assert settings_for(["email-tags.mailchimp"]) is MailchimpSettings
    several = settings_for(["group", "email-tags.mailchimp"])
    assert issubclass(several, GroupSettings)
    assert issubclass(several, MailchimpSettings)
    assert {"bigcommerce_url", "mailchimp_url"} <= {*several.model_fields}


async def test_main__kafka_takes_calls_and_never_answers__a_stop_does_not_wait_for_it(tmp_path: Path) -> None:
    running = Running()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = GroupSettings(
            kafka_bootstrap_servers=f"127.0.0.1:{silent.getsockname()[1]}",
            store="s",
            bigcommerce_url="http://127.0.0.1:1",
            bigcommerce_token=SecretStr("t"),
            database_url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"),
        )
        silent.settimeout(0)
        ending = asyncio.ensure_future(main_of(["group"])([settings], running))
        loop = asyncio.get_running_loop()
        connection, _ = await loop.sock_accept(silent)
        with connection:
            running.stopping.set()
            async with asyncio.timeout(3):
                await ending
