"""Which processes make up Headrace on one machine, and the settings that each of them is given.

One store is told by variables of its own, several by a HEADRACE_STORES file; starting is `stack.py`'s.
"""

import os
import secrets
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from headrace.cli.stack_options import REPOSITORY, StackOptions
from headrace.runtime.settings import ServiceSettings, variable
from headrace.runtime.stores import SECRETS
from headrace.runtime.supervisor import Child, python_argv

STORES_FILE: Final = "stores.yaml"
BOOK_FILE: Final = "effects.db"
"""The senders' book of effects, in a run's folder."""
MAILS: Final = REPOSITORY / "examples" / "mails"
PORTS: Final = 10
"""That `services` needs: two addresses and a health port for each process."""
_WORDS: Final = ("access_token", "client_secret", "webhook_secret", "mailchimp_key", "klaviyo_key")
_LIST: Final = "newsletter"
_EFFECTS: Final[Mapping[str, str]] = {
    "effects_email": "smtp",
    "effects_templates": str(MAILS),
    "effects_timezone": "Europe/London",
    "effects_guard": "0",  # a year of mails goes out in minutes
    "effects_webhook_allow": "127.0.0.0/8",  # who is called is simulated, on this machine
    "smtp_security": "none",
    "shop_name": "The Gift Shop",
    "shop_url": "https://shop.example",
    "mail_from": "hello@shop.example",
    "mail_from_name": "The Gift Shop",
    "mail_unsubscribe": "https://shop.example/unsubscribe?customer={customer}",
}


def _new_secrets() -> dict[str, str]:
    signing = "whsec_" + b64encode(secrets.token_bytes(24)).decode()
    return {**{name: secrets.token_hex(16) for name in _WORDS}, "effects_webhook_secret": signing}


@dataclass(frozen=True, slots=True)
class SimulatedStore:
    """A store of this run: its own simulators, with their own secrets, quota and seed.

    `settings` is Kafka's and the store's; `addresses` are its simulators', once they run.
    """

    settings: ServiceSettings
    seed: int
    secrets: Mapping[str, str] = field(default_factory=_new_secrets, repr=False)
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its hash."""
        return self.settings.store

    @property
    def values(self) -> dict[str, str]:
        """The settings that lead to the store, by field."""
        return {
            "bigcommerce_url": self.addresses["bigcommerce"],
            "bigcommerce_token": self.secrets["access_token"],
            "bigcommerce_client_secret": self.secrets["client_secret"],
            "bigcommerce_webhook_header": self._webhook_header,
        }

    @property
    def mail_values(self) -> dict[str, str]:
        """The same for its e-mail platforms."""
        return {
            "mailchimp_url": self.addresses["mailchimp"],
            "mailchimp_key": self.secrets["mailchimp_key"],
            "mailchimp_list": _LIST,
            "klaviyo_url": self.addresses["klaviyo"],
            "klaviyo_key": self.secrets["klaviyo_key"],
        }

    @property
    def effects_values(self) -> dict[str, str]:
        """The same for its mail server, and for whoever gets its webhooks."""
        mail = urlsplit(self.addresses["smtp"])
        return {
            "smtp_host": str(mail.hostname),
            "smtp_port": str(mail.port),
            "effects_webhook_secret": self.secrets["effects_webhook_secret"],
        }

    def simulators(self, options: StackOptions) -> Child:
        """The process; the first store's is named as ever."""
        arguments = {
            "--store": self.name,
            "--speed": options.speed,
            "--seed": self.seed,
            "--access-token": self.secrets["access_token"],
            "--client-secret": self.secrets["client_secret"],
            "--webhook-header": self._webhook_header,
            "--mailchimp-key": self.secrets["mailchimp_key"],
            "--klaviyo-key": self.secrets["klaviyo_key"],
            "--receiver-secret": self.secrets["effects_webhook_secret"],
            "--list-id": _LIST,
            "--quota": options.quota,
            "--other-app-share": options.other_app_share,
            "--duplicates": options.duplicates,
            "--reorders": options.reorders,
            "--max-delay-s": options.max_delay_s,
            "--start-time": options.start_time,
        }
        flat = [str(part) for pair in arguments.items() for part in pair]
        first = self.name == (self.settings.among or (self.name,))[0]
        return Child(
            "simulators" if first else f"simulators-{self.name}",
            python_argv("-m", "headrace.simulators", *flat),
            {"PYTHONPATH": str(REPOSITORY)},
            stage=4,
            reads_first_line=True,
        )

    @property
    def _webhook_header(self) -> str:
        return f"X-Headrace-Secret: {self.secrets['webhook_secret']}"


def as_variables(values: Mapping[str, str]) -> dict[str, str]:
    """Fields as the environment says them."""
    return {variable(name): value for name, value in values.items()}


def write_stores(stores: Iterable[SimulatedStore], folder: Path) -> Path:
    """Writes the HEADRACE_STORES file, and beside it a file for each secret, for nobody else to read."""
    found = {store.name: _entry(store, folder / "secrets" / store.name) for store in stores}
    path = folder / STORES_FILE
    _write(path, yaml.safe_dump({"stores": found}, sort_keys=False))
    return path


def _entry(store: SimulatedStore, folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, mode=0o700)
    entry = {}
    for name, value in {**store.values, **store.mail_values, **store.effects_values}.items():
        if name in SECRETS:
            _write(folder / name, value)
            entry[f"{name}_file"] = f"secrets/{store.name}/{name}"
        else:
            entry[name] = value
    return entry


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def book_url(folder: Path) -> str:
    """Where what was sent is written down."""
    return f"sqlite:///{folder / BOOK_FILE}"


def webhook_url(port: int) -> str:
    """Where each store reaches `receive`."""
    return f"http://127.0.0.1:{port}/webhooks/bigcommerce/{{store}}"


def services(
    base: Mapping[str, str],
    options: StackOptions,
    stores: Sequence[SimulatedStore],
    folder: Path,
    ports: Sequence[int],
) -> list[Child]:
    """Every service; the first two ports are those of webhooks and attributes, the others are for health."""
    several = len(stores) > 1
    base = {**base, "HEADRACE_GUARD_SHARE": "0"}  # a year of orders passes in minutes here: everybody moves at once
    store: dict[str, str] = {
        **base,
        **({} if several else as_variables(stores[0].values)),
        "HEADRACE_BIGCOMMERCE_QUOTA_SHARE": str(options.quota_share),
    }
    hooks = {"HEADRACE_WEBHOOK_URL": webhook_url(ports[0])}
    backfill = {"HEADRACE_BACKFILL": "1"} if options.backfill else {}
    mail: dict[str, str] = {
        **base,
        **({} if several else as_variables(stores[0].mail_values)),
        # Limits are so many calls in a minute of the store's, which passes faster here.
        "HEADRACE_KLAVIYO_QUOTA_SHARE": str(0.8 * max(1.0, options.speed)),
    }

    effects: dict[str, str] = {
        **store,
        **as_variables(_EFFECTS),
        **({} if several else as_variables(stores[0].effects_values)),
        "HEADRACE_EFFECTS_EXPORT_FOLDER": str(folder / "exports"),
        "HEADRACE_DATABASE_URL": book_url(folder),
    }

    def child(name: str, stage: int, health: int, env: Mapping[str, str], *arguments: str) -> Child:
        return Child(
            name,
            python_argv("-m", *arguments),
            {**env, "HEADRACE_HEALTH_PORT": str(health)},
            health=f"http://127.0.0.1:{health}",
            stage=stage,
        )

    def database(name: str) -> dict[str, str]:
        return {"HEADRACE_DATABASE_URL": f"sqlite:///{folder / name}.db"}

    platforms = [word for name in ("mailchimp", "klaviyo") for word in ("--platform", name)]
    attributes: dict[str, Any] = store | database("attributes") | {"HEADRACE_PORT": str(ports[1])}
    return [
        child("receive", 0, ports[2], store | {"HEADRACE_PORT": str(ports[0])}, "services.ingest", "receive"),
        child("hydrate", 1, ports[3], store | hooks, "services.ingest", "hydrate"),
        child("feed", 1, ports[4], store | hooks | backfill, "services.ingest", "feed"),
        child("evaluator", 2, ports[5], base, "services.evaluator"),
        child("actions", 3, ports[6], store | database("actions"), "services.actions", "group"),
        child("email-tags", 3, ports[7], mail | database("email-tags"), "services.actions", "email-tags", *platforms),
        child("attributes", 3, ports[8], attributes, "services.attributes"),
        child("effects", 3, ports[9], effects, "services.actions", "effects"),
        *(
            child(own, 3, port, {**base, **database(own)}, "headrace.cli.main", "consume", own)
            for own, port in zip(options.consumers, ports[PORTS:], strict=False)
        ),
    ]
