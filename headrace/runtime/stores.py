"""HEADRACE_STORES: a YAML file of stores, each with its own addresses, shares and secrets (by file).

A key is the name of the variable that says the same for one store, without HEADRACE_ and in small letters.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from headrace.runtime.variables import STORE_NAME, SettingsError, variable

SECRETS: Final = frozenset(
    {
        "api_key",
        "bigcommerce_token",
        "bigcommerce_client_secret",
        "bigcommerce_webhook_header",
        "mailchimp_key",
        "mailchimp_webhook_token",
        "mailchimp_webhook_key",
        "klaviyo_key",
        "klaviyo_webhook_key",
        "sendgrid_key",
        "omnisend_key",
    }
)
"""A store's own; written as `<name>_file: path` only."""
PLAIN: Final = frozenset(
    {
        "backfill",
        "bigcommerce_quota_share",
        "bigcommerce_url",
        "bigcommerce_webhook_signature",
        "klaviyo_property",
        "klaviyo_quota_share",
        "klaviyo_url",
        "mailchimp_list",
        "mailchimp_url",
        "mirror_attribute",
        "mirror_overflow",
        "omnisend_quota_share",
        "omnisend_url",
        "own_snapshots",
        "sendgrid_field",
        "sendgrid_url",
        "webhook_url",
    }
)
"""What else may be a store's own; what it does not say, the process's variable says for all."""
_STORES: Final = "stores"
_SIZE_LIMIT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """One store of the file. `values`: field -> value, secrets read; `among`: every store's name, in the file's order.

    The entry of a process for one store (no file) has an empty `among`, and has everything.
    """

    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    among: tuple[str, ...] = ()

    def has(self, vendor: str) -> bool:
        """Whether it names a credential of this vendor: `has("mailchimp")`."""
        wanted = {f"{vendor}_key", f"{vendor}_token"}
        return not self.among or not wanted.isdisjoint(self.values)


def read_stores() -> list[StoreEntry]:
    """The stores this process is for: all of the file, or the one of them that HEADRACE_STORE names.

    One nameless entry where there is no file. Raises SettingsError.
    """
    path = os.environ.get(variable("stores"))
    if not path:
        return [StoreEntry()]
    entries = _read(Path(path))
    wanted = os.environ.get(variable("store"))
    if not wanted:
        return entries
    chosen = [entry for entry in entries if entry.name == wanted]
    if not chosen:
        raise SettingsError({variable("store"): f"{path} has no store of this name; it has {_names(entries)}"})
    return chosen


def one_store() -> StoreEntry:
    """The store a verb is about. Raises SettingsError when there are several and none is named."""
    entries = read_stores()
    if len(entries) > 1:
        raise SettingsError({variable("store"): f"is missing: name one of {_names(entries)} (--store)"})
    return entries[0]


def _names(entries: list[StoreEntry]) -> str:
    return ", ".join(entry.name for entry in entries)


class _Wrong(Exception):
    """At a line of the file."""

    def __init__(self, node: yaml.Node | None, message: str) -> None:
        super().__init__(message)
        self.line = 1 if node is None else node.start_mark.line + 1


def _read(path: Path) -> list[StoreEntry]:
    try:
        text = _text(path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return list(_entries(root, path))
    except _Wrong as error:
        raise SettingsError({variable("stores"): f"{path}:{error.line}: {error}"}) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError({variable("stores"): f"{path}:{line}: is not YAML: {error.problem}"}) from None
    except yaml.YAMLError:
        raise SettingsError({variable("stores"): f"{path}: is not YAML text"}) from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise SettingsError({variable("stores"): f"{path}: is larger than 1 MB"})
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError({variable("stores"): f"{path}: cannot be read: {error.strerror}"}) from None
    except UnicodeDecodeError:
        raise SettingsError({variable("stores"): f"{path}: is not UTF-8 text"}) from None


def _entries(root: yaml.Node | None, path: Path) -> Iterator[StoreEntry]:
    top = dict(_pairs(root, "the file must say `stores:` and, under it, one store after the other"))
    if unknown := [key for key in top if key.value != _STORES]:
        raise _Wrong(unknown[0], f"{unknown[0].value!r} stands where only `stores:` may")
    stores = next(iter(top.values()), None)
    if stores is None:
        raise SettingsError({variable("stores"): f"{path}: names no store"})
    rows = list(_pairs(stores, "under `stores:` stand the stores by their hash"))
    if not rows:
        raise _Wrong(stores, "names no store")
    among = tuple(key.value for key, _ in rows)
    for key, node in rows:
        if not STORE_NAME.fullmatch(key.value):
            raise _Wrong(key, f"{key.value!r} is no store's hash: letters, digits, - and _, at most 64")
        yield StoreEntry(key.value, _values(key.value, node, path.parent), among)


def _values(store: str, node: yaml.Node, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in _pairs(node, f"store {store} must have `key: value` lines"):
        if not isinstance(value, yaml.ScalarNode):
            raise _Wrong(value, f"store {store}: {key.value} must be one value")
        name = key.value.removesuffix("_file")
        if name in SECRETS:
            if name == key.value:
                raise _Wrong(key, f"store {store}: {name} is a secret: write `{name}_file:` and the path of a file")
            found[name] = _secret(value, store, folder)
        elif key.value in PLAIN:
            found[key.value] = value.value
        else:
            raise _Wrong(key, f"store {store}: {key.value!r} is not known here{_meant(key.value)}")
    return found


def _secret(node: yaml.ScalarNode, store: str, folder: Path) -> str:
    path = folder / str(node.value)
    try:
        text: str = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise _Wrong(node, f"store {store}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _Wrong(node, f"store {store}: {path} is not UTF-8 text") from None
    if not text:
        raise _Wrong(node, f"store {store}: {path} is empty")
    return text


def _meant(key: str) -> str:
    known = [*PLAIN, *(f"{name}_file" for name in SECRETS)]
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(known))}"


def _pairs(node: yaml.Node | None, otherwise: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """A mapping's, each key once. Raises `_Wrong`."""
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(node, otherwise)
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Wrong(key, "a key must be one word")
        if key.value in seen:
            raise _Wrong(key, f"{key.value} stands here twice")
        seen.add(key.value)
        yield key, value
