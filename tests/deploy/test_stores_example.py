"""deploy/stores.example.yaml is a file that every service can be started with, and compose.stores.yml mounts it so."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.runtime.settings import settings_of
from headrace.runtime.stores import read_stores
from services.actions.bootstrap import choose_for, kinds_of
from services.actions.effects.settings import EffectsSettings
from services.ingest.stores import of_feed, of_hydrate, of_receive

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy/stores.example.yaml"
OVERRIDE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.stores.yml").read_text())
BASE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVED = {"receive", "hydrate", "feed", "actions", "email-tags", "effects", "attributes"}


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example with its secrets, named in the environment."""
    shutil.copy(EXAMPLE, tmp_path / "stores.yaml")
    for store in yaml.safe_load(EXAMPLE.read_text())["stores"].values():
        for name, path in store.items():
            if name.endswith("_file"):
                (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / path).write_text("X-Secret: s3cret" if "header" in name else "s3cret")
    monkeypatch.setenv("HEADRACE_STORES", str(tmp_path / "stores.yaml"))
    monkeypatch.setenv("HEADRACE_STORE", "")
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("HEADRACE_HASH_KEY", "h4sh")
    monkeypatch.setenv("HEADRACE_WEBHOOK_URL", "https://hooks.example/webhooks/bigcommerce/{store}")
    return tmp_path


@pytest.mark.usefixtures("stores")
def test_example__every_service__has_what_it_needs_of_each_store() -> None:
    found = read_stores()
    assert [entry.name for entry in found] == ["abc123", "def456"]
    tags = choose_for(kinds_of(["email-tags"], ["mailchimp"]))
    for choose in (of_receive, of_hydrate, of_feed, choose_for(["group"]), tags):
        served = [settings_of(entry, cls).store for entry in found if (cls := choose(entry)) is not None]
        assert served == (["abc123"] if choose is tags else ["abc123", "def456"])
    mails = [settings_of(entry, EffectsSettings).effects_email for entry in found]
    assert mails == ["smtp", None]


def test_compose_override__serves_those_that_are_about_a_store_and_mounts_what_the_file_names() -> None:
    assert set(OVERRIDE["services"]) == SERVED <= set(BASE["services"])
    for service in OVERRIDE["services"].values():
        assert service["environment"] == {"HEADRACE_STORES": "/etc/headrace/stores.yaml", "HEADRACE_STORE": ""}
        mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
        assert mounts == {
            "./deploy/stores.yaml": "/etc/headrace/stores.yaml",
            "./deploy/secrets/stores": "/etc/headrace/secrets",
        }
        assert all(volume.endswith(":ro") for volume in service["volumes"])
    paths = [
        path
        for store in yaml.safe_load(EXAMPLE.read_text())["stores"].values()
        for name, path in store.items()
        if name.endswith("_file")
    ]
    assert all(path.startswith("secrets/") for path in paths)
