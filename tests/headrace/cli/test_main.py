"""The command: every way to end has its exit code, and every verb the shared options."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import structlog
import typer

from headrace import __version__
from headrace.cli import main, output
from headrace.cli.main import VERBS, build_app, execute
from headrace.cli.output import CliError
from headrace.cli.shared_options import add_shared_options
from headrace.runtime.dependency import DependencyError
from headrace.runtime.settings import KafkaSettings, load_settings


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(output._Stdout, "used", False)
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level, environment = root.handlers[:], root.level, dict(os.environ)
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        del os.environ[name]
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)
    os.environ.clear()
    os.environ.update(environment)


def use_verb(monkeypatch: pytest.MonkeyPatch, verb: Callable[..., Any]) -> None:
    def build(_: str = "") -> typer.Typer:
        app = typer.Typer()
        app.command("verb")(verb)
        app.command("other")(lambda: None)
        add_shared_options(app)
        return app

    monkeypatch.setattr(main, "build_app", build)


def raising(error: BaseException) -> Callable[[], None]:
    def verb() -> None:
        raise error

    return verb


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CliError("refused", "no", exit_code=1), 1),
        (CliError("usage", "no"), 2),
        (DependencyError("kafka_unavailable", "away", "start it"), 3),
        (KeyboardInterrupt(), 130),
        (typer.Exit(4), 4),
    ],
)
def test_execute__verb_raises__exit_code(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    use_verb(monkeypatch, raising(error))

    assert execute(["verb"]) == code


def test_execute__settings_missing__exit_2_naming_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_verb(monkeypatch, lambda: load_settings(KafkaSettings))

    assert execute(["verb"]) == 2
    assert "HEADRACE_KAFKA_BOOTSTRAP_SERVERS is missing" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nothing"], ["version", "--nothing"], ["topics", "check", "--partitions", "x"]])
def test_execute__wrong_usage__exit_2_as_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_execute__wrong_usage__names_the_verb_whose_help_says_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["topics", "check", "--partitions", "x", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["hint"] == "see `headrace topics check --help`"


def test_execute__group_without_verb__its_help_and_no_empty_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["kafka"]) == 2
    shown = capsys.readouterr()
    assert "status" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize("arguments", [["version"], ["version", "--json"]])
def test_execute__unknown_log_level__exit_2_naming_it(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["HEADRACE_LOG_LEVEL"] = "loud"

    assert execute(arguments) == 2
    shown = capsys.readouterr()
    assert "HEADRACE_LOG_LEVEL should be one of debug, info, warning, error" in shown.out + shown.err


def test_execute__defect__one_object_and_the_frames_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def verb(json: bool = False) -> None:
        raise ZeroDivisionError("ours")

    use_verb(monkeypatch, verb)

    assert execute(["verb", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["code"] == "unexpected"
    assert "ZeroDivisionError: ours" in shown.err


def test_execute__no_arguments__help(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([]) == 0
    assert "topics" in capsys.readouterr().out


def test_version__json__is_the_whole_of_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["version", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["version"], found["schema_version"]) == (__version__, 1)
    assert set(found) == {"version", "commit", "schema_version"}


def test_config__file__sets_what_the_environment_does_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[tuple[str, str | None]] = []

    def verb() -> None:
        settings = load_settings(KafkaSettings)
        seen.append((settings.kafka_bootstrap_servers + settings.topic_prefix, os.environ.get("HEADRACE_STORE")))

    use_verb(monkeypatch, verb)
    os.environ["HEADRACE_TOPIC_PREFIX"] = "env."
    (tmp_path / "config").write_text("HEADRACE_KAFKA_BOOTSTRAP_SERVERS=a:1\nHEADRACE_TOPIC_PREFIX=file.\n")

    assert execute(["verb", "--config", str(tmp_path / "config"), "--store", "abc"]) == 0
    assert seen == [("a:1env.", "abc")]


def test_config__secret_by_file_and_empty_variables__the_environment_wins_only_where_it_says_something(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[str, str | None]] = []

    def verb() -> None:
        settings = load_settings(KafkaSettings)
        password = settings.kafka_sasl_password
        seen.append((settings.kafka_bootstrap_servers, password.get_secret_value() if password else None))

    use_verb(monkeypatch, verb)
    (tmp_path / "password").write_text("of the environment")
    os.environ["HEADRACE_KAFKA_SASL_PASSWORD_FILE"] = str(tmp_path / "password")
    os.environ["HEADRACE_KAFKA_BOOTSTRAP_SERVERS"] = ""
    (tmp_path / "config").write_text("HEADRACE_KAFKA_BOOTSTRAP_SERVERS=a:1\nHEADRACE_KAFKA_SASL_PASSWORD=of the file\n")

    assert execute(["verb", "--config", str(tmp_path / "config")]) == 0
    assert seen == [("a:1", "of the environment")]


def test_config__no_such_file__exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["version", "--config", "nowhere", "--json"]) == 2
    assert "nowhere" in json.loads(capsys.readouterr().out)["error"]["message"]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"# ours\nHEADRACE_STORE abc\n", 2, "not a setting"),
        (b"HEADRACE_STORE\n", 1, "not a setting"),
        (b"HEADRACE_STORE=\xff\n", None, "cannot be read: it is not UTF-8 text"),
    ],
)
def test_config__line_that_sets_nothing__exit_2_with_its_place(
    content: bytes, line: int | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").write_bytes(content)

    assert execute(["version", "--config", str(tmp_path / "config"), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["file"], error["line"], error["message"]) == (str(tmp_path / "config"), line, message)


def test_shared_options__verb_has_its_own_store__keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def verb(shop: Annotated[str | None, typer.Option("--store")] = None) -> None:
        seen.append(shop)

    use_verb(monkeypatch, verb)

    assert execute(["verb", "--store", "mine"]) == 0
    assert seen == ["mine"]


def test_build_app__all_verbs__are_there() -> None:
    app = build_app()
    names = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}

    assert {"version", "kafka", "topics"} <= names
    assert len(VERBS) == len(set(VERBS))


def names_of(app: typer.Typer) -> set[str]:
    return {str(each.name) for each in app.registered_commands} | {str(each.name) for each in app.registered_groups}


def test_build_app__one_verb_asked_for__is_there_without_the_others() -> None:
    every = names_of(build_app())
    assert len(every) > len(VERBS)
    for name in every:
        alone = names_of(build_app(name))
        assert name in alone
        assert len(alone) <= 2  # pin and unpin are one module's
    assert names_of(build_app("no-such-verb")) == names_of(build_app("--help")) == every
