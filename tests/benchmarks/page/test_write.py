"""The page is what the kept results say, and nothing more."""

from benchmarks.page.write import ORDER, PAGE, SECTIONS, kept_results, page


def test_page__no_results__is_the_introduction_alone() -> None:
    assert page({}).strip() == (SECTIONS / "introduction.md").read_text().strip()


def test_page__as_kept__is_the_one_in_the_docs() -> None:
    """`headrace bench page` writes it."""
    assert PAGE.read_text() == page(kept_results())


def test_page__every_kept_result__has_its_section() -> None:
    assert set(kept_results()) <= set(ORDER)
    assert {path.stem for path in SECTIONS.glob("*.md")} == {"introduction", *ORDER}
