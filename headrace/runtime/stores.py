"""HEADRACE_STORES: a YAML file of stores, each with its own addresses, shares and secrets (by file).

A key is the name of the variable that says the same for one store, without HEADRACE_ and in small letters.
"""

import difflib
import os
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from headrace.runtime.variables import PREFIX, STORE_NAME, SettingsError, variable

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
        "smtp_password",
        "effects_webhook_secret",
        "effects_channels",
        "effects_coupon_key",
    }
)
"""A store's own; written as `<name>_file: path` only."""
PLAIN: Final = frozenset(
    {
        "backfill",
        "bigcommerce_quota_share",
        "bigcommerce_url",
        "bigcommerce_webhook_signature",
        "effects_email",
        "effects_export_folder",
        "effects_templates",
        "effects_timezone",
        "effects_webhook_allow",
        "klaviyo_property",
        "klaviyo_quota_share",
        "klaviyo_url",
        "mail_from",
        "mail_from_name",
        "mail_reply_to",
        "mail_unsubscribe",
        "mailchimp_list",
        "mailchimp_url",
        "mirror_attribute",
        "mirror_overflow",
        "omnisend_quota_share",
        "omnisend_url",
        "own_snapshots",
        "sendgrid_field",
        "sendgrid_unsubscribe_group",
        "sendgrid_url",
        "shop_name",
        "shop_url",
        "smtp_host",
        "smtp_port",
        "smtp_security",
        "smtp_user",
        "webhook_url",
    }
)
"""What else may be a store's own; what it does not say, the process's variable says for all."""
_STORES: Final = "stores"
_SIZE_LIMIT: Final = 1_000_000
_SECRET_LIMIT: Final = 10_000
_SHAPE: Final = "`stores:`, under it each store's hash, under that its `key: value` lines"
_NULL_TAG: Final = "tag:yaml.org,2002:null"


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


def read_stores(only: str | None = None) -> list[StoreEntry]:
    """The stores this process is for: all of the file, or those that are named, here or by HEADRACE_STORE (`a,b`).

    One nameless entry where there is no file. Another store's secrets are not read. Raises SettingsError.
    """
    path = os.environ.get(variable("stores"))
    if not path:
        return [StoreEntry()]
    named = (only or os.environ.get(variable("store")) or "").split(",")
    wanted = frozenset(map(str.strip, named)) - {""}
    stores = _read(Path(path), wanted or None)
    if wanted - {store.name for store in stores}:
        names = ", ".join(store.name for store in stores)
        raise SettingsError({variable("store"): f"{path} has no store of this name; it has {names}"})
    return [store for store in stores if not wanted or store.name in wanted]


def store_names() -> tuple[str, ...]:
    """The file's, in its order, whatever HEADRACE_STORE says and without a look at secrets; () where there is none."""
    path = os.environ.get(variable("stores"))
    return _read(Path(path), frozenset())[0].among if path else ()


def one_store(name: str | None = None) -> StoreEntry:
    """The store a verb is about. Raises SettingsError when there are several and none is named."""
    names, named = store_names(), name or os.environ.get(variable("store")) or ""
    if len(names) > 1 and (not named or "," in named):
        raise SettingsError({variable("store"): f"is missing: name one of {', '.join(names)} (--store)"})
    return read_stores(name)[0]


def named_store() -> str | None:
    """The one store that HEADRACE_STORE (--store) names, for verbs that are about one or all; None: it names none.

    Raises SettingsError when it names several, or one that the file does not have.
    """
    name, names = os.environ.get(variable("store")) or None, store_names()
    if name is not None and "," in name:
        raise SettingsError({variable("store"): "names several: name one (--store), or none for all"})
    if name is not None and names and name not in names:
        raise SettingsError({variable("store"): f"there is no store {name}; there are {', '.join(names)}"})
    return name


class _Wrong(Exception):
    """At a line of the file."""

    def __init__(self, node: yaml.Node | None, message: str) -> None:
        super().__init__(message)
        self.line = 1 if node is None else node.start_mark.line + 1


def _read(path: Path, wanted: Set[str] | None) -> list[StoreEntry]:
    """`wanted`: whose secrets are read; None: everybody's."""
    try:
        text = _text(path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return list(_entries(root, path, wanted))
    except _Wrong as error:
        raise SettingsError({variable("stores"): f"{path}:{error.line}: {error}"}) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError({variable("stores"): f"{path}:{line}: {_no_yaml(error)}"}) from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):  # the parser's own, for text that means harm
        raise SettingsError({variable("stores"): f"{path}: is not YAML text; write {_SHAPE}"}) from None


def _no_yaml(error: yaml.MarkedYAMLError) -> str:
    if "single document" in str(error.context):
        return "has a second document: write all stores under one `stores:`, without `---`"
    tab = "; indent with spaces, not with tabs" if "\\t" in str(error.problem) else ""
    return f"is not YAML: {error.problem}{tab}"


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise SettingsError({variable("stores"): f"{path}: is larger than 1 MB"})
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError({variable("stores"): f"{path}: cannot be read: {error.strerror}"}) from None
    except UnicodeDecodeError:
        raise SettingsError({variable("stores"): f"{path}: is not UTF-8 text: save it as UTF-8"}) from None


def _entries(root: yaml.Node | None, path: Path, wanted: Set[str] | None) -> Iterator[StoreEntry]:
    top = list(_pairs(root, f"names no store: write {_SHAPE}" if root is None else f"is no list of stores: {_SHAPE}"))
    if unknown := [key for key, _ in top if key.value != _STORES]:
        raise _Wrong(unknown[0], f"{unknown[0].value!r} stands where only `stores:` may")
    stores = top[0][1] if top else None
    shape = "under `stores:` stand the stores' hashes, each with its `key: value` lines"
    rows = [] if stores is None or _is_null(stores) else list(_pairs(stores, shape))
    if not rows:
        raise _Wrong(stores, f"names no store: write {_SHAPE}")
    among = tuple(key.value for key, _ in rows)
    for key, node in rows:
        if not STORE_NAME.fullmatch(key.value):
            raise _Wrong(key, f"{key.value!r} is no store's hash: letters, digits, - and _, at most 64")
        folder = path.parent if wanted is None or key.value in wanted else None
        yield StoreEntry(key.value, _values(key.value, node, folder), among)


def _values(store: str, node: yaml.Node, folder: Path | None) -> dict[str, Any]:
    """`folder` None: secrets are not read."""
    found: dict[str, Any] = {}
    if _is_null(node):
        return found
    for key, value in _pairs(node, f"store {store} must have `key: value` lines"):
        name = key.value.removesuffix("_file")
        if name in SECRETS:
            if name == key.value:
                raise _Wrong(key, f"store {store}: {name} is a secret: write `{name}_file:` and the path of a file")
            path = _one(value, key.value, store)
            found[name] = "" if folder is None else _secret(path, key.value, store, folder)
        elif key.value in PLAIN:
            found[key.value] = _one(value, key.value, store).value
        else:
            raise _Wrong(key, f"store {store}: {key.value!r} is not known here{_meant(key.value)}")
    return found


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL_TAG


def _one(node: yaml.Node, key: str, store: str) -> yaml.ScalarNode:
    """A value that is one, and says something."""
    if not isinstance(node, yaml.ScalarNode):
        raise _Wrong(node, f"store {store}: {key} must be one value, not a list or mapping")
    if _is_null(node) or not node.value.strip():
        raise _Wrong(node, f"store {store}: {key} has no value: write one, or take the line away")
    return node


def _secret(node: yaml.ScalarNode, key: str, store: str, folder: Path) -> str:
    path = folder / str(node.value)
    try:
        if path.stat().st_size > _SECRET_LIMIT:
            raise _Wrong(node, f"store {store}: {path} is larger than any secret: name the file that holds only it")
        text: str = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        # One word that names nothing may be the secret itself, written where its file's path belongs.
        told = str(path) if "/" in node.value or path.exists() else f"what {key} names"
        raise _Wrong(node, f"store {store}: {told} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _Wrong(node, f"store {store}: {path} is not UTF-8 text") from None
    except ValueError:  # a NUL or half a character within a name
        raise _Wrong(node, f"store {store}: what {key} names can be no file's name") from None
    if not text.strip():
        raise _Wrong(node, f"store {store}: {path} is empty")
    return text


def _meant(key: str) -> str:
    known = [*PLAIN, *(f"{name}_file" for name in SECRETS)]
    near = difflib.get_close_matches(key.lower().removeprefix(PREFIX.lower()), known, n=1)
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
