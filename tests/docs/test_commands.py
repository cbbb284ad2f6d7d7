"""Every command of the README and the docs: harmless ones run, those that start a stack are parsed by what they call.

A ```console block holds commands after `$ ` and, below each, what it prints (`...` stands for anything); a ```yaml
block that begins with `# path` is that file, as an ```html block below `<!-- path -->` is. The commands of a page run
in their order, in one folder.
"""

import asyncio
import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
import typer
import yaml

from headrace.cli.main import build_app
from headrace.runtime.settings import ServiceSettings
from headrace.runtime.topics import create_topics
from tests.docs.effects_book import open_book
from tests.docs.explained_shop import open_shop
from tests.docs.importing_shop import open_importing_shop
from tests.docs.new_shop import open_new_shop
from tests.docs.planned_shop import open_planned_shop
from tests.services.evaluator.service import PARTITIONS

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted(
    str(path.relative_to(ROOT))
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("examples/**/*.md"),
        ROOT / "schemas/README.md",
    )
)
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"`((?:headrace|make) [a-z-]+[^`]*)`")
_LINK: Final = re.compile(r"\]\(([^)#\s]+)(?:#([\w-]+))?\)")
_COMMAND: Final = re.compile(r"^(\$ |make |headrace |docker |python3? -m |sh )", re.MULTILINE)

# -- how each kind of command is tried ------------------------------------------------------------------------------
IN_BOOK: Final = ("headrace effects", "headrace sinks")
RUN: Final = (
    "sed ",
    "printf ",
    "export ",
    "mkdir ",
    "rm -f deploy/secrets/",
    "sh deploy/make_secrets.sh",
    "headrace version",
    "headrace lint",
    "headrace test",
    "headrace template",
    "headrace consumer new",
    *IN_BOOK,
    "headrace consume --json",
    "pytest -q ",
)
RUN_WITH_KAFKA: Final = (
    "headrace apply",
    "headrace topics",
    "headrace dead-letters",
    "headrace outcomes",
    "headrace replay --partitions",
    "headrace replay --until",
    "headrace state digest",
    "headrace explain",
    "headrace history",
    "headrace plan",
    "headrace rules",
    "headrace import",
)
SHOPS: Final = {
    "docs/explain.md": open_shop,
    "docs/plan.md": open_planned_shop,
    "docs/import.md": open_importing_shop,
}
"""Pages whose commands ask about customers, and who makes them."""
LIVE: Final = {"docs/tutorial.md": open_new_shop}
"""The same, where an evaluator goes on beside the commands."""
EXPORTED: Final = {"docs/stores.md": {"HEADRACE_STORES": "stores.yaml"}}
"""What a page's `export` says, as each command has a shell of its own here; else which store it is about."""
RUN_AT_HOME: Final = ("python -m docs.generate", "python -m headrace.contracts.schema")
PARSE: Final = ("make", "headrace", "docker", "python", "source")


@dataclass(frozen=True)
class Command:
    """One command of a page, and what the page says it prints."""

    page: str
    text: str
    output: str

    @property
    def words(self) -> list[str]:
        """Without assignments before it and comments behind it."""
        words = shlex.split(self.text, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        return words

    @property
    def plain(self) -> str:
        return " ".join(self.words)

    def is_one_of(self, beginnings: tuple[str, ...]) -> bool:
        return any(self.plain.startswith(beginning.strip()) for beginning in beginnings)

    @property
    def runs(self) -> bool:
        return self.is_one_of(RUN) or self.is_one_of(RUN_WITH_KAFKA)


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def commands_of(page: str) -> Iterator[Command]:
    for language, block in _FENCE.findall(text_of(page)):
        if language != "console":
            continue
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            text, _, output = part.partition("\n")
            yield Command(page, text, output.strip("\n"))


ALL: Final = [command for page in PAGES for command in commands_of(page)]


def named(page: str) -> Any:
    needs_kafka = any(command.is_one_of(RUN_WITH_KAFKA) for command in commands_of(page))
    return pytest.param(page, marks=[pytest.mark.kafka] if needs_kafka else [], id=page)


# -- commands that run -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", [named(page) for page in PAGES if any(c.runs for c in commands_of(page))])
def test_commands__harmless_ones__run_and_print_what_the_page_says(
    page: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    prepare_folder(page, tmp_path)
    environment = environment_for(page, tmp_path, request)
    for command in commands_of(page):
        if not command.runs:
            continue
        # Nobody evaluates here: whether an evaluator has a rule set is not waited for.
        waits = page in LIVE or not command.plain.startswith("headrace apply")
        text = command.text if waits else command.text.replace(" --wait", "")
        done = subprocess.run(
            ["bash", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=90, check=False
        )
        said = done.stdout.strip("\n")
        assert done.returncode == (1 if re.search(r"(error|warning)\[", command.output) else 0), (
            text,
            said,
            done.stderr[-2000:],
        )
        if command.output:
            assert matches(said, command.output), "\n".join(difflib.ndiff(command.output.split("\n"), said.split("\n")))


@pytest.mark.parametrize("command", [c for c in ALL if c.is_one_of(RUN_AT_HOME)], ids=lambda c: c.plain)
def test_commands__of_the_checkout__run(command: Command) -> None:
    words = [word for word in command.words[1:] if word != "--write"]  # the tests change no file of the checkout
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def prepare_folder(page: str, folder: Path) -> None:
    """The files the page shows, and a checkout's parts that its commands write to."""
    shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets", "__pycache__"))
    (folder / "deploy" / "secrets").mkdir()
    for language, block in _FENCE.findall(text_of(page)):
        first, _, _ = block.partition("\n")
        if language == "yaml" and first.endswith(".yaml"):
            path = folder / first.removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block, encoding="utf-8")
        elif language == "html":
            name, _, text = block.removeprefix("<!-- ").partition(" -->\n")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if any(command.is_one_of(IN_BOOK) for command in commands_of(page)):
        open_book(folder)


def environment_for(page: str, folder: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{environment['PATH']}", "NO_COLOR": "1"}
    addresses = '{"bootstrap_servers": "127.0.0.1:1", "attributes": "", "simulators": {"bigcommerce": ""}}'
    (folder / "ports.json").write_text(addresses, encoding="utf-8")
    if not any(command.is_one_of(RUN_WITH_KAFKA) for command in commands_of(page)):
        return environment
    settings: ServiceSettings = request.getfixturevalue("kafka_settings")
    with ThreadPoolExecutor(1) as pool:
        if page in SHOPS or page in LIVE:
            pool.submit(asyncio.run, create_topics(settings, partitions=PARTITIONS)).result()
        if page in SHOPS:
            pool.submit(SHOPS[page], settings, folder).result()
        elif page in LIVE:
            request.addfinalizer(partial(_end, pool.submit(LIVE[page], settings, folder).result()))
        else:
            pool.submit(asyncio.run, create_topics(settings)).result()
    return environment | {
        "HEADRACE_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "HEADRACE_TOPIC_PREFIX": settings.topic_prefix,
        "HEADRACE_HASH_KEY": "for the tests",
        **EXPORTED.get(page, {"HEADRACE_STORE": "demo"}),
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def matches(said: str, expected: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in expected.split("..."))
    return re.fullmatch(pattern, said, flags=re.DOTALL) is not None


# -- commands that are parsed ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "command",
    [c for c in ALL if not c.runs and not c.is_one_of(RUN_AT_HOME)],
    ids=lambda c: f"{c.page}: {c.plain}",
)
def test_commands__that_start_something__are_understood(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command.is_one_of(PARSE), f"no test knows how to try: {command.text}"
    if command.words[0] == "make":
        assert set(targets_of(command.words)) <= make_targets()
        demo = re.search(r'DEMO_ARGS="([^"]*)"', command.text)
        parse_verb(["demo", *shlex.split(demo[1] if demo else "")])
    elif command.words[0] == "headrace":
        for word in command.words:
            if word.endswith(".parquet"):
                (tmp_path / word).touch()
        monkeypatch.chdir(tmp_path)
        parse_verb(command.words[1:])
    elif command.words[0] == "docker":
        parse_compose(command.words)
    elif command.words[0] == "python":
        parse_program(command.words[1:])
    else:
        assert command.plain == "source .venv/bin/activate"


def targets_of(words: list[str]) -> list[str]:
    return [word for word in words[1:] if "=" not in word]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def parse_verb(words: list[str]) -> None:
    """Lets the command's own parser read the words, without doing anything. Raises its usage error."""
    command: Any = typer.main.get_command(build_app())
    while hasattr(command, "commands"):
        assert words, "the verb is missing"
        assert words[0] in command.commands, f"no verb {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, list(words))


def parse_compose(words: list[str]) -> None:
    """`docker compose [-p NAME] [--profile NAME] up|run ...`: profiles and services are those of the file."""
    services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert words[1] == "compose"
    verb = next(word for word in words if word in ("up", "run", "down"))
    before, after = words[2 : words.index(verb)], words[words.index(verb) + 1 :]
    profiles = {profile for service in services.values() for profile in service.get("profiles", ())}
    for option, value in zip(before[::2], before[1::2], strict=True):
        assert option in ("-p", "--profile", "-f")
        assert option != "--profile" or value in profiles
        assert option != "-f" or (ROOT / value).is_file()
    if verb != "run":
        assert set(after) <= {"--build", "--detach", "--volumes"}
        return
    rest = [word for word in after if word != "--rm"]
    rest = rest[2:] if rest[0] == "--volume" else rest
    assert rest[0] in services
    assert rest[1] == "headrace.cli.main"
    parse_verb([word if not word.startswith("/") else str(ROOT) for word in rest[2:]])


def parse_program(words: list[str]) -> None:
    """A module or script of ours with argparse: it knows every option that is given."""
    program = words[:2] if words[0] == "-m" else words[:1]
    done = subprocess.run(
        [sys.executable, *program, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in words if word.startswith("--"))


# -- the pages themselves --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", PAGES)
def test_pages__commands__stand_in_console_blocks(page: str) -> None:
    for language, block in _FENCE.findall(text_of(page)):
        assert language in ("", "console", "yaml", "json", "python", "html"), f"```{language}"
        if language != "console":
            assert not _COMMAND.search(block), block
    outside = _FENCE.sub("", text_of(page))
    assert not re.search(r"^ {4}(python|make|headrace|docker) ", outside, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_pages__verbs_and_targets_in_the_text__exist(page: str) -> None:
    app: Any = typer.main.get_command(build_app())
    for text in _INLINE.findall(_FENCE.sub("", text_of(page))):
        program, name = text.split()[:2]
        known = make_targets() if program == "make" else set(app.commands)
        assert name in known, text


@pytest.mark.parametrize("page", PAGES)
def test_pages__links__lead_somewhere(page: str) -> None:
    for target, anchor in _LINK.findall(_FENCE.sub("", text_of(page))):
        if target.startswith(("https://", "http://")):
            continue
        path = (ROOT / page).parent / target
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, anchor


def test_pages__each__is_reached_from_the_readme() -> None:
    """By links between the pages; a link to a folder leads to what is in it."""
    found, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop().resolve()
        if page.is_dir():
            ahead += page.glob("*.md")
        elif page not in found and page.suffix == ".md":
            found.add(page)
            text = _FENCE.sub("", page.read_text(encoding="utf-8"))
            ahead += [page.parent / target for target, _ in _LINK.findall(text) if (page.parent / target).exists()]
    assert [page for page in PAGES if (ROOT / page).resolve() not in found] == []


def test_pages__processes__start_as_written_and_name_what_is_missing() -> None:
    """Each `python -m services...` of the table of services: with no settings it ends with code 2 and says which."""
    services = sorted(
        {" ".join(found.split()) for found in re.findall(r"`python -m (services[^`]+)`", text_of("docs/settings.md"))}
    )
    assert len(services) == 11
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    with ThreadPoolExecutor(2) as pool:
        for service, done in zip(services, pool.map(lambda one: start(one, environment), services), strict=True):
            assert done.returncode == 2, (service, done.stderr)
            assert '"reason": "settings"' in done.stderr, service
            assert "HEADRACE_KAFKA_BOOTSTRAP_SERVERS" in done.stderr, service


def start(service: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", *service.split()]
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
