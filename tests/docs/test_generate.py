"""docs/settings.md and docs/operations.md: their tables are the code's; what compose reads is told."""

import re
from pathlib import Path

import pytest

from docs.generate import FOLDER, PAGES, PROCESSES, TABLES, all_cures, docs_of, filled, log_events, main, proofs
from headrace.runtime import catalogue
from headrace.runtime.settings import variable
from headrace.runtime.stores import PLAIN, SECRETS
from services.evaluator.engine.cures import Cure

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_generate__pages__have_the_tables_of_the_code(name: str) -> None:
    page = (FOLDER / name).read_text(encoding="utf-8")
    assert page == filled(page), "run: python -m docs.generate --write"


def test_generate__every_table__stands_on_a_page() -> None:
    pages = "".join((FOLDER / name).read_text(encoding="utf-8") for name in PAGES)
    for name in TABLES:
        assert f"<!-- table: {name} -->" in pages


@pytest.mark.parametrize("process", PROCESSES)
def test_generate__every_field__has_a_line_of_doc(process: str) -> None:
    cls = PROCESSES[process]
    assert set(cls.model_fields) <= set(docs_of(cls))


def test_generate__log_events__are_all_there() -> None:
    assert [name for _, name, _ in log_events()] == list(catalogue.LogEvent.__args__)  # type: ignore[attr-defined]


def test_generate__cures__each_told_and_proved() -> None:
    """A cure without a test that fails without it is none."""
    names = list(Cure.__args__)  # type: ignore[attr-defined]
    assert [name for _, name, _ in all_cures()] == names
    assert all(doc for _, _, doc in all_cures())
    assert proofs().keys() == set(names)


def test_generate__main__says_whether_anything_differs() -> None:
    assert main([]) == 0


def test_generate__unknown_table__fails() -> None:
    with pytest.raises(KeyError):
        filled("<!-- table: nothing -->\n<!-- end -->")


def test_operations__compose_variables__are_told() -> None:
    read = set(re.findall(r"\$\{(HEADRACE_[A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    page = (FOLDER / "operations.md").read_text(encoding="utf-8")
    section = page[page.index("## Containers") : page.index("## Health")]
    assert read == set(re.findall(r"`(HEADRACE_[A-Z_]+)`", section))


def test_pages__variables__exist() -> None:
    """No page names a HEADRACE_ variable that nothing reads, and that no settings class of its own code has."""
    known = {variable(name) for cls in PROCESSES.values() for name in cls.model_fields}
    code = [*ROOT.glob("headrace/**/*.py"), *ROOT.glob("services/**/*.py")]
    sources = [*code, *ROOT.glob("deploy/*"), ROOT / "docker-compose.yml", ROOT / "Makefile"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources if path.is_file())
    read = known | {variable("attributes_url")} | set(re.findall(r"HEADRACE_[A-Z_]+", text))
    for path in (ROOT / "README.md", *FOLDER.glob("**/*.md")):
        page = path.read_text(encoding="utf-8")
        shown = {variable(name) for name in re.findall(r"^    (\w+): \w", page, flags=re.MULTILINE)}
        for name in re.findall(r"HEADRACE_[A-Z_]+[A-Z]", page):
            assert name.removesuffix("_FILE") in read | shown or name == "HEADRACE_X_FILE", (path.name, name)


def test_stores__keys_of_the_file__are_told() -> None:
    page = (FOLDER / "stores.md").read_text(encoding="utf-8")
    (told,) = (line for line in page.splitlines() if line.startswith("What may be a store's own"))
    assert set(re.findall(r"`(\w+)`", told)) == PLAIN | SECRETS
