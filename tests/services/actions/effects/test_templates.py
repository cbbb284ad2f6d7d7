"""Templates: what a merchant writes, what is said when it is wrong, and that nothing gets out of the box (F35)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.actions.effects.plain_text import plain_text
from services.actions.effects.render_worker import Sandbox
from services.actions.effects.templates import (
    SAMPLE,
    Filled,
    TemplateProblem,
    Templates,
    check_template,
)

VALUES: dict[str, Any] = {**SAMPLE, "with": {"product": "Shoes <b>", "items": [1, 2]}}
Write = Callable[..., None]


@pytest.fixture
async def templates(tmp_path: Path) -> AsyncIterator[Templates]:
    made = Templates(tmp_path)
    yield made
    await made.aclose()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, body: str, subject: str | None = "Hello") -> None:
        (tmp_path / name).write_text(body if subject is None else f"Subject: {subject}\n\n{body}", encoding="utf-8")

    return write


async def test_fill__html_alone__text_is_made_of_it(templates: Templates, write: Write) -> None:
    write(
        "t.html", "<p>Dear {{ customer.first_name }},</p><p><b>{{ with.product }}</b></p>", "For {{ customer.email }}"
    )
    filled = await templates.fill("t", VALUES)
    assert filled.subject == "For ann@example.com"
    assert filled.html == "<p>Dear Ann,</p><p><b>Shoes &lt;b&gt;</b></p>\n"
    assert filled.text == "Dear Ann,\n\nShoes <b>\n"


async def test_fill__both__the_text_is_its_own_and_not_escaped(templates: Templates, write: Write) -> None:
    write("t.html", "<p>{{ coupon.code }}</p>")
    write("t.txt", "Code: {{ coupon.code }} {{ with.product }}", None)
    assert await templates.fill("t", VALUES) == Filled(
        "Hello", "Code: HR-ABCDEFGHJKLMNPQR Shoes <b>\n", "<p>HR-ABCDEFGHJKLMNPQR</p>\n"
    )


async def test_fill__text_alone__no_html(templates: Templates, write: Write) -> None:
    write("t.txt", "Hello & welcome")
    assert await templates.fill("t", VALUES) == Filled("Hello", "Hello & welcome\n", None)


async def test_fill__a_layout_that_others_extend__used(templates: Templates, write: Write) -> None:
    write("layout.html", "<h1>{{ store.name }}</h1>{% block body %}{% endblock %}", None)
    write("t.html", "{% extends 'layout.html' %}{% block body %}{{ customer.last_name }}{% endblock %}")
    filled = await templates.fill("t", VALUES)
    assert filled.html == "<h1>Shop</h1>Example\n"


async def test_fill__a_file_that_was_changed__the_new_one(templates: Templates, write: Write) -> None:
    write("t.html", "one")
    await templates.fill("t", VALUES)
    write("t.html", "and two")
    assert (await templates.fill("t", VALUES)).html == "and two\n"


async def test_fill__a_name_with_a_line_break__stays_one_line_of_subject(templates: Templates, write: Write) -> None:
    write("t.txt", "x", "Hi {{ customer.first_name }}")
    values = {**VALUES, "customer": {"first_name": "Ann\r\nBcc: all@example.com"}}
    assert (await templates.fill("t", values)).subject == "Hi Ann Bcc: all@example.com"


CORPUS = (
    ("{{ customer.nope }}", 3, "there is no 'nope'"),
    ("\n{{ custumer.email }}", 4, "'custumer' is undefined"),
    ("{% for x in [1] %}\n{% endfo %}", 4, "endfo"),
    ("{{ 1 / 0 }}", 3, "ZeroDivisionError"),
    ("{{ with[customer.email] }}", 3, "there is no '...'"),
    ("{% include customer.email %}", 3, "not in the folder"),
    ("{% include 'nothing.html' %}", 3, "not in the folder"),
    ("{% include '../t.html' %}", 3, "not in the folder"),
    ("{% include '/etc/passwd' %}", 3, "not in the folder"),
    ("{% include 'out.html' %}", 3, "not in the folder"),
    ("{% import 'os' as os %}", 3, "not in the folder"),
    ("{{ ''.__class__ }}", 3, "unsafe"),
    ("{{ ''.__class__.__mro__[1].__subclasses__() }}", 3, "unsafe"),
    ("{{ ''['__class__'] }}", 3, "unsafe"),
    ("{{ '' | attr('__class__') }}", 3, ""),
    ("{{ ''['_' ~ '_class_' ~ '_'] }}", 3, "unsafe"),
    ("{{ self._TemplateReference__context }}", 3, "unsafe"),
    ("{{ customer.update({'email': 'x'}) }}", 3, "unsafe"),
    ("{{ with.items.append(1) }}", 3, ""),
    ("{{ '{0.__class__}'.format(1) }}", 3, "unsafe"),
    ("{{ '%s' | format(range.__self__) }}", 3, ""),
    ("{{ lipsum() }}", 3, "'lipsum' is undefined"),
    ("{{ cycler.__init__.__globals__ }}", 3, "unsafe"),
    ("{{ [1, 2] | random }}", 3, "random"),
    ("{{ namespace.__init__.__globals__ }}", 3, "unsafe"),
    ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", 3, "calls itself"),
    ("{{ 'x' * 10 ** 9 }}", 3, "memory"),
    ("{{ with.product * 10 ** 9 }}", 3, "memory"),
    ("{{ [with] * 10 ** 9 }}", 3, "memory"),
    ("{{ '%999999999d' % 1 }}", 3, "memory"),
    ("{{ range(10 ** 9) | list }}", 3, "OverflowError"),
    ("{{ 'x' * 300000 }}", 1, "larger than 256 KiB"),
    ("{% for i in range(99999) %}{{ 'long' }}{% endfor %}", 1, "larger than 256 KiB"),
    ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", 1, "too long"),
    ("{{ 7 ** (7 ** 99) }}", 1, "too long"),
    ("{% set n = namespace(x='x') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}", 3, "memory"),
    ("{{ " + "(" * 5000 + ")" * 5000 + " }}", 1, ""),
)
"""What stands in a template below its subject, the line that is named, and what is said."""


async def test_fill__wrong_or_meant_ill__refused_at_its_line(
    templates: Templates, write: Write, tmp_path: Path
) -> None:
    """Each in turn, by one worker or its successor, which goes on to fill in what is good."""
    (tmp_path / "out.html").symlink_to("/etc/passwd")
    write("good.txt", "good")
    wrong = {}
    for body, line, told in CORPUS:
        write("t.html", body)
        try:
            answer = str(await templates.fill("t", VALUES))
        except TemplateProblem as problem:
            answer = str(problem)
        if not answer.startswith(f"t.html:{line}: ") or told not in answer or "ann@example.com" in answer:
            wrong[body[:60]] = answer[:300]
        assert (await templates.fill("good", VALUES)).text == "good\n"
    assert wrong == {}


NAMES = st.sampled_from(
    ["__class__", "__globals__", "__init__", "__self__", "_x", "__mro__", "__subclasses__", "__dict__", "__func__"]
)
STARTS = st.sampled_from(
    ["''", "1", "[]", "{}", "()", "none", "true", "range", "namespace()", "namespace", "customer", "customer.email",
     "customer.items", "with.items.append", "self", "''.join", "''.format", "loop", "caller", "range(3)", "m"]
)  # fmt: skip


@st.composite
def breakouts(draw: st.DrawFn) -> str:
    """An expression that reaches for a name with an underscore, somewhere on its way."""
    found = draw(STARTS)
    for _ in range(draw(st.integers(1, 4))):
        name = draw(NAMES)
        found = draw(
            st.sampled_from(
                [f"{found}.{name}", f"{found}['{name}']", f"({found}|attr('{name}'))", f"{found}()", f"{found}[0]",
                 f"([{found}]|map(attribute='{name}')|list)", f"('{{0.{name}}}'.format({found}))",
                 f"('{{0.{name}}}'|format({found}))", f"({found} ~ '')|list"]
            )
        )  # fmt: skip
    return found


def test_sandbox__reaching_for_what_is_ours__never_seen() -> None:
    """In this process: no limits are needed for what is only looked up."""

    @settings(max_examples=300)
    @given(expression=breakouts())
    def look(expression: str) -> None:
        sandbox = Sandbox(Path("nowhere"))
        source = "{% macro m() %}{{ caller() }}{% endmacro %}{{ " + expression + " }}"
        try:
            told = sandbox.from_string(source).render(VALUES)
        except Exception:  # refused, or nonsense
            return
        assert "<class" not in told or "range" in expression or "namespace" in expression, told
        assert not any(word in told for word in ("<module", "<frame", "<code", "'__builtins__'", "<slot wrapper"))

    look()


@pytest.mark.parametrize(
    ("content", "place", "told"),
    [
        ("<p>no subject</p>", "t.html:1", "begin the file with `Subject: ...`"),
        ("Subject: x", "t.html:1", "nothing stands below"),
        ("Subject: x\nBcc: all@example.com\n\nx", "t.html:2", "one line, `Subject"),
        ("Subject: {{ x }}\n\nx", "t.html:1", "'x' is undefined"),
        ("Subject: {% if %}\n\nx", "t.html:1", "Expected an expression"),
        ("Subject: {{ 'x' * 201 }}\n\nx", "t.html:1", "longer than 200"),
        ("x" * 300_000, "t.html:1", "larger than 256 KiB"),
    ],
)
async def test_fill__wrong_head__says_what_to_write(
    templates: Templates, write: Write, content: str, place: str, told: str
) -> None:
    write("t.html", content, None)
    with pytest.raises(TemplateProblem, match=f"^{place}: .*") as caught:
        await templates.fill("t", VALUES)
    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["nothing", "../t", "/etc/passwd", "", ".", "a\nb", "sub/t"])
async def test_fill__no_such_template__refused(templates: Templates, write: Write, name: str) -> None:
    write("t.html", "x")
    with pytest.raises(TemplateProblem, match="there is no"):
        await templates.fill(name, VALUES)


async def test_fill__no_secrets_of_ours_in_its_process(
    templates: Templates, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_SMTP_PASSWORD", "canary")
    write("t.txt", "x")
    await templates.fill("t", VALUES)
    assert templates._worker is not None
    environment = Path(f"/proc/{templates._worker.pid}/environ")
    assert b"canary" not in await asyncio.to_thread(environment.read_bytes)


def test_check_template__good__nothing(tmp_path: Path, write: Write) -> None:
    write("t.html", "{{ customer.first_name }} {{ with.any.thing }} {{ coupon.code }}")
    assert check_template(tmp_path / "t.html") == []


def test_check_template__wrong__the_place(tmp_path: Path, write: Write) -> None:
    write("t.html", "\n{{ coupon.cod }}")
    assert check_template(tmp_path / "t.html") == [f"{tmp_path}/t.html:4: there is no 'cod'"]


def test_check_template__hangs__says_so(tmp_path: Path, write: Write) -> None:
    write("t.html", "{{ 7 ** (7 ** 99) }}")
    assert check_template(tmp_path / "t.html") == [f"{tmp_path}/t.html:1: it computes for too long"]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", "\n"),
        ("<p>a</p>\n<p>b<br>c</p>", "a\n\nb\nc\n"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b\n"),
        ('<a href="https://x.example/">shop</a>', "shop (https://x.example/)\n"),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/\n"),
        ("<head><title>t</title><style>p{}</style></head><body>a &amp; b &nbsp;</body>", "a & b\n"),
    ],
)
def test_plain_text(html: str, text: str) -> None:
    assert plain_text(html) == text
