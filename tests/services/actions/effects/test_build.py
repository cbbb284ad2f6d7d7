"""What the settings say enough of is served; what is wrong is said at the start."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.runtime.settings import SettingsError, load_settings, settings_of
from headrace.runtime.stores import read_stores
from services.actions.effects.build import build_senders
from services.actions.effects.settings import EffectsSettings

BASE = {"kafka_bootstrap_servers": "k:9092", "store": "s"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SMTP = {"effects_email": "smtp", "smtp_host": "mail.example", "mail_from": "a@x.example", "effects_templates": "/t"}


async def names(given: dict[str, Any]) -> dict[str, bool]:
    async with AsyncExitStack() as stack:
        senders = build_senders(load_settings(EffectsSettings, **BASE, **given), stack)
        return {sender.name: sender.keyed for sender in senders}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {}),
        (SMTP, {"mail": False, "notify": False}),
        (
            {"effects_email": "sendgrid", "sendgrid_key": "k", "mail_from": "a@x.example"},
            {"mail": False, "sequence.sendgrid": True},
        ),
        ({"effects_email": "klaviyo", "klaviyo_key": "k"}, {"mail": True, "sequence.klaviyo": True}),
        ({"effects_email": "omnisend", "omnisend_key": "k"}, {"mail": False, "sequence.omnisend": False}),
        (
            {"effects_email": "mailchimp", "mailchimp_key": "k", "mailchimp_url": "https://m", "mailchimp_list": "l"},
            {"mail": False, "sequence.mailchimp": False},
        ),
        ({"klaviyo_key": "k"}, {"sequence.klaviyo": True}),
        ({"bigcommerce_token": "t", "hash_key": "k"}, {"coupon": True}),
        ({"effects_webhook_secret": SECRET}, {"webhook": True}),
        ({"effects_channels": "vip: https://x.example"}, {"notify": False}),
        ({"effects_export_folder": "none"}, {"export": True}),
    ],
)
async def test_build_senders__settings__what_they_serve(given: dict[str, Any], found: dict[str, bool]) -> None:
    assert await names(given) == found


@pytest.mark.parametrize(
    ("given", "variables"),
    [
        ({"effects_email": "smtp"}, {"SMTP_HOST", "MAIL_FROM", "EFFECTS_TEMPLATES"}),
        ({"effects_email": "sendgrid"}, {"SENDGRID_KEY", "MAIL_FROM"}),
        ({"effects_email": "mailchimp"}, {"MAILCHIMP_URL", "MAILCHIMP_KEY", "MAILCHIMP_LIST"}),
        ({"effects_email": "klaviyo"}, {"KLAVIYO_KEY"}),
        ({"effects_email": "omnisend"}, {"OMNISEND_KEY"}),
        ({**SMTP, "mail_from": "nobody"}, {"MAIL_FROM"}),
        ({"mail_reply_to": "a@b@c"}, {"MAIL_REPLY_TO"}),
        ({"mail_unsubscribe": "http://x.example"}, {"MAIL_UNSUBSCRIBE"}),
        ({"effects_webhook_secret": "canary"}, {"EFFECTS_WEBHOOK_SECRET"}),
        ({"effects_webhook_allow": "10.0.0.1/8"}, {"EFFECTS_WEBHOOK_ALLOW"}),
        ({"effects_channels": "canary"}, {"EFFECTS_CHANNELS"}),
        ({"effects_timezone": "Mars/Olympus"}, {"EFFECTS_TIMEZONE"}),
        ({"smtp_security": "ssl"}, {"SMTP_SECURITY"}),
    ],
)
def test_settings__wrong__every_variable_by_name(given: dict[str, Any], variables: set[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(EffectsSettings, **BASE, **given)
    assert set(caught.value.problems) == {f"HEADRACE_{name}" for name in variables}
    assert "canary" not in str(caught.value)


def test_settings__of_a_store_in_the_file__its_own_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "password").write_text("canary")
    stores = {
        "one": {"effects_webhook_secret_file": "secret", "smtp_password_file": "password", "smtp_host": "mail.example"},
        "two": {"shop_name": "Two"},
    }
    (tmp_path / "stores.yaml").write_text(yaml.safe_dump({"stores": stores}))
    monkeypatch.setenv("HEADRACE_STORES", str(tmp_path / "stores.yaml"))
    monkeypatch.delenv("HEADRACE_STORE", raising=False)
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "k:9092")
    one, two = (settings_of(entry, EffectsSettings) for entry in read_stores())
    assert one.effects_webhook_secret is not None
    assert one.effects_webhook_secret.get_secret_value() == SECRET
    assert (two.effects_webhook_secret, two.smtp_password, two.smtp_host, two.shop_name) == (None, None, None, "Two")
