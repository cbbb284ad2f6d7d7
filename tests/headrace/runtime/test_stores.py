"""HEADRACE_STORES: what is wrong is told at its line, with what to write instead, and never with a secret."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace.runtime.settings import SettingsError
from headrace.runtime.stores import PLAIN, SECRETS, StoreEntry, named_store, one_store, read_stores, store_names

GOOD = """\
stores:
  abc123:
    bigcommerce_token_file: secrets/token
    bigcommerce_quota_share: 0.5
    backfill: yes
  def456:
    mailchimp_key_file: secrets/mailchimp
    mailchimp_list: 007
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With secrets, and HEADRACE_STORES naming the file to be written."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/token").write_text("t0ken\n")
    (tmp_path / "secrets/mailchimp").write_text("m41l")
    (tmp_path / "secrets/empty").write_text("\n")
    (tmp_path / "secrets/blank").write_text("  \n")
    (tmp_path / "secrets/latin").write_bytes(b"\xe4\xf6")
    (tmp_path / "secrets/large").write_text("x" * 20_000)
    monkeypatch.setenv("HEADRACE_STORES", str(tmp_path / "stores.yaml"))
    monkeypatch.delenv("HEADRACE_STORE", raising=False)
    return tmp_path


def write(folder: Path, text: str | bytes) -> None:
    (folder / "stores.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())


def problem(folder: Path, text: str | bytes) -> str:
    """What is said of it, behind the file's path."""
    write(folder, text)
    with pytest.raises(SettingsError) as caught:
        read_stores()
    (name,) = caught.value.problems
    assert name == "HEADRACE_STORES"
    said = caught.value.problems[name]
    assert said.startswith(f"{folder / 'stores.yaml'}:")
    return said.removeprefix(f"{folder / 'stores.yaml'}:").replace(f"{folder}/", "").strip()


# -- what is read ------------------------------------------------------------------------------------------------------
def test_read_stores__good_file__entries_in_its_order_with_secrets_read(folder: Path) -> None:
    write(folder, GOOD)
    abc, other = read_stores()
    among = ("abc123", "def456")
    assert (abc.name, abc.among, other.name, other.among) == ("abc123", among, "def456", among)
    assert abc.values == {"bigcommerce_token": "t0ken", "bigcommerce_quota_share": "0.5", "backfill": "yes"}
    assert other.values == {"mailchimp_key": "m41l", "mailchimp_list": "007"}
    assert (abc.has("bigcommerce"), abc.has("mailchimp"), other.has("bigcommerce")) == (True, False, False)
    assert "t0ken" not in repr(abc)


def test_read_stores__no_file__one_nameless_entry_that_has_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADRACE_STORES", raising=False)
    monkeypatch.setenv("HEADRACE_STORE", "abc123")
    assert read_stores() == [StoreEntry()] == [one_store()]
    assert store_names() == ()
    assert StoreEntry().has("klaviyo")


def test_read_stores__one_is_named__only_that_one_and_no_other_secret(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that share the stores out need not have each other's secrets."""
    write(folder, GOOD)
    (folder / "secrets/mailchimp").unlink()
    monkeypatch.setenv("HEADRACE_STORE", "abc123")
    (entry,) = read_stores()
    assert (entry.name, entry.among) == ("abc123", ("abc123", "def456"))
    assert entry.values["bigcommerce_token"] == "t0ken"
    assert store_names() == ("abc123", "def456")


def test_read_stores__several_are_named__those(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, GOOD + "  ghi789: {mailchimp_key_file: nowhere}\n")
    monkeypatch.setenv("HEADRACE_STORE", "def456,abc123")
    assert [entry.name for entry in read_stores()] == ["abc123", "def456"]
    with pytest.raises(SettingsError, match="name one of abc123, def456, ghi789"):
        one_store()
    assert one_store("abc123").name == "abc123"
    monkeypatch.setenv("HEADRACE_STORE", "abc123,xyz")
    with pytest.raises(SettingsError, match="no store of this name"):
        read_stores()


def test_read_stores__named_one_is_not_there__those_that_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, GOOD)
    monkeypatch.setenv("HEADRACE_STORE", "xyz")
    with pytest.raises(SettingsError) as caught:
        read_stores()
    assert caught.value.problems == {
        "HEADRACE_STORE": f"{folder / 'stores.yaml'} has no store of this name; it has abc123, def456"
    }


def test_one_store__several_and_none_named__says_which_there_are(folder: Path) -> None:
    write(folder, GOOD)
    with pytest.raises(SettingsError) as caught:
        one_store()
    assert caught.value.problems == {"HEADRACE_STORE": "is missing: name one of abc123, def456 (--store)"}
    assert one_store("def456").name == "def456"


def test_one_store__the_only_one__needs_no_name(folder: Path) -> None:
    write(folder, "stores:\n  abc123:\n    bigcommerce_token_file: secrets/token\n")
    assert one_store().name == "abc123"


@pytest.mark.parametrize("text", ["stores:\n  a:\n", "stores: {a: }", "stores: {a: {}}", "stores: {a: ~}"])
def test_read_stores__store_that_says_nothing__is_one(folder: Path, text: str) -> None:
    write(folder, text)
    assert read_stores() == [StoreEntry("a", {}, ("a",))]


def test_read_stores__same_lines_for_two_by_an_alias__both_have_them(folder: Path) -> None:
    write(folder, "stores:\n  a: &all {bigcommerce_token_file: secrets/token}\n  b: *all\n")
    assert [entry.values for entry in read_stores()] == [{"bigcommerce_token": "t0ken"}] * 2


def test_read_stores__byte_order_mark__is_passed_over(folder: Path) -> None:
    write(folder, b"\xef\xbb\xbfstores: {a: {}}")
    assert store_names() == ("a",)


# -- what is refused ---------------------------------------------------------------------------------------------------
SHAPE = "`stores:`, under it each store's hash, under that its `key: value` lines"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", f"1: names no store: write {SHAPE}"),
        ("# nothing yet\n", f"1: names no store: write {SHAPE}"),
        ("{}", f"1: names no store: write {SHAPE}"),
        ("stores:\n", f"1: names no store: write {SHAPE}"),
        ("\nstores: {}", f"2: names no store: write {SHAPE}"),
        ("- abc\n", f"1: is no list of stores: {SHAPE}"),
        ("abc", f"1: is no list of stores: {SHAPE}"),
        ("stores: [a, b]", "1: under `stores:` stand the stores' hashes, each with its `key: value` lines"),
        ("stores: abc", "1: under `stores:` stand the stores' hashes, each with its `key: value` lines"),
        ("stores:\n  a: {}\nshops: {}\n", "3: 'shops' stands where only `stores:` may"),
        ("abc123:\n  backfill: yes\n", "1: 'abc123' stands where only `stores:` may"),
        ("stores: {a: {}}\nstores: {b: {}}", "2: stores stands here twice"),
        ("stores:\n  a: {}\n  b: {}\n  a: {}\n", "4: a stands here twice"),
        ("stores:\n  a:\n    backfill: yes\n    backfill: no\n", "4: backfill stands here twice"),
        (
            "stores:\n  a:\n    klaviyo_key_file: secrets/token\n    klaviyo_key_file: secrets/token\n",
            "4: klaviyo_key_file stands here twice",
        ),
        ("stores:\n  shop one: {}\n", "2: 'shop one' is no store's hash: letters, digits, - and _, at most 64"),
        ("stores:\n  a.b: {}\n", "2: 'a.b' is no store's hash: letters, digits, - and _, at most 64"),
        (f"stores:\n  {'x' * 65}: {{}}\n", f"2: {'x' * 65!r} is no store's hash: letters, digits, - and _, at most 64"),
        ("stores:\n  [a, b]: {}\n", "2: a key must be one word"),
        ("stores:\n  a: backfill\n", "2: store a must have `key: value` lines"),
        ("stores:\n  a:\n    - backfill\n", "3: store a must have `key: value` lines"),
        ("stores:\n  a:\n    backfil: yes\n", "3: store a: 'backfil' is not known here; did you mean backfill?"),
        (
            "stores:\n  a:\n    HEADRACE_BACKFILL: yes\n",
            "3: store a: 'HEADRACE_BACKFILL' is not known here; did you mean backfill?",
        ),
        (
            "stores:\n  a:\n    mailchimp_key_path: x\n",
            "3: store a: 'mailchimp_key_path' is not known here; did you mean mailchimp_key_file?",
        ),
        (
            "stores:\n  a:\n    mailchimp_key: s3cret\n",
            "3: store a: mailchimp_key is a secret: write `mailchimp_key_file:` and the path of a file",
        ),
        (
            "stores:\n  a:\n    mailchimp_key_file: secrets/nowhere\n",
            "3: store a: secrets/nowhere cannot be read: No such file or directory",
        ),
        ("stores:\n  a:\n    mailchimp_key_file: secrets/empty\n", "3: store a: secrets/empty is empty"),
        ("stores:\n  a:\n    mailchimp_key_file: secrets/blank\n", "3: store a: secrets/blank is empty"),
        ("stores:\n  a:\n    mailchimp_key_file: secrets\n", "3: store a: secrets cannot be read: Is a directory"),
        ("stores:\n  a:\n    mailchimp_key_file: secrets/latin\n", "3: store a: secrets/latin is not UTF-8 text"),
        (
            "stores:\n  a:\n    mailchimp_key_file: secrets/large\n",
            "3: store a: secrets/large is larger than any secret: name the file that holds only it",
        ),
        (
            "stores:\n  a:\n    mailchimp_key_file: s3cret-us1\n",
            "3: store a: what mailchimp_key_file names cannot be read: No such file or directory",
        ),
        (
            'stores:\n  a:\n    mailchimp_key_file: "a\\0b"\n',
            "3: store a: what mailchimp_key_file names can be no file's name",
        ),
        (
            'stores:\n  a:\n    mailchimp_key_file: "a\\ud800"\n',
            "3: store a: what mailchimp_key_file names can be no file's name",
        ),
        (
            "stores:\n  a:\n    mailchimp_key_file:\n",
            "3: store a: mailchimp_key_file has no value: write one, or take the line away",
        ),
        (
            "stores:\n  a:\n    mailchimp_list: ''\n",
            "3: store a: mailchimp_list has no value: write one, or take the line away",
        ),
        (
            "stores:\n  a:\n    mailchimp_list: null\n",
            "3: store a: mailchimp_list has no value: write one, or take the line away",
        ),
        (
            "stores:\n  a:\n    mailchimp_list: [a]\n",
            "3: store a: mailchimp_list must be one value, not a list or mapping",
        ),
        (
            "stores:\n  a:\n    mailchimp_key_file: {a: b}\n",
            "3: store a: mailchimp_key_file must be one value, not a list or mapping",
        ),
        (
            "stores:\n\ta: {}\n",
            "2: is not YAML: found character '\\t' that cannot start any token; indent with spaces, not with tabs",
        ),
        ("stores: {a: {}\n", "2: is not YAML: expected ',' or '}', but got '<stream end>'"),
        (
            "stores: {a: {}}\n---\nstores: {b: {}}\n",
            "2: has a second document: write all stores under one `stores:`, without `---`",
        ),
        ("stores: *all\n", "1: is not YAML: found undefined alias 'all'"),
        ("stores: &s {a: *s}\n", "1: store a: 'a' is not known here"),
        ("stores: \x01", f"is not YAML text; write {SHAPE}"),
        (b"stores: \xff", "is not UTF-8 text: save it as UTF-8"),
        ('stores: "\\UFFFFFFFF"', f"is not YAML text; write {SHAPE}"),
        ("[" * 50_000, f"is not YAML text; write {SHAPE}"),
        ("#" * 1_000_001, "is larger than 1 MB"),
    ],
)
def test_read_stores__wrong_file__said_at_its_line_with_the_mend(folder: Path, text: str | bytes, said: str) -> None:
    found = problem(folder, text)
    assert found == said or found.startswith(f"{said}; "), found
    assert "s3cret" not in found


def test_read_stores__unknown_key_like_no_other__those_that_are_known(folder: Path) -> None:
    said = problem(folder, "stores:\n  a:\n    zzzzzz: 1\n")
    assert said.startswith("3: store a: 'zzzzzz' is not known here; known are api_key_file, backfill, ")
    assert {f"{name}_file" for name in SECRETS} | PLAIN <= set(said.replace(",", " ").split())


def test_read_stores__no_such_file__is_told(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"stores\.yaml: cannot be read: No such file or directory"):
        read_stores()


def test_read_stores__many_aliases_within_aliases__take_no_memory(folder: Path) -> None:
    rows = [f"  x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, 30)]
    said = problem(folder, "\n".join(["stores:", "  x0: &x0 [a]", *rows]))
    assert said == "2: store x0 must have `key: value` lines"


@pytest.mark.parametrize(
    ("said", "found"),
    [("", None), ("b", "b"), ("a,b", "names several"), ("c", "there is no store c; there are a, b")],
)
def test_named_store__what_the_variable_says__one_none_or_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch, said: str, found: str | None
) -> None:
    monkeypatch.setenv("HEADRACE_STORE", said)
    with file_of("stores: {a: , b: }", folder):
        if found in (None, "b"):
            assert named_store() == found
        else:
            with pytest.raises(SettingsError, match=found):
                named_store()


def test_read_stores__spaces_around_a_name__are_none_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_STORE", "a, b ")
    with file_of("stores: {a: , b: , c: }", folder):
        assert [entry.name for entry in read_stores()] == ["a", "b"]


# -- laws --------------------------------------------------------------------------------------------------------------
@contextmanager
def file_of(text: str, folder: Path) -> Iterator[None]:
    path = folder / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    before = os.environ.get("HEADRACE_STORES")
    os.environ["HEADRACE_STORES"] = str(path)
    try:
        yield
    finally:
        if before is not None:
            os.environ["HEADRACE_STORES"] = before


_words = st.sampled_from([*sorted(PLAIN), *(f"{name}_file" for name in sorted(SECRETS)), "stores", "a", "<<", "~"])
_scalars = st.one_of(_words, st.text(max_size=12), st.just("secrets/token"), st.just("*x"), st.just("&x"))
_trees = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: f"[{', '.join(found)}]"),
        st.lists(st.tuples(_scalars, inner), max_size=3).map(
            lambda found: "{" + ", ".join(f"{key}: {value}" for key, value in found) + "}"
        ),
    ),
    max_leaves=8,
)


@example("%YAML 1." + "9" * 5000 + "\n---\na: b")
@example("? [a]\n: b")
@example("stores: !!python/object/apply:os.system [ls]")
@example("stores: !!binary xx")
@given(st.one_of(st.text(max_size=60), _trees.map(lambda tree: f"stores: {tree}"), _trees))
@settings(max_examples=300, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_read_stores__any_text__entries_or_a_settings_error(folder: Path, text: str) -> None:
    with file_of(text, folder):
        try:
            found = read_stores()
        except SettingsError:
            return
        assert found
        assert all(entry.among == tuple(one.name for one in found) for entry in found)
