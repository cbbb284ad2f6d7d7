"""One store's settings of several: its own first, then the process's; never another's secret, never one of nobody."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

import services
from headrace.runtime.settings import KafkaSettings, ServiceSettings, SettingsError, load_settings, settings_of
from headrace.runtime.stores import PLAIN, SECRETS, StoreEntry, read_stores
from services.actions.settings import GroupSettings, MailchimpSettings
from services.attributes.settings import AttributesSettings
from services.evaluator.settings import EvaluatorSettings
from services.ingest.settings import HookSettings, HydrateSettings, ReceiveSettings

OF_THE_PROCESS = {"hash_key", "database_url", "kafka_sasl_password"}
"""Secrets that all stores of a process have in common."""
AMONG = ("abc", "def")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "b:1")
    monkeypatch.setenv("HEADRACE_HASH_KEY", "h4sh")
    for name in ("STORES", "STORE", "API_KEY", "WEBHOOK_URL", *SECRETS, *PLAIN):
        monkeypatch.delenv(f"HEADRACE_{name}".upper(), raising=False)
    return monkeypatch


def entry(**values: str) -> StoreEntry:
    return StoreEntry("abc", values, AMONG)


def refused(what: StoreEntry, settings_cls: type[ServiceSettings]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        settings_of(what, settings_cls)
    return caught.value.problems


# -- what wins ---------------------------------------------------------------------------------------------------------
def test_settings_of__own_value_and_variable__its_own_wins(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HEADRACE_BIGCOMMERCE_QUOTA_SHARE", "0.2")
    environment.setenv("HEADRACE_STORE", "def")
    own = settings_of(entry(bigcommerce_token="t", bigcommerce_quota_share="0.9"), GroupSettings)
    plain = settings_of(entry(bigcommerce_token="t"), GroupSettings)
    assert (own.store, own.bigcommerce_quota_share, plain.bigcommerce_quota_share) == ("abc", 0.9, 0.2)
    assert own.among == AMONG


def test_settings_of__value_of_another_service__is_passed_over() -> None:
    found = settings_of(entry(bigcommerce_token="t", mailchimp_list="x", klaviyo_key="k"), GroupSettings)
    assert found.bigcommerce_token.get_secret_value() == "t"


def test_settings_of__secret_only_in_the_environment__is_nobodys(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HEADRACE_BIGCOMMERCE_TOKEN", "s3cret")
    assert refused(entry(), GroupSettings) == {
        "HEADRACE_BIGCOMMERCE_TOKEN": "is missing: store abc needs `bigcommerce_token_file:`"
    }
    for name in ("BIGCOMMERCE_CLIENT_SECRET", "KLAVIYO_WEBHOOK_KEY", "MAILCHIMP_WEBHOOK_TOKEN"):
        environment.setenv(f"HEADRACE_{name}", "s3cret")
    environment.setenv("HEADRACE_BIGCOMMERCE_WEBHOOK_HEADER", "X-S: s3cret")
    receive = settings_of(entry(), ReceiveSettings)
    found = [receive.bigcommerce_client_secret, receive.klaviyo_webhook_key, receive.mailchimp_webhook_token]
    assert [*found, receive.bigcommerce_webhook_header] == [None] * 4


def test_settings_of__secret_in_a_file_of_the_environment__is_nobodys(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("s3cret")
    environment.setenv("HEADRACE_BIGCOMMERCE_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    assert settings_of(entry(), ReceiveSettings).bigcommerce_client_secret is None


@pytest.mark.parametrize(
    ("own", "shared", "opens"),
    [({}, "all", "all"), ({"api_key": "mine"}, "all", "mine"), ({"api_key": "mine"}, "", "mine"), ({}, "", None)],
)
def test_settings_of__api_key__its_own_or_the_shared_one(
    environment: pytest.MonkeyPatch, own: dict[str, str], shared: str, opens: str | None
) -> None:
    environment.setenv("HEADRACE_API_KEY", shared)
    found = settings_of(entry(**own), ReceiveSettings).api_key
    assert (None if found is None else found.get_secret_value()) == opens


@pytest.mark.parametrize("where", ["variable", "entry"])
def test_settings_of__webhook_url__has_the_stores_name(environment: pytest.MonkeyPatch, where: str) -> None:
    url, own = "https://hooks.example/webhooks/bigcommerce/{store}", {"bigcommerce_token": "t"}
    if where == "variable":
        environment.setenv("HEADRACE_WEBHOOK_URL", url)
    else:
        own["webhook_url"] = url
    for settings_cls in (HydrateSettings, HookSettings):
        found = settings_of(entry(**own), settings_cls)
        assert (getattr(found, "webhook_url", None), found.among) == (
            "https://hooks.example/webhooks/bigcommerce/abc",
            AMONG,
        )


def test_load_settings__webhook_url_of_one_store__has_its_name_too(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HEADRACE_STORE", "abc")
    environment.setenv("HEADRACE_BIGCOMMERCE_TOKEN", "t")
    environment.setenv("HEADRACE_WEBHOOK_URL", "https://hooks.example/webhooks/bigcommerce/{store}")
    assert load_settings(HookSettings).webhook_url == "https://hooks.example/webhooks/bigcommerce/abc"


def test_settings_of__process_for_one_store__reads_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HEADRACE_STORE", "abc")
    environment.setenv("HEADRACE_BIGCOMMERCE_TOKEN", "t")
    found = settings_of(StoreEntry(), GroupSettings)
    assert (found.store, found.among, found.bigcommerce_token.get_secret_value()) == ("abc", (), "t")


# -- what is told ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "settings_cls", "problems"),
    [
        (
            {"bigcommerce_token": "s3cret", "bigcommerce_quota_share": "s3cret"},
            GroupSettings,
            {
                "HEADRACE_BIGCOMMERCE_QUOTA_SHARE": "should be a valid number, unable to parse string as a number"
                " (store abc)"
            },
        ),
        (
            {"mailchimp_key": "s3cret"},
            MailchimpSettings,
            {
                "HEADRACE_MAILCHIMP_LIST": "is missing: store abc needs `mailchimp_list:`",
                "HEADRACE_MAILCHIMP_URL": "is missing: store abc needs `mailchimp_url:`",
            },
        ),
        (
            {"bigcommerce_webhook_header": ": s3cret"},
            ReceiveSettings,
            {"HEADRACE_BIGCOMMERCE_WEBHOOK_HEADER": "must be `Name: value` (store abc)"},
        ),
        (
            {"bigcommerce_token": "s3cret", "mirror_overflow": "s3cret"},
            AttributesSettings,
            {"HEADRACE_MIRROR_OVERFLOW": "should be 'metafield' or 'keep' (store abc)"},
        ),
    ],
)
def test_settings_of__wrong_or_missing__names_the_store_and_no_value(
    values: dict[str, str], settings_cls: type[ServiceSettings], problems: dict[str, str]
) -> None:
    found = refused(entry(**values), settings_cls)
    assert found == problems
    assert "s3cret" not in str(found)


def test_settings_of__wrong_variable_of_the_process__names_no_store(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HEADRACE_HEALTH_PORT", "x")
    (said,) = refused(entry(bigcommerce_token="t"), GroupSettings).values()
    assert "abc" not in said


# -- load_settings: one store's, for verbs -----------------------------------------------------------------------------
@pytest.fixture
def two(environment: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "stores.yaml"
    path.write_text("stores:\n  abc: {bigcommerce_token_file: token}\n  def: {}\n")
    (tmp_path / "token").write_text("t0ken")
    environment.setenv("HEADRACE_STORES", str(path))
    return path


def test_load_settings__several_stores__the_named_one(environment: pytest.MonkeyPatch, two: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(GroupSettings)
    assert caught.value.problems == {"HEADRACE_STORE": "is missing: name one of abc, def (--store)"}
    environment.setenv("HEADRACE_STORE", "abc")
    found = load_settings(GroupSettings)
    assert (found.store, found.among, found.bigcommerce_token.get_secret_value()) == ("abc", AMONG, "t0ken")
    assert load_settings(ServiceSettings, store="def").store == "def"


def test_load_settings__what_asks_for_no_store__reads_no_file(environment: pytest.MonkeyPatch, two: Path) -> None:
    two.write_text("not: this")
    assert load_settings(KafkaSettings).topic_prefix == "headrace."
    assert load_settings(EvaluatorSettings).store == "all"


@pytest.mark.usefixtures("two")
def test_read_stores__then_settings_of_each__none_has_anothers() -> None:
    found = [settings_of(each, ReceiveSettings) for each in read_stores()]
    assert [each.store for each in found] == list(AMONG)


# -- the lists ---------------------------------------------------------------------------------------------------------
def every_settings_class() -> Iterator[type[ServiceSettings]]:
    """Of all services, found by their files, so that a new one is not forgotten."""
    root = Path(services.__path__[0])
    for path in sorted(root.rglob("settings.py")):
        module = importlib.import_module(".".join(["services", *path.relative_to(root).with_suffix("").parts]))
        for found in vars(module).values():
            if isinstance(found, type) and issubclass(found, ServiceSettings):
                yield found


FIELDS: dict[str, FieldInfo] = {name: info for cls in every_settings_class() for name, info in cls.model_fields.items()}


def test_lists__every_secret_of_every_service__is_a_stores_or_the_processs() -> None:
    secrets = {name for name, info in FIELDS.items() if "SecretStr" in str(info.annotation)}
    assert len(secrets) > 10
    assert secrets == SECRETS | OF_THE_PROCESS


def test_lists__plain_names__are_fields_and_no_secrets() -> None:
    assert {name for name in PLAIN if "SecretStr" in str(FIELDS[name].annotation)} == set()
    assert PLAIN.isdisjoint(SECRETS)


def test_lists__no_name_ends_as_a_secrets_file_does() -> None:
    assert {name for name in PLAIN | SECRETS if name.endswith("_file")} == set()


@pytest.mark.parametrize("cls", sorted(set(every_settings_class()), key=str))
def test_settings_of__every_service__takes_a_store_that_has_what_it_needs(cls: type[ServiceSettings]) -> None:
    """Withheld secrets are None, which every class must take for those that are not required."""
    wanted = {name for name, info in cls.model_fields.items() if info.is_required()} - {"store"}
    values = dict.fromkeys(wanted & (SECRETS | PLAIN), "x")
    found = settings_of(entry(**values), cls)
    assert found.store == "abc"
    withheld = (SECRETS & cls.model_fields.keys()) - values.keys()
    assert all(not isinstance(getattr(found, name), SecretStr) for name in withheld)
