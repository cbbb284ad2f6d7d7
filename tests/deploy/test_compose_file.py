"""docker-compose.yml as far as a machine without an engine can check it."""

import importlib
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from headrace.platforms.webhooks_out import read_secrets
from headrace.runtime.settings import ServiceSettings, load_settings, variable
from services.actions.effects.__main__ import look_at
from services.actions.effects.notify import read_channels
from services.actions.effects.settings import EffectsSettings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS = {
    "receive": "services.ingest.settings:ReceiveSettings",
    "hydrate": "services.ingest.settings:HydrateSettings",
    "feed": "services.ingest.settings:FeedSettings",
    "evaluator": "services.evaluator.settings:EvaluatorSettings",
    "actions": "services.actions.settings:GroupSettings",
    "email-tags": "services.actions.settings:MailchimpSettings",
    "effects": "services.actions.effects.settings:EffectsSettings",
    "attributes": "services.attributes.settings:AttributesSettings",
}
ONE_SHOTS = ("topics", "rules", "orders")
DEMO = ("simulators", "rules", "orders")
OURS = (*SETTINGS, *ONE_SHOTS, "simulators")


def settings_of(service: str) -> type[BaseSettings]:
    module, _, name = SETTINGS[service].partition(":")
    found: type[BaseSettings] = getattr(importlib.import_module(module), name)
    return found


def test_compose__services__are_kafka_two_databases_and_all_of_ours() -> None:
    assert set(SERVICES) == {"kafka", "postgres", "effects-db", *OURS}


def test_compose__book_of_effects__has_a_server_of_its_own() -> None:
    book, other = SERVICES["effects-db"], SERVICES["postgres"]
    assert book["volumes"] != other["volumes"]
    assert {**book, "volumes": None} == {**other, "volumes": None}
    assert SERVICES["effects"]["environment"]["HEADRACE_DATABASE_URL_FILE"] == "/run/secrets/effects_database_url"


def test_compose__mounts__name_volumes_that_are_declared_or_folders() -> None:
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert {name for name in named if not name.startswith(("./", "$"))} == set(COMPOSE["volumes"])


def test_compose__templates_of_mails__are_ready() -> None:
    """Those that are mounted when nobody says otherwise."""
    (mounted,) = (volume for volume in SERVICES["effects"]["volumes"] if volume.endswith(":/etc/headrace/mails:ro"))
    folder = re.fullmatch(r"\$\{HEADRACE_MAILS:-\./(.+)\}:/etc/headrace/mails:ro", mounted)
    assert folder is not None
    found = look_at(ROOT / folder[1])
    assert "thank-you" in found["templates"]
    assert found["problems"] == []


def test_make_secrets__effects__are_what_the_senders_take(tmp_path: Path) -> None:
    """And what is there already stays."""
    script = tmp_path / "make_secrets.sh"
    script.write_bytes((ROOT / "deploy/make_secrets.sh").read_bytes())
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/smtp_password").write_text("mine")
    subprocess.run(["sh", str(script)], check=True)
    secrets = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert secrets.keys() == COMPOSE["secrets"].keys()
    assert len(read_secrets(secrets["effects_webhook_secret"])[0]) == 32
    assert read_channels(secrets["effects_channels"]) == {}
    assert secrets["smtp_password"] == "mine"
    assert secrets["effects_database_url"].partition("@")[2] == "effects-db:5432/headrace"


def test_compose__top_level__has_no_name_and_nothing_1_29_refuses() -> None:
    plain = {key for key in COMPOSE if not key.startswith("x-")}
    assert plain <= {"version", "services", "volumes", "secrets", "networks", "configs"}
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"!reset|!override|^include:|^\s+develop:", text, flags=re.MULTILINE)


@pytest.mark.parametrize("service", SETTINGS)
def test_compose__environment__names_settings_that_exist(service: str) -> None:
    fields = {variable(name) for name in settings_of(service).model_fields}
    for name in SERVICES[service]["environment"]:
        assert name.removesuffix("_FILE") in fields, name


@pytest.mark.parametrize("service", SETTINGS)
def test_compose__environment__has_every_required_setting(service: str) -> None:
    given = {name.removesuffix("_FILE") for name in SERVICES[service]["environment"]}
    required = {variable(name) for name, field in settings_of(service).model_fields.items() if field.is_required()}
    assert required <= given


def test_compose__verbs__have_what_they_read_from_the_environment() -> None:
    required = {variable(name) for name, field in ServiceSettings.model_fields.items() if field.is_required()}
    for service in ("topics", "rules"):
        assert required <= set(SERVICES[service]["environment"])


def test_compose__secrets__are_files_and_declared_where_they_are_read() -> None:
    for name, service in SERVICES.items():
        declared = set(service.get("secrets", ()))
        read = {
            value.removeprefix("/run/secrets/")
            for value in service.get("environment", {}).values()
            if value.startswith("/run/secrets/")
        }
        assert read <= declared, name
        assert declared <= set(COMPOSE["secrets"]), name
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./deploy/secrets/{name}"}


def test_compose__secret_values__stand_in_no_environment() -> None:
    secrets = [
        name
        for service in SETTINGS
        for name, field in settings_of(service).model_fields.items()
        if "SecretStr" in str(field.annotation)
    ]
    for service in SERVICES.values():
        assert not {variable(name) for name in secrets} & set(service.get("environment", {}))


def test_compose__make_secrets__writes_each_of_them() -> None:
    script = (ROOT / "deploy" / "make_secrets.sh").read_text()
    assert all(name in script for name in COMPOSE["secrets"])


@pytest.mark.parametrize("service", OURS)
def test_compose__ours__run_the_one_image_with_a_limit(service: str) -> None:
    assert SERVICES[service]["image"] == "${HEADRACE_IMAGE:-headrace:0.1.0}"
    assert SERVICES[service]["build"] == {"context": ".", "dockerfile": "deploy/Dockerfile"}
    assert SERVICES[service]["mem_limit"]


def test_compose__foreign_images__are_pinned() -> None:
    assert SERVICES["kafka"]["image"] == "${HEADRACE_KAFKA_IMAGE:-apache/kafka:4.3.1}"
    assert SERVICES["postgres"]["image"] == "${HEADRACE_POSTGRES_IMAGE:-postgres:16}"


def test_compose__starts__are_gated_by_health() -> None:
    for name, service in SERVICES.items():
        for other, gate in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in ONE_SHOTS else "service_healthy"
            assert gate == {"condition": expected}, (name, other)
    for name in SETTINGS:
        assert "topics" in SERVICES[name]["depends_on"]
        assert not SERVICES[name].get("healthcheck", {}).get("disable"), name
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}


def test_compose__demo__stands_behind_its_profile_and_nothing_else_needs_it() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]} == set(DEMO)
    for name, service in SERVICES.items():
        if name not in DEMO:
            assert not set(service.get("depends_on", {})) & set(DEMO)


def test_compose__databases__are_waited_for() -> None:
    for name, service in SERVICES.items():
        if "HEADRACE_DATABASE_URL_FILE" in service.get("environment", {}):
            assert ("effects-db" if name == "effects" else "postgres") in service["depends_on"], name


def test_compose__ports__are_published_on_the_loopback_only() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("service", [*SETTINGS, *ONE_SHOTS])
def test_compose__commands__are_modules_that_exist(service: str) -> None:
    module = SERVICES[service]["command"][0].replace(".", "/")
    assert (ROOT / f"{module}.py").exists() or (ROOT / module / "__main__.py").exists()


@pytest.mark.parametrize("given", [{}, {"HEADRACE_EFFECTS_EMAIL": "smtp", "HEADRACE_SMTP_HOST": "simulators"}])
def test_compose__effects__starts_with_what_the_file_gives_it(
    given: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without mail, and with it."""
    script = tmp_path / "make_secrets.sh"
    script.write_bytes((ROOT / "deploy/make_secrets.sh").read_bytes())
    subprocess.run(["sh", str(script)], check=True)
    chosen = {**given, "HEADRACE_MAIL_FROM": "shop@example.com"}
    for name, said in SERVICES["effects"]["environment"].items():
        value = re.sub(r"\$\{(\w+):-(.*?)\}", lambda found: chosen.get(found[1], found[2]), said)
        monkeypatch.setenv(name, value.replace("/run/secrets", str(tmp_path / "secrets")))
    settings = load_settings(EffectsSettings)
    assert settings.effects_email == given.get("HEADRACE_EFFECTS_EMAIL")
    assert settings.bigcommerce_token is not None
    assert settings.effects_webhook_secret is not None
