"""The checker finds what it is there to find, in all three forms of a vendor's file."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.platforms.http import Request
from tests.headrace.platforms.openapi import Specs

PET = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string", "maxLength": 5},
        "toys": {"type": "array", "items": {"oneOf": [{"$ref": "#/definitions/Ball"}, {"$ref": "#/definitions/Rope"}]}},
    },
}
DEFINITIONS = {
    "Pet": PET,
    "Ball": {"type": "object", "properties": {"colour": {"type": "string"}}},
    "Rope": {"type": "object", "properties": {"length": {"type": "integer"}}},
}
REF: dict[str, Any] = {"$ref": "#/definitions/Pet"}
LIMIT: dict[str, Any] = {"type": "integer", "maximum": 10}


def _openapi(version: str) -> dict[str, Any]:
    answer = {"content": {"application/json": {"schema": {"type": "array", "items": REF}}}}
    limit = {"name": "limit", "in": "query", "schema": LIMIT}
    number = {"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}}
    body = {"required": True, "content": {"application/json": {"schema": REF}}}
    return {
        "openapi": version,
        "servers": [{"url": "https://api.example/stores/{hash}/v3"}],
        "definitions": DEFINITIONS,
        "paths": {
            "/pets": {"get": {"parameters": [limit], "responses": {"200": answer}}, "post": {"requestBody": body}},
            "/pets/{number}": {"parameters": [number], "delete": {"responses": {"204": {}}}},
        },
    }


def _swagger() -> dict[str, Any]:
    limit = {"name": "limit", "in": "query", **LIMIT}
    number = {"name": "number", "in": "path", "required": True, "type": "integer"}
    body = {"name": "body", "in": "body", "required": True, "schema": REF}
    answer = {"schema": {"type": "array", "items": REF}}
    return {
        "swagger": "2.0",
        "basePath": "/v3",
        "definitions": DEFINITIONS,
        "paths": {
            "/pets": {"get": {"parameters": [limit], "responses": {"200": answer}}, "post": {"parameters": [body]}},
            "/pets/{number}": {"delete": {"parameters": [number], "responses": {"204": {}}}},
        },
    }


@pytest.fixture(params=["3.0 as YAML", "3.1 as JSON", "Swagger 2 as YAML"])
def vendor(request: pytest.FixtureRequest, tmp_path: Path) -> Specs:
    folder = tmp_path / "zoo" / "deeper"
    folder.mkdir(parents=True)
    match request.param.split()[0]:
        case "3.0":
            (folder / "pets.yml").write_text(yaml.safe_dump(_openapi("3.0.2")))
        case "3.1":
            (folder / "pets.json").write_text(json.dumps(_openapi("3.1.0")))
        case _:
            (folder / "pets.yaml").write_text(yaml.safe_dump(_swagger()))
    return Specs("zoo", beyond={"nickname"}, params={"odd"}, nullable={"toys"}, folder=tmp_path)


PAGE = (("limit", "5"), ("odd", "x"))


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (Request("GET", "/v3/pets", params=PAGE), None),
        (Request("GET", "/pets"), None),
        (Request("DELETE", "/v3/pets/7"), None),
        (Request("POST", "/v3/pets", json={"name": "Rex", "id": 1, "nickname": "R", "toys": None}), None),
        (Request("GET", "/v3/cats"), "no GET /v3/cats"),
        (Request("PATCH", "/v3/pets"), "no PATCH"),
        (Request("GET", "/v2/pets"), "no GET /v2/pets"),
        (Request("DELETE", "/v3/pets/x"), "parameter number"),
        (Request("GET", "/v3/pets", params=(("limits", "5"),)), "no parameter 'limits', only limit"),
        (Request("GET", "/v3/pets", params=(("limit", "11"),)), "parameter limit"),
        (Request("GET", "/v3/pets", params=(("limit", "x"),)), "parameter limit"),
        (Request("POST", "/v3/pets"), "the body is missing"),
        (Request("GET", "/v3/pets", json={}), "expects no body"),
        (Request("POST", "/v3/pets", json={"id": 1}), "'name' is a required property"),
        (Request("POST", "/v3/pets", json={"name": "Rumpel", "id": 1}), "too long"),
        (Request("POST", "/v3/pets", json={"name": "Rex", "id": 1, "nmae": "R"}), ".nmae: not in"),
        (Request("POST", "/v3/pets", json={"name": "Rex", "id": 1, "toys": [{"size": 1}]}), ".toys[].size: not in"),
        (Request("POST", "/v3/pets", json={"name": "Rex", "id": 1, "toys": ["x"]}), "toys.0"),
    ],
)
def test_request_problems__each_part__is_looked_at(vendor: Specs, asked: Request, problem: str | None) -> None:
    found = vendor.request_problems(asked)
    assert not found if problem is None else len(found) == 1 and problem in found[0], found


def test_reply_problems__each_part__is_looked_at(vendor: Specs) -> None:
    assert vendor.reply_problems("GET", "/v3/pets", 200, [{"id": 1, "name": "Rex", "toys": [{"length": 2}]}]) == []
    assert vendor.reply_problems("DELETE", "/v3/pets/7", 204, None) == []
    assert "required property" in vendor.reply_problems("GET", "/v3/pets", 200, [{"id": 1}])[0]
    odd = vendor.reply_problems("GET", "/v3/pets", 200, [{"id": 1, "name": "Rex", "age": 3}])
    assert odd == ["[].age: not in the vendor's file"]
    assert "never answers 404" in vendor.reply_problems("GET", "/v3/pets", 404, None)[0]
    assert "has no body" in vendor.reply_problems("DELETE", "/v3/pets/7", 204, {"a": 1})[0]


def test_specs__files_are_missing__skip(tmp_path: Path) -> None:
    with pytest.raises(pytest.skip.Exception):
        Specs("nobody", folder=tmp_path).request_problems(Request("GET", "/x"))
