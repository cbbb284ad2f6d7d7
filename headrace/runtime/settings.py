"""Settings: one frozen object per process, read once from the environment, every wrong variable named at once.

The fields that all processes share stand here; a service's own are in its `settings.py`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import pydantic_settings
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from headrace.contracts.topics import DEFAULT_PREFIX
from headrace.runtime.stores import PLAIN, SECRETS, StoreEntry, one_store
from headrace.runtime.variables import PREFIX, STORE_NAME, SettingsError, variable

__all__ = [
    "PREFIX",
    "KafkaSettings",
    "LogLevel",
    "ServiceSettings",
    "SettingsError",
    "default_cache_dir",
    "load_settings",
    "settings_hint",
    "settings_of",
    "variable",
]
LogLevel = Literal["debug", "info", "warning", "error"]
_SUBJECT: Final = re.compile(r"^(Input|String|Value error,|URL) ")
"""How pydantic begins a message: the variable's name stands there instead."""
_SHARED: Final = "api_key"
"""The one secret that stores may share: who has it may speak for each of those without a key of their own."""


def default_cache_dir() -> Path:
    """The user's cache folder for what we download and for a local broker's data."""
    return Path.home() / ".cache" / "headrace"


class _FileSource(PydanticBaseSettingsSource):
    """Reads field X from the file that HEADRACE_X_FILE names: how secrets are mounted."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(variable(f"{field_name}_file"))
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, self.field_is_complex(field)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError({variable(f"{field_name}_file"): _unreadable(error)}) from error

    def __call__(self) -> dict[str, Any]:
        found, problems = {}, {}
        for name, field in self.settings_cls.model_fields.items():
            try:
                value, _, is_complex = self.get_field_value(field, name)
            except SettingsError as error:
                problems.update(error.problems)
                continue
            if value is not None:
                found[name] = self.prepare_field_value(name, field, value, is_complex)
        if problems:
            raise SettingsError(problems)
        return found


class KafkaSettings(BaseSettings):
    """Where Kafka is. What the verbs that only talk to Kafka need."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    kafka_bootstrap_servers: str = Field(min_length=1)
    """host:port, comma separated."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How Kafka is spoken to."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, validate_default=True
    )
    """With a SASL protocol: how to log in."""
    kafka_sasl_username: str | None = Field(default=None, validate_default=True)
    """With a SASL protocol: who logs in."""
    kafka_sasl_password: SecretStr | None = Field(default=None, validate_default=True)
    """With a SASL protocol: the password."""
    topic_prefix: str = Field(default=DEFAULT_PREFIX, pattern=r"^[A-Za-z0-9._-]*$", max_length=100)
    """Begins the name of every topic and consumer group."""
    generation: int | None = Field(default=None, ge=1)
    """Which state changelog is the evaluator's; without it, the generation that was promoted last."""

    @field_validator("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password")
    @classmethod
    def _needed_with_sasl(cls, value: Any, info: ValidationInfo) -> Any:
        protocol = str(info.data.get("kafka_security_protocol", ""))
        if value is None and protocol.startswith("SASL"):
            raise ValueError(f"is missing: with {protocol} Kafka asks who logs in")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)


class ServiceSettings(KafkaSettings):
    """What every service needs besides its own fields."""

    store: str = Field(pattern=f"^{STORE_NAME.pattern}$")
    """The store's hash, as in the vendor's paths; HEADRACE_STORES is a file of several."""
    log_level: LogLevel = "info"
    """The least serious lines that are written."""
    health_port: int = Field(default=0, ge=0, le=65535)
    """Port of /live, /ready, /startup and /metrics; 0 = none."""
    health_host: str = "127.0.0.1"
    """Address the health port listens at."""
    cache_dir: Path = Field(default_factory=default_cache_dir)
    """Folder for what is downloaded and for a local broker's data."""
    worker_id: str = "0"
    """Tells the evaluators of one generation apart: each has its own and keeps it over restarts."""
    parent_pid: int | None = Field(default=None, gt=0)
    """The process whose end ends this one too."""
    _among: tuple[str, ...] = PrivateAttr(default=())

    @property
    def among(self) -> tuple[str, ...]:
        """With HEADRACE_STORES: the names of all its stores, in the file's order; () in a process for one store."""
        return self._among


S = TypeVar("S", bound=BaseSettings)


def load_settings(settings_cls: type[S], **given: Any) -> S:
    """Settings from the environment; what is `given` wins over it. One store's, where the class asks for a store.

    Raises `SettingsError` that names every missing or wrong variable.
    """
    of_a_store = issubclass(settings_cls, ServiceSettings) and settings_cls.model_fields["store"].is_required()
    if of_a_store and "store" not in given:
        return settings_of(one_store(), settings_cls, **given)
    return _load(settings_cls, given)


def settings_of(entry: StoreEntry, settings_cls: type[S], **given: Any) -> S:
    """The same for a store of HEADRACE_STORES: what its entry says wins over the environment.

    A secret that is a store's own is never taken from the environment, but for the API key. Raises `SettingsError`.
    """
    if not entry.among:
        return _addressed(_load(settings_cls, given))
    known = settings_cls.model_fields
    theirs = {name: value for name, value in {"store": entry.name, **entry.values}.items() if name in known}
    withheld = (SECRETS & known.keys()) - theirs.keys() - {_SHARED}
    if missing := [name for name in withheld if known[name].is_required()]:
        problems = {variable(name): f"is missing: store {entry.name} needs `{name}_file:`" for name in missing}
        raise SettingsError(problems)
    try:
        settings = _load(settings_cls, {**dict.fromkeys(withheld), **theirs, **given})
    except SettingsError as error:
        told = {
            name: _of_store(problem, entry.name, name.lower().removeprefix(PREFIX.lower()), theirs)
            for name, problem in error.problems.items()
        }
        raise SettingsError(told) from None
    if isinstance(settings, ServiceSettings):
        settings._among = entry.among
    return _addressed(settings)


def _addressed(settings: S) -> S:
    """With its store's name in the address of its webhooks."""
    url, store = getattr(settings, "webhook_url", None), getattr(settings, "store", None)
    if url is None or store is None or "{store}" not in url:
        return settings
    return settings.model_copy(update={"webhook_url": url.replace("{store}", store)})


def settings_hint(error: SettingsError) -> str:
    """Where a person sets what is missing or wrong, with one store and with several."""
    stores = os.environ.get(variable("stores"))
    if not stores:
        return "set them in the environment or in a --config file"
    if error.problems.keys() == {variable("store")}:
        return f"name the store with --store, or in {variable('store')}"
    if variable("stores") in error.problems:
        return f"mend {stores}"
    return f"set them in {stores}, in the environment or in a --config file"


def _of_store(problem: str, store: str, field: str, theirs: Mapping[str, Any]) -> str:
    """A problem with what a store says, or what it could say and nobody does, names the store."""
    if field in theirs:
        return f"{problem} (store {store})"
    return f"{problem}: store {store} needs `{field}:`" if problem == "is missing" and field in PLAIN else problem


def _load(settings_cls: type[S], given: dict[str, Any]) -> S:
    try:
        return settings_cls(**given)
    except ValidationError as error:
        raise SettingsError(_problems(error)) from None
    except pydantic_settings.SettingsError as error:  # a list or mapping that is no JSON
        raise SettingsError({_named_in(str(error), settings_cls): "is not valid JSON"}) from None


def _problems(error: ValidationError) -> dict[str, str]:
    problems: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        name = variable(str(detail["loc"][0])) if detail["loc"] else PREFIX.rstrip("_")
        problems[name] = "is missing" if detail["type"] == "missing" else _SUBJECT.sub("", detail["msg"])
    return problems


def _named_in(message: str, settings_cls: type[BaseSettings]) -> str:
    return next((variable(name) for name in settings_cls.model_fields if f'"{name}"' in message), PREFIX.rstrip("_"))


def _unreadable(error: OSError | UnicodeDecodeError) -> str:
    return f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "is not UTF-8 text"
