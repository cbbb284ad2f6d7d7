"""`headrace consumer new NAME`: a whole project for a consumer of your own, with a test that passes."""

import keyword
import re
from pathlib import Path
from string import Template
from typing import Annotated, Final

import typer

from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit

_NAME: Final = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
_PROJECT: Final = """[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "$project"
version = "0.1.0"
description = "Does what rules ask for by `do: {$name: {...}}`."
requires-python = ">=3.11"
dependencies = ["headrace", "httpx>=0.28"]

[project.entry-points."headrace.consumers"]
"$name" = "$package:consumer"

[dependency-groups]
test = ["pytest>=8.3", "pytest-asyncio>=1.0"]

[tool.hatch.build.targets.wheel]
packages = ["$package"]

[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
pythonpath = ["."]
"""
_CODE: Final = '''"""Does what rules ask for by `do: {$name: {amount: 100}}`."""

from contextlib import asynccontextmanager

import httpx
from headrace.consumer import ConsumerSettings, Done, Letter, NotNow, Refused, effect
from pydantic import BaseModel, Field, SecretStr


class Settings(ConsumerSettings):
    """HEADRACE_${upper}_URL and HEADRACE_${upper}_KEY (or _KEY_FILE)."""

    ${package}_url: str = "http://127.0.0.1:9000"
    ${package}_key: SecretStr = SecretStr("")


class Given(BaseModel):
    """What a rule says: checked when rules are read, and again here."""

    amount: int = Field(ge=1)


@asynccontextmanager
async def client(settings: Settings):
    key = settings.${package}_key.get_secret_value()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=settings.${package}_url, headers=headers, timeout=8) as opened:
        yield opened


@effect("$name", given=Given, settings=Settings, resources=client, keyed=True)  # the service knows the key
async def consumer(letter: Letter, given: Given, client: httpx.AsyncClient) -> Done:
    said = {"customer": letter.effect.customer, "amount": given.amount}
    reply = await client.post("/", json=said, headers={"Idempotency-Key": letter.effect.id})
    if reply.status_code == 429 or reply.status_code >= 500:
        raise NotNow(f"status {reply.status_code}")
    if reply.is_error:
        raise Refused(f"status {reply.status_code}")
    return Done(receipt=reply.headers.get("X-Request-Id", ""))
'''
_TEST: Final = '''"""The consumer against a service of the test's own: no Kafka."""

import json

import httpx
import pytest
from headrace.consumer import NotNow, Refused
from headrace.consumer.testing import deliver

from $package import consumer


def service(status: int, seen: list[httpx.Request]) -> httpx.AsyncClient:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status)

    return httpx.AsyncClient(base_url="http://service", transport=httpx.MockTransport(answer))


async def test_consumer__asked_twice__sends_the_same_key() -> None:
    seen: list[httpx.Request] = []
    async with service(200, seen) as client:
        await deliver(consumer, {"amount": 100}, resources=client)
        await deliver(consumer, {"amount": 100}, resources=client, attempt=2)
    assert json.loads(seen[0].content) == {"customer": "shop:1", "amount": 100}
    assert seen[0].headers["Idempotency-Key"] == seen[1].headers["Idempotency-Key"]


@pytest.mark.parametrize(("status", "wanted"), [(503, NotNow), (429, NotNow), (400, Refused)])
async def test_consumer__service_says_no__comes_again_or_never(status: int, wanted: type[Exception]) -> None:
    async with service(status, []) as client:
        with pytest.raises(wanted):
            await deliver(consumer, {"amount": 100}, resources=client)


async def test_consumer__rule_says_nonsense__is_refused() -> None:
    with pytest.raises(Refused):
        await deliver(consumer, {"amount": 0})
'''
_README: Final = """# $project

Does what rules ask for: `then: [{do: {$name: {amount: 100}}}]`.

```
pip install -e . pytest pytest-asyncio
pytest
headrace consume $name
```

`headrace consume` needs HEADRACE_KAFKA_BOOTSTRAP_SERVERS, HEADRACE_STORE and HEADRACE_DATABASE_URL, where it keeps what
was done: an effect with one id is done once. What may have been done when the process was killed is asked for again,
since `keyed=True` says that the service knows the Idempotency-Key; without it, `headrace effects unknown` lists it.
"""


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    group = typer.Typer(help="Consumers of your own.", no_args_is_help=True)
    group.command("new")(new)
    app.add_typer(group, name="consumer")


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As rules will call it: points.grant.")],
    dir: Annotated[Path | None, typer.Option("--dir", help="Where to; a folder of its name here.")] = None,
    json: JsonOption = False,
) -> None:
    """Write a project with a consumer that sends what a rule says to an HTTP service, and its test."""
    if not _NAME.fullmatch(name) or len(name) > 60:
        raise CliError(
            "bad_name", f"{name!r} cannot be a consumer's name", hint="small letters and digits: points.grant"
        )
    package = re.sub(r"[._-]", "_", name)
    if keyword.iskeyword(package) or package == "headrace":
        raise CliError(
            "bad_name", f"{name!r} is a word of Python's or ours", hint="write another, such as points.grant"
        )
    project = re.sub(r"[._]", "-", name)
    folder = dir or Path(project)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CliError(
            "not_empty", f"{folder} is there already", hint="name a new folder with --dir", exit_code=EXIT_FINDINGS
        )
    words = {"name": name, "package": package, "project": project, "upper": package.upper()}
    files = {
        "pyproject.toml": _PROJECT,
        f"{package}/__init__.py": _CODE,
        f"tests/test_{package}.py": _TEST,
        "README.md": _README,
    }
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(text).substitute(words), encoding="utf-8")
    emit({"name": name, "dir": str(folder), "files": sorted(files)}, json, _text)


def _text(found: dict[str, object]) -> str:
    return f"{found['dir']}: a consumer with its test; see {found['dir']}/README.md"
