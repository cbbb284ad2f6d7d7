"""`headrace template`: what is listed and shown, and the rule file that is written, beside others or alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.main import execute


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, Any]:
    code = execute(["template", *map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_list__as_json__has_the_fields_of_the_interface(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = run(capsys, "list")
    assert code == 0
    assert len(shown["templates"]) >= 45
    gold = next(each for each in shown["templates"] if each["id"] == "gold-by-spend")
    assert gold == {
        "id": "gold-by-spend",
        "title": "Gold from a lifetime spend of 1000",
        "kind": "segment",
        "wishes": ["S16", "S62"],
        "goal": "Reward lifetime spend with better prices",
        "cases": gold["cases"],
    }
    assert gold["cases"] >= 3


def test_list__for_people__names_each_and_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["template", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("email-domain ") for line in lines)
    assert "headrace template show ID" in lines[-1]


def test_show__one__parameters_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = run(capsys, "show", "email-domain")
    assert code == 0
    assert shown["parameters"]["domains"]["default"] == ["acme.com", "acme.co.uk"]
    assert shown["parameters"]["currency"]["default"] == "USD"
    assert shown["text"].startswith("template:")
    assert execute(["template", "show", "email-domain"]) == 0
    assert "--set domains=...  " in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["show", "use"])
def test_template__unknown__offers_the_nearest(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = run(capsys, verb, "email-domian")
    assert (code, shown["error"]["code"]) == (2, "unknown_template")
    assert shown["error"]["hint"] == "did you mean 'email-domain'?"


def test_use__into_a_new_folder__passes_lint_with_no_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules" / "gold.yaml"
    code, shown = run(capsys, "use", "gold-by-spend", "--set", "threshold=2000", "--set", "currency=GBP", "-o", file)
    assert (code, shown["file"], shown["left_out"], shown["findings"]) == (0, str(file), [], [])
    assert "store: {timezone: America/New_York, currency: GBP}" in file.read_text()
    assert "{from: 2000}" in file.read_text()
    assert execute(["lint", str(file.parent), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


def test_use__without_a_file__prints_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["template", "use", "win-back-90"]) == 0
    said = capsys.readouterr().out
    assert "older_than: 90 days" in said
    assert "$" not in said
    assert "cases:" not in said


def test_use__beside_other_rules__leaves_out_what_they_say_and_tells_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules.yaml").write_text(
        "store: {timezone: Europe/London, currency: GBP}\ngroups: [{name: Gold}]\ngroup_order: [Gold]\n"
    )
    code, shown = run(capsys, "use", "gold-by-spend", "-o", tmp_path / "gold.yaml")
    assert (code, shown["left_out"], shown["findings"]) == (0, ["store", "group_order"], [])
    written = (tmp_path / "gold.yaml").read_text()
    assert not {"store:", "groups:", "group_order:"} & set(written.split())
    code, shown = run(capsys, "use", "vip-thank-you", "-o", tmp_path / "vip.yaml")
    assert code == 1
    assert [each["hint"] for each in shown["findings"]] == ["add VIP to group_order, above the groups it wins over"]
    assert "- {name: VIP}" in (tmp_path / "vip.yaml").read_text()


def test_use__a_template_that_names_a_file__brings_an_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown = run(capsys, "use", "local-customers", "-o", tmp_path / "local.yaml")
    assert (code, shown["also"]) == (0, [str(tmp_path / "postcodes.csv")])
    code, shown = run(capsys, "use", "local-customers")
    assert (code, shown["findings"]) == (0, [])


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("treshold=5", "unknown_parameter"),
        ("threshold=10.000", "ambiguous_amount"),
        ("threshold=[1, 2]", "wrong_shape"),
        ("threshold=[1, 2", "yaml_syntax"),
        ("threshold=", "empty_value"),
        ("threshold", "usage"),
        ("currency=pounds", "unknown_currency"),
    ],
)
def test_use__a_value_that_does_not_fit__writes_nothing(
    setting: str, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result, shown = run(capsys, "use", "gold-by-spend", "--set", setting, "-o", tmp_path / "gold.yaml")
    assert (result, shown["error"]["code"]) == (2, code)
    assert shown["error"]["hint"]
    assert list(tmp_path.iterdir()) == []


def test_use__a_file_that_is_there__is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "gold.yaml"
    file.write_text("# mine\n")
    code, shown = run(capsys, "use", "gold-by-spend", "-o", file)
    assert (code, shown["error"]["code"]) == (2, "exists")
    assert file.read_text() == "# mine\n"
