"""Requests and replies against the vendors' own OpenAPI files: OpenAPI 3.0, 3.1 and Swagger 2, JSON and YAML.

`HEADRACE_SPECS` names their folder, else `../shared/specs` beside the project; a test that asks for a vendor whose
files are not there is skipped.

    KLAVIYO = Specs("klaviyo", beyond={"a_key_their_file_forgot"})
    assert KLAVIYO.request_problems(request) == []
    assert KLAVIYO.reply_problems("GET", "/api/profiles/01H", 200, body) == []
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import validators
from openapi_schema_validator import OAS30Validator, OAS30WriteValidator, OAS31Validator
from referencing import Registry, Resource

from headrace.platforms.http import Request

SPECS: Final = Path(os.environ.get("HEADRACE_SPECS", Path(__file__).parents[4] / "shared" / "specs"))
_SUFFIXES: Final = {".json", ".yml", ".yaml"}


def _any_fits(validator: Any) -> Any:
    """Vendors' alternatives have optional properties only, so that several fit: any may."""
    extend: Any = validators.extend
    return extend(validator, {"oneOf": validator.VALIDATORS["anyOf"]})


_READ: Final = _any_fits(OAS30Validator)
_WRITE: Final = _any_fits(OAS30WriteValidator)
_NEWER: Final = _any_fits(OAS31Validator)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, and the document it stands in."""

    document: Mapping[str, Any]
    content: Mapping[str, Any]
    parameters: tuple[Mapping[str, Any], ...]
    in_path: Mapping[str, str]
    """The values that the path's parameters have in the call."""


@dataclass(frozen=True, slots=True)
class Specs:
    """A vendor's files. `beyond`: keys it is known to use although its files have no word of them; `nullable`: keys
    that may be null although its files do not say so; `params`: query parameters its files forgot or describe wrongly;
    `needless`: keys they require although nobody sends them."""

    vendor: str
    beyond: Collection[str] = ()
    nullable: Collection[str] = ()
    params: Collection[str] = ()
    needless: Collection[str] = ()
    folder: Path = field(default=SPECS)

    @property
    def are_there(self) -> bool:
        """Whether this checkout has the vendor's files."""
        return (self.folder / self.vendor).is_dir()

    def request_problems(self, request: Request) -> list[str]:
        """What the vendor's files have against this request: path, method, parameters, body. Empty: nothing."""
        operation = self.operation(request.method, request.path)
        if operation is None:
            return [f"no {request.method} {request.path} in {self.vendor}'s files"]
        return [*self._parameter_problems(operation, request), *self._body_problems(operation, request)]

    def reply_problems(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What the vendor's files have against this answer to `method path` (without its query). Empty: nothing."""
        operation = self.operation(method, path)
        if operation is None:
            return [f"no {method} {path} in {self.vendor}'s files"]
        answers = operation.content.get("responses", {})
        answer = next(
            (answers[name] for name in (str(status), f"{status // 100}XX", "default") if name in answers), None
        )
        if answer is None:
            return [f"{method} {path} never answers {status}, only {', '.join(answers)}"]
        schema = _schema_of(_open(operation.document, answer))
        if schema is None:
            return [] if body in (None, "") else [f"{method} {path} has no body with {status}"]
        return self._value_problems(operation.document, schema, body, writing=False)

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation a call goes to; with the fewest parameters in its path when several would fit."""
        folder = self.folder / self.vendor
        if not self.are_there:
            pytest.skip(f"the vendor's files are not at {folder}")
        found = [
            (len(in_path), Operation(document, item[method.lower()], _parameters(document, item, method), in_path))
            for document in _documents(folder)
            for template, item in document["paths"].items()
            if method.lower() in item and (in_path := _match(document, template, path)) is not None
        ]
        return min(found, key=lambda each: each[0])[1] if found else None

    def _parameter_problems(self, operation: Operation, request: Request) -> Iterator[str]:
        known = {each["name"]: each for each in operation.parameters if each["in"] in ("query", "path")}
        given = {name: value for name, value in request.params if name not in self.params}
        for name, value in {**given, **operation.in_path}.items():
            if name not in known:
                yield f"no parameter {name!r}, only {', '.join(known)}"
            elif schema := _parameter_schema(known[name]):
                typed = _typed(operation.document, schema, value)
                for problem in self._value_problems(operation.document, schema, typed, writing=True):
                    yield f"parameter {name}: {problem}"
        for name, each in known.items():
            if each["in"] == "query" and each.get("required") and name not in (*given, *self.params):
                yield f"parameter {name} is missing"

    def _body_problems(self, operation: Operation, request: Request) -> Iterator[str]:
        schema, required = _body_schema(operation)
        if request.json is None:
            if required:
                yield "the body is missing"
        elif schema is None:
            yield "the vendor expects no body"
        else:
            yield from self._value_problems(operation.document, schema, _as_sent(request.json), writing=True)

    def _value_problems(
        self, document: Mapping[str, Any], schema: Mapping[str, Any], value: Any, *, writing: bool
    ) -> list[str]:
        newer = str(document.get("openapi", "")).startswith("3.1")
        kind = _NEWER if newer else _WRITE if writing else _READ
        registry: Any = Registry().with_resource("urn:vendor", Resource.opaque(document))
        rooted = _rooted(schema)
        problems = [
            f"{'.'.join(map(str, error.absolute_path)) or 'body'}: {error.message}"[:300]
            for error in kind(rooted, registry=registry).iter_errors(value)
            if not self._excused(error)
        ]
        return problems + [f"{place}: not in the vendor's file" for place in self._strangers(document, schema, value)]

    def _excused(self, error: Any) -> bool:
        if error.instance is None and set(self.nullable).intersection(error.absolute_path):
            return True
        if error.validator == "required":
            return any(error.message.startswith(f"{name!r} ") for name in self.needless)
        # One alternative that has nothing but excused errors is one that fits.
        by_alternative: dict[int, list[bool]] = {}
        for each in error.context or ():
            by_alternative.setdefault(each.schema_path[0], []).append(self._excused(each))
        return any(all(found) for found in by_alternative.values())

    def _strangers(self, document: Mapping[str, Any], schema: Any, value: Any, place: str = "") -> Iterator[str]:
        opened = list(_alternatives(document, schema))
        if isinstance(value, list):
            items = {"anyOf": [each["items"] for each in opened if "items" in each]}
            for each in value if items["anyOf"] else ():
                yield from self._strangers(document, items, each, f"{place}[]")
        elif isinstance(value, dict) and not any(each.get("additionalProperties") for each in opened):
            known: dict[str, list[Any]] = {}
            for each in opened:
                for name, inner in each.get("properties", {}).items():
                    known.setdefault(name, []).append(inner)
            for key, inner in value.items() if known else ():
                if key in known:
                    yield from self._strangers(document, {"anyOf": known[key]}, inner, f"{place}.{key}")
                elif key not in self.beyond:
                    yield f"{place}.{key}"


@cache
def _documents(folder: Path) -> tuple[dict[str, Any], ...]:
    files = sorted(file for file in folder.rglob("*") if file.suffix in _SUFFIXES)
    found = (_load(file) for file in files)
    return tuple(document for document in found if isinstance(document, dict) and "paths" in document)


def _load(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else yaml.load(text, Loader=yaml.CSafeLoader)


def _base(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The path all of a document's paths stand under: ("stores", "{store_hash}", "v3")."""
    if "swagger" in document:
        return _segments(document.get("basePath", ""))
    servers = document.get("servers") or [{"url": ""}]
    return _segments(urlsplit(servers[0]["url"]).path)


def _segments(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _match(document: Mapping[str, Any], template: str, path: str) -> dict[str, str] | None:
    """The values of the template's parameters, or None. A call's path may leave out the beginning of the base."""
    given, wanted, base = _segments(path), _segments(template), _base(document)
    ahead = len(given) - len(wanted)
    if not 0 <= ahead <= len(base):
        return None
    pairs = list(zip((*base[len(base) - ahead :], *wanted), given, strict=True))
    if any(name != value for name, value in pairs if not name.startswith("{")):
        return None
    return {name[1:-1]: value for name, value in pairs[ahead:] if name.startswith("{")}


def _parameters(document: Mapping[str, Any], item: Mapping[str, Any], method: str) -> tuple[Mapping[str, Any], ...]:
    given = [*item.get("parameters", ()), *item[method.lower()].get("parameters", ())]
    return tuple(_open(document, each) for each in given)


def _parameter_schema(parameter: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """OpenAPI 3 has it in `schema`; in Swagger 2 the parameter is it."""
    if "schema" in parameter or "content" in parameter:
        return parameter.get("schema")
    return {key: parameter[key] for key in ("type", "enum", "items", "minimum", "maximum") if key in parameter}


def _body_schema(operation: Operation) -> tuple[Mapping[str, Any] | None, bool]:
    for each in operation.parameters:
        if each["in"] == "body":
            return each.get("schema"), bool(each.get("required"))
    body = _open(operation.document, operation.content.get("requestBody", {}))
    return _schema_of(body), bool(body.get("required"))


def _schema_of(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of a request's or an answer's JSON."""
    if "content" not in message:
        return message.get("schema")
    kinds = message["content"]
    name = next((kind for kind in kinds if "json" in kind), next(iter(kinds), None))
    found: Mapping[str, Any] | None = kinds[name].get("schema") if name else None
    return found


def _typed(document: Mapping[str, Any], schema: Mapping[str, Any], value: str) -> Any:
    """A parameter's text as the type its schema wants; the text itself when it is none."""
    kinds = [each.get("type") for each in _alternatives(document, schema)]
    if "array" in kinds:
        items: Any = next((each["items"] for each in _alternatives(document, schema) if "items" in each), {})
        return [_typed(document, items, each) for each in value.split(",")]
    if "boolean" in kinds and value in ("true", "false"):
        return value == "true"
    try:
        return int(value) if "integer" in kinds else float(value) if "number" in kinds else value
    except ValueError:
        return value


def _as_sent(body: Any) -> Any:
    return json.loads(json.dumps(body))


def _rooted(schema: Any) -> Any:
    """The schema with its references as addresses in the whole document."""
    if isinstance(schema, list):
        return [_rooted(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {"$ref": f"urn:vendor{schema['$ref']}"}
    return {key: _rooted(value) for key, value in schema.items()}


def _open(document: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference points at; anything else as it is."""
    while isinstance(part.get("$ref"), str):
        found: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name.replace("~1", "/").replace("~0", "~")]
        part = found
    return part


def _alternatives(document: Mapping[str, Any], schema: Any) -> Iterator[Mapping[str, Any]]:
    """The schema and every other it is put together from."""
    if not isinstance(schema, dict):
        return
    opened = _open(document, schema)
    yield opened
    for key in ("allOf", "anyOf", "oneOf"):
        for each in opened.get(key, ()):
            yield from _alternatives(document, each)
