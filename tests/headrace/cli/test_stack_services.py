"""What each process is told: one store by variables as ever, several by a file that only its owner can read."""

from dataclasses import replace
from pathlib import Path

import pytest

from headrace.cli.stack_options import StackOptions
from headrace.cli.stack_services import PORTS, SimulatedStore, services, write_stores
from headrace.runtime.settings import ServiceSettings, settings_of
from headrace.runtime.stores import StoreEntry, read_stores

BASE = {"HEADRACE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}


def stores_of(options: StackOptions) -> list[SimulatedStore]:
    names = options.names
    among = names if len(names) > 1 else ()
    return [
        SimulatedStore(
            settings_of(
                StoreEntry(name, among=among), ServiceSettings, store=name, kafka_bootstrap_servers="127.0.0.1:1"
            ),
            seed=place,
            addresses={vendor: f"http://{vendor}.{name}.test" for vendor in ("bigcommerce", "mailchimp", "klaviyo")}
            | {"smtp": f"smtp://mail.{name}.test:2525"},
        )
        for place, name in enumerate(names)
    ]


def environments(options: StackOptions, folder: Path) -> dict[str, dict[str, str]]:
    children = services(BASE, options, stores_of(options), folder, list(range(9000, 9000 + PORTS)))
    return {child.name: dict(child.env) for child in children}


def test_names__several__numbered_behind_the_first() -> None:
    assert StackOptions(store="demo").names == ("demo",)
    assert StackOptions(store="demo", stores=3).names == ("demo", "demo-2", "demo-3")


def test_write_stores__read_back__each_has_its_own_secrets_that_nobody_else_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = stores_of(StackOptions(store="demo", stores=2))
    path = write_stores([one, other], tmp_path)
    monkeypatch.setenv("HEADRACE_STORES", str(path))
    monkeypatch.setenv("HEADRACE_STORE", "")
    entries = read_stores()
    assert [dict(entry.values) for entry in entries] == [
        {**store.values, **store.mail_values, **store.effects_values} for store in (one, other)
    ]
    assert [entry.name for entry in entries] == ["demo", "demo-2"]
    assert not set(one.secrets.values()) & set(other.secrets.values())
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert {each.stat().st_mode & 0o777 for each in files} == {0o600}
    assert not [word for word in one.secrets.values() if word in path.read_text()]


def test_services__one_store__told_by_variables(tmp_path: Path) -> None:
    (store,) = stores_of(StackOptions(store="demo"))
    told = environments(StackOptions(store="demo"), tmp_path)
    assert told["hydrate"]["HEADRACE_BIGCOMMERCE_URL"] == store.addresses["bigcommerce"]
    assert told["hydrate"]["HEADRACE_WEBHOOK_URL"] == "http://127.0.0.1:9000/webhooks/bigcommerce/{store}"
    assert told["email-tags"]["HEADRACE_MAILCHIMP_LIST"] == "newsletter"
    assert "HEADRACE_BIGCOMMERCE_TOKEN" not in told["email-tags"]
    assert "HEADRACE_BIGCOMMERCE_TOKEN" not in told["evaluator"]


def test_services__several_stores__no_variable_is_of_one_of_them(tmp_path: Path) -> None:
    options = replace(StackOptions(store="demo", stores=2), backfill=True)
    told = environments(options, tmp_path)
    assert told["feed"]["HEADRACE_WEBHOOK_URL"] == "http://127.0.0.1:9000/webhooks/bigcommerce/{store}"
    assert told["feed"]["HEADRACE_BACKFILL"] == "1"
    words = ("_URL", "_TOKEN", "_SECRET", "_KEY", "_LIST", "_HEADER")
    shared = {"HEADRACE_WEBHOOK_URL", "HEADRACE_DATABASE_URL", "HEADRACE_SHOP_URL"}
    assert {name for env in told.values() for name in env if name.endswith(words)} <= shared
