"""Whole rule files: the corpus of bad ones, folders, and that no text whatever breaks the loader."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.rules.findings import CATALOGUE
from headrace.rules.load import LoadResult, Source, load_rule_set, load_texts, rule_set_hash
from headrace.rules.model import decode_rule_set, encode_rule_set

ROOT = Path(__file__).parents[3]
BAD = sorted((ROOT / "tests" / "cases" / "bad_rules").glob("*.yaml"))
DEMO = ROOT / "examples" / "rules" / "demo"
STORE = "store: {timezone: Europe/London, currency: GBP}\n"
EXPECT = re.compile(r"# expect: (\S+) (\d+):(\d+) (.+)")


def load(text: str) -> LoadResult:
    return load_texts([Source("rules.yaml", text)])


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_load__bad_file__says_what_where_and_what_instead(file: Path) -> None:
    expected = {
        (code, int(line), int(column), None if entry == "-" else entry)
        for code, line, column, entry in EXPECT.findall(file.read_text())
    }
    result = load_rule_set([file])
    assert {(f.code, f.line, f.column, f.id) for f in result.findings} == expected
    assert (result.rule_set is None) == any(f.severity == "error" for f in result.findings)
    for finding in result.findings:
        assert finding.file == str(file)
        assert finding.message
        assert finding.hint, "every finding says what to write"
        assert finding.severity == CATALOGUE[finding.code].severity


def test_load__demo_folder__no_finding_and_the_groups_in_order() -> None:
    result = load_rule_set([DEMO])
    assert result.findings == ()
    assert result.rule_set is not None
    assert [names for (names,) in result.rule_set.group_order] == [
        "Wholesale",
        "Platinum",
        "Gold",
        "Bulk buyers",
        "Bijou",
        "Silver",
    ]


def test_load__written_otherwise__same_hash() -> None:
    one = load(STORE + "segments: [{id: a, who: {customer.email_domain: ACME.com}, tags: {mailchimp: T}}]")
    other = load(
        "segments:\n- id: a\n  tags: [{mailchimp: 'T'}]\n  who:\n    customer.email_domain: {is: acme.com}\n" + STORE
    )
    assert one.rule_set is not None
    assert other.rule_set is not None
    assert rule_set_hash(one.rule_set) == rule_set_hash(other.rule_set)


def test_load__folder_of_files__lists_are_joined_by_file_name(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("segments: [{id: b, who: {customer.orders: 1}, attributes: {x: y}}]")
    (tmp_path / "a.yaml").write_text(STORE + "segments: [{id: a, who: {customer.orders: 1}, attributes: {x: y}}]")
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / ".hidden.yaml").write_text("[")
    result = load_rule_set([tmp_path])
    assert result.rule_set is not None
    assert [segment.id for segment in result.rule_set.segments] == ["a", "b"]
    assert [Path(source.file).name for source in result.sources] == ["a.yaml", "b.yml"]


def test_load__store_in_two_files__refused_at_the_second(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(STORE)
    (tmp_path / "b.yaml").write_text("# second\n" + STORE)
    (finding,) = load_rule_set([tmp_path]).findings
    assert (finding.code, Path(finding.file).name, finding.line) == ("given_twice", "b.yaml", 2)


def test_load__empty_folder_missing_file_latin1_and_huge__refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(STORE.encode() + b"default_group: Caf\xe9\n")
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"#" * (1 << 20) + b"\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    codes = {
        path.name: load_rule_set([path]).findings[0].code for path in (latin, huge, empty, tmp_path / "missing.yaml")
    }
    assert codes == {
        "latin.yaml": "not_utf8",
        "huge.yaml": "file_too_big",
        "empty": "no_files",
        "missing.yaml": "file_unreadable",
    }
    assert (load_rule_set([latin]).findings[0].line, load_rule_set([latin]).findings[0].column) == (2, 19)


def test_load__byte_order_mark__is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + STORE.encode())
    assert load_rule_set([file]).findings == ()


def test_load__thousands_of_mistakes__stops_reading() -> None:
    result = load(STORE + "".join(f"wrong{number}: 1\n" for number in range(5000)))
    assert result.rule_set is None
    assert len(result.findings) == 500


def test_load__a_thousand_infos__are_no_reason_to_refuse() -> None:
    entries = "".join(f"  - {{id: s{n}, who: {{customer.orders: 1}}, attributes: {{a: b}}}}\n" for n in range(1000))
    result = load(STORE + "segments:\n" + entries)
    assert result.rule_set is not None
    assert len(result.findings) == 1000


def test_load__too_many_entries__refused() -> None:
    entries = "".join(f"  - {{id: s{n}, who: {{customer.orders: 1}}, attributes: {{a: b}}}}\n" for n in range(2001))
    assert {f.code for f in load(STORE + "segments:\n" + entries).findings} == {"too_many"}


def test_load__alias_as_value__reads_as_written_out() -> None:
    aliased = load(
        STORE + "segments:\n  - {id: a, who: &w {customer.orders: 1}, attributes: {a: b}}\n"
        "  - {id: b, who: *w, attributes: {a: c}}\n"
    )
    assert aliased.rule_set is not None
    assert aliased.rule_set.segments[0].who == aliased.rule_set.segments[1].who


WORDS = st.sampled_from(
    [
        "store",
        "groups",
        "segments",
        "rules",
        "ladders",
        "id",
        "who",
        "when",
        "then",
        "if",
        "any",
        "all",
        "not",
        "from",
        "customer.spend",
        "customer.addresses",
        "order.lines",
        "country",
        "brand",
        "above",
        "in",
        "count",
        "of",
        "rungs",
        "order.placed",
        "assign_group",
        "tag",
        "mailchimp",
        "spend",
        "group_order",
        "name",
        "by",
        "<<",
        "10.000",
        "NO",
    ]
)
SCALARS = st.one_of(WORDS, st.text(max_size=8), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=20,
)


@given(st.one_of(st.text(), st.binary().map(lambda data: data.decode("latin-1"))))
@settings(max_examples=150)
def test_load__any_text__findings_and_never_a_crash(text: str) -> None:
    result = load(text)
    assert result.rule_set is not None or result.findings


@given(st.dictionaries(WORDS, TREES, max_size=5))
@settings(max_examples=200)
def test_load__any_tree__findings_and_never_a_crash(tree: dict[str, object]) -> None:
    text = yaml.safe_dump({"store": {"timezone": "Europe/London", "currency": "GBP"}} | tree, allow_unicode=True)
    result = load(text)
    assert result.rule_set is not None or result.findings
    for finding in result.findings:
        assert finding.line >= 1
        assert finding.column >= 1


LEAVES = st.one_of(
    st.builds(
        lambda field, operator, bound: {field: {operator: bound}},
        st.sampled_from(["customer.spend", "customer.orders", "customer.items"]),
        st.sampled_from(["is", "is_not", "above", "from", "below", "up_to"]),
        st.integers(min_value=0, max_value=10**9),
    ),
    st.sampled_from(
        [
            {"customer.subscribed": True},
            {"customer.company": {"contains": "Acmé"}},
            {"customer.attributes.size": {"has_all": ["XL", "L"]}},
            {"customer.addresses": {"any": {"all": [{"country": "UK"}, {"zip": {"starts_with": "SW"}}]}}},
            {"customer.purchased": {"count": {"of": {"brand": "Apple"}, "from": 2, "below": 5}}},
        ]
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=8,
)


@given(st.lists(CONDITIONS, max_size=4))
@settings(max_examples=60)
def test_load__valid_conditions__survive_the_wire(conditions: list[object]) -> None:
    segments = [{"id": f"s{n}", "who": who, "attributes": {"a": ["b"]}} for n, who in enumerate(conditions)]
    result = load(STORE + yaml.safe_dump({"segments": segments}, allow_unicode=True))
    assert "error" not in {f.severity for f in result.findings}  # two that contradict each other are worth a warning
    assert result.rule_set is not None
    again = decode_rule_set(encode_rule_set(result.rule_set))
    assert again == result.rule_set
    assert rule_set_hash(again) == rule_set_hash(result.rule_set)
