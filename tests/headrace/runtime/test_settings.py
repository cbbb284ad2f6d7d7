"""Settings: read from variables and files, every wrong one named, no value ever shown."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr, ValidationError

from headrace.runtime.settings import KafkaSettings, ServiceSettings, SettingsError, load_settings


class Example(ServiceSettings):
    bigcommerce_token: SecretStr
    bigcommerce_quota_share: float = Field(default=0.5, gt=0, le=1)
    names: list[str] = []


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in [*Example.model_fields, *(f"{field}_file" for field in Example.model_fields)]:
        monkeypatch.delenv(f"HEADRACE_{field}".upper(), raising=False)


def required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
    monkeypatch.setenv("HEADRACE_STORE", "abc123")
    monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN", "s3cret")


def test_load_settings__all_missing__names_every_variable() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Example)

    assert caught.value.problems == {
        "HEADRACE_BIGCOMMERCE_TOKEN": "is missing",
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": "is missing",
        "HEADRACE_STORE": "is missing",
    }


def test_load_settings__wrong_values__named_without_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    required(monkeypatch)
    monkeypatch.setenv("HEADRACE_STORE", "s3cret value:with colon")
    monkeypatch.setenv("HEADRACE_BIGCOMMERCE_QUOTA_SHARE", "s3cret number")
    monkeypatch.setenv("HEADRACE_LOG_LEVEL", "s3cret level")
    monkeypatch.setenv("HEADRACE_HEALTH_PORT", "70000")

    with pytest.raises(SettingsError) as caught:
        load_settings(Example)

    assert set(caught.value.problems) == {
        "HEADRACE_STORE",
        "HEADRACE_BIGCOMMERCE_QUOTA_SHARE",
        "HEADRACE_LOG_LEVEL",
        "HEADRACE_HEALTH_PORT",
    }
    assert "s3cret" not in str(caught.value)


def test_load_settings__defaults__are_those_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    required(monkeypatch)

    settings = load_settings(Example)

    assert (settings.topic_prefix, settings.generation, settings.health_port) == ("headrace.", None, 0)
    assert settings.kafka_security_protocol == "PLAINTEXT"
    assert settings.cache_dir == Path.home() / ".cache" / "headrace"
    assert "s3cret" not in repr(settings)


def test_load_settings__secret_in_a_file__is_read_without_its_line_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    required(monkeypatch)
    monkeypatch.delenv("HEADRACE_BIGCOMMERCE_TOKEN")
    (tmp_path / "token").write_text("from file\n")
    monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN_FILE", str(tmp_path / "token"))

    assert load_settings(Example).bigcommerce_token.get_secret_value() == "from file"


def test_load_settings__variable_and_file__the_variable_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    required(monkeypatch)
    (tmp_path / "token").write_text("from file")
    monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN_FILE", str(tmp_path / "token"))

    assert load_settings(Example).bigcommerce_token.get_secret_value() == "s3cret"


def test_load_settings__file_missing__names_the_file_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    required(monkeypatch)
    monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN_FILE", str(tmp_path / "nowhere"))

    with pytest.raises(SettingsError) as caught:
        load_settings(Example)

    assert caught.value.problems == {"HEADRACE_BIGCOMMERCE_TOKEN_FILE": "cannot be read: No such file or directory"}


def test_load_settings__list_that_is_no_json__is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    required(monkeypatch)
    monkeypatch.setenv("HEADRACE_NAMES", "a,b")

    with pytest.raises(SettingsError) as caught:
        load_settings(Example)

    assert caught.value.problems == {"HEADRACE_NAMES": "is not valid JSON"}


def test_load_settings__empty_variable__is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "")

    with pytest.raises(SettingsError, match="HEADRACE_KAFKA_BOOTSTRAP_SERVERS"):
        load_settings(KafkaSettings)


def test_settings__written_to__refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    required(monkeypatch)
    settings = load_settings(Example)

    with pytest.raises(ValidationError):
        settings.store = "other"


def test_load_settings__sasl_without_who_logs_in__all_three_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
    monkeypatch.setenv("HEADRACE_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(SettingsError) as caught:
        load_settings(KafkaSettings)
    missing = "is missing: with SASL_SSL Kafka asks who logs in"
    assert caught.value.problems == {
        "HEADRACE_KAFKA_SASL_MECHANISM": missing,
        "HEADRACE_KAFKA_SASL_PASSWORD": missing,
        "HEADRACE_KAFKA_SASL_USERNAME": missing,
    }


def test_load_settings__sasl_complete__is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
    monkeypatch.setenv("HEADRACE_KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")
    monkeypatch.setenv("HEADRACE_KAFKA_SASL_MECHANISM", "PLAIN")
    monkeypatch.setenv("HEADRACE_KAFKA_SASL_USERNAME", "headrace")
    monkeypatch.setenv("HEADRACE_KAFKA_SASL_PASSWORD", "s3cret")
    assert load_settings(KafkaSettings).kafka_sasl_username == "headrace"
