"""YAML to nodes: places, source text, and what is refused."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.findings import Place, Report
from headrace.rules.yaml_source import MAX_DEPTH, Items, Mapping, Node, Scalar, compose


def read(text: str) -> Node | None:
    report = Report()
    node = compose(text, "f.yaml", report)
    assert report.findings == []
    return node


def codes(text: str) -> list[str]:
    report = Report()
    compose(text, "f.yaml", report)
    return [finding.code for finding in report.findings]


def test_compose__scalars__source_text_and_place() -> None:
    node = read("a: NO\nbb:\n  - 02134\n  - 'on'\nc:\n")
    assert isinstance(node, Mapping)
    assert node.get("a") == Scalar("NO", Place("f.yaml", 1, 4))
    assert node.get("bb") == Items(
        (Scalar("02134", Place("f.yaml", 3, 5)), Scalar("on", Place("f.yaml", 4, 5), quoted=True)),
        Place("f.yaml", 3, 3),
    )
    assert node.get("c") == Scalar("", Place("f.yaml", 5, 3))
    assert node.pairs[1].key.place == Place("f.yaml", 2, 1)


def test_compose__accents_before_a_value__column_counts_characters() -> None:
    node = read("{é: ü}")
    assert isinstance(node, Mapping)
    assert node.pairs[0].value.place.column == 5


def test_compose__empty__nothing() -> None:
    assert read("") is None
    assert read("# only a comment\n") is None


def test_compose__duplicate_key__first_one_stays_and_all_are_told() -> None:
    report = Report()
    node = compose("a: 1\na: 2\na: 3\n", "f.yaml", report)
    assert isinstance(node, Mapping)
    assert [pair.value for pair in node.pairs] == [Scalar("1", Place("f.yaml", 1, 4))]
    assert [(f.code, f.line) for f in report.findings] == [("duplicate_key", 2), ("duplicate_key", 3)]


def test_compose__duplicate_key_in_quotes__is_the_same_key() -> None:
    assert codes("a: 1\n'a': 2\n") == ["duplicate_key"]


def test_compose__depth__limit_is_exact() -> None:
    assert codes("[" * MAX_DEPTH + "]" * MAX_DEPTH) == []
    assert codes("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == ["too_deep"]
    assert codes("[" * 100_000) == ["too_deep"]


def test_compose__depth_by_aliases__refused() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 150)]
    assert codes("\n".join(lines)) == ["too_deep"]


def test_compose__alias_of_what_is_still_open__refused() -> None:
    assert codes("a: &a [*a]") == ["yaml_syntax"]


def test_compose__keys_that_are_no_words__refused() -> None:
    assert codes("? [a, b]\n: c\n") == ["yaml_feature"]


def test_compose__control_characters_and_half_surrogates__refused() -> None:
    assert codes("a: \x00b") == ["yaml_syntax"]
    assert codes("a: \ud800") == ["yaml_syntax"]


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#\n\t ,?%@`<~.é"), max_size=60))
def test_compose__yaml_like_noise__never_a_crash(text: str) -> None:
    report = Report()
    node = compose(text, "f.yaml", report)
    assert node is None or node.place.line >= 1
