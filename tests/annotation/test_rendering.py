"""Text from models and strangers → HTML: readable, and harmless whatever it contains."""

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.rendering import (
    FORMULA_LIMIT,
    MARKDOWN_LIMIT,
    PLAIN_LIMIT,
    render_latex,
    render_markdown,
    render_messages,
    show_hidden,
)

BOUND_SECONDS = 20  # generous for a busy machine; unbounded inputs would take minutes


def seconds_of(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def test_commonmark_with_tables_and_strike_through() -> None:
    rendered = render_markdown("Some *soft* and **loud** ~~no~~\n\n| a | b |\n|--:|---|\n| 1 | 2 |")
    assert "<em>soft</em> and <strong>loud</strong> <s>no</s>" in rendered
    assert '<td class="align-right">1</td>' in rendered
    assert "style=" not in rendered


def test_headings_stay_below_those_of_the_page() -> None:
    assert render_markdown("# One\n\n###### Six") == (
        '<h3 dir="auto">One</h3>\n<h6 dir="auto">Six</h6>\n'
    )


def test_each_block_takes_the_direction_of_its_own_text() -> None:
    rendered = render_markdown("English\n\nمرحبا بالعالم\n\n- שלום")
    assert rendered.count('<p dir="auto">') == 2
    assert '<ul dir="auto">' in rendered


def test_code_is_coloured_by_classes_and_reads_left_to_right() -> None:
    rendered = render_markdown("```python\ndef f(): return 1\n```")
    assert '<pre class="code" dir="ltr" tabindex="0">' in rendered
    assert '<span class="k">def</span>' in rendered


def test_code_of_an_unknown_language_is_escaped() -> None:
    rendered = render_markdown('```"><script>\n<b>&\n```')
    assert "&lt;b&gt;&amp;" in rendered
    assert "<script" not in rendered


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("$x^2$", '<math display="inline">'),
        (r"\(x^2\)", '<math display="inline">'),
        ("$$\nx^2\n$$", '<math display="block">'),
        ("\\[\na\n= b\n- c\n\\]", '<math display="block">'),
        (r"so \[x\] holds", '<math display="block">'),
    ],
)
def test_mathematics_becomes_mathml(source: str, expected: str) -> None:
    assert expected in render_markdown(source)


def test_prices_are_not_mathematics() -> None:
    assert render_markdown("It costs $5 and then $10.") == (
        '<p dir="auto">It costs $5 and then $10.</p>\n'
    )


@pytest.mark.parametrize("source", [r"\frac{1}", "{" * 50, r"\left(", r"\begin{matrix}", "^_^_"])
def test_a_formula_that_never_ends_is_shown_as_its_source(source: str) -> None:
    rendered = render_latex(source, display=False)
    assert "<math" in rendered or rendered.startswith('<code class="latex-source">')
    assert render_markdown(f"before ${source}$ after")


def test_a_formula_that_expands_without_bound_is_shown_as_its_source() -> None:
    doubling = "".join(
        rf"\newcommand{{\{b}}}{{\{a}\{a}}}" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    rendered = render_latex(doubling + r"\i", display=True)
    assert rendered.startswith('<code class="latex-source">')


def test_a_very_long_formula_is_shown_as_its_source() -> None:
    assert "<math" not in render_markdown("$" + "x+" * 5_000 + "x$")


def test_after_many_formulas_the_rest_stays_source() -> None:
    rendered = render_markdown("$x$ " * (FORMULA_LIMIT + 10))
    assert rendered.count("<math") == FORMULA_LIMIT
    assert rendered.count("latex-source") == 10


def test_a_formula_cannot_cover_the_page_hide_text_or_carry_a_link() -> None:
    rendered = render_markdown(
        r"$\hspace{9999em} \href{javascript:alert(1)}{x} \style{position:fixed}{y} "
        r"\textcolor{white}{z} \phantom{secret}$"
    )
    for refused in ("9999", "javascript", "position", "white", "mphantom", "href"):
        assert refused not in re.sub(r"<code.*?</code>", "", rendered)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<style>button{display:none}</style>",
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox)",
    "[x](&#106;avascript:alert(1))",
    "[x](/logout/)",
    "[x](//elsewhere.example/)",
    "<javascript:alert(1)>",
    '[x](https://a.example "onmouseover=alert(1)")',
    '![" onerror="alert(1)](https://a.example/i.png)',
    "<math><mtext><script>alert(1)</script></mtext></math>",
    "```\n</code></pre><script>alert(1)</script>\n```",
    '$\\text{<img src=x onerror="alert(1)">}$',
    "$\\text{</math><script>alert(1)</script>}$",
    '<form action="https://evil.example"><button>',
    '<div style="position:fixed;inset:0">',
    '<input id="submission_key" name="choice">',
]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_text_stays_text(source: str) -> None:
    rendered = render_markdown(source)
    tags = re.findall(r"<[a-z][^>]*>", rendered, flags=re.IGNORECASE)
    for tag in tags:
        assert not re.match(r"<(script|img|svg|style|form|input|button|iframe)", tag, re.I)
        assert not re.search(r"\s(on\w+|style|id|name|src|title)=", tag, re.I), tag
        address = re.search(r'href="([^"]*)"', tag)
        assert address is None or address[1].startswith(("http://", "https://", "mailto:"))


def test_links_open_elsewhere_and_say_nothing_of_us() -> None:
    rendered = render_markdown("[a](https://a.example/x) and https://b.example/y")
    assert rendered.count('rel="nofollow noopener noreferrer"') == 2
    assert rendered.count('target="_blank"') == 2


@pytest.mark.parametrize(
    "address",
    ["https://a.example/i.png", "http://169.254.169.254/latest", "file:///etc/passwd", "/x.png"],
)
def test_an_image_is_never_loaded_but_described(address: str) -> None:
    rendered = render_markdown(f"![a *tall* tower]({address})")
    assert "<img" not in rendered
    assert "a tall tower" in rendered or "a <em>tall</em> tower" in rendered


def test_an_image_is_named_as_one_and_linked_if_it_is_on_the_web() -> None:
    rendered = render_markdown("![a tower](https://a.example/i?a=1&b=2)")
    assert ">Image: a tower</a>" in rendered
    assert 'class="image-link"' in rendered
    assert "https://a.example/i?a=1&amp;b=2" in rendered


def test_characters_that_deceive_are_shown() -> None:
    shown = show_hidden("a\x00b\ud800c\u202ed\u2066e\x1b")
    assert shown == "a␀b\ufffdc⟦U+202E⟧d⟦U+2066⟧e␛"
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "choose A")
    assert show_hidden(f"x{hidden}y") == "x⟦hidden: choose A⟧y"
    assert show_hidden("family 👨‍👩‍👧 می‌خواهم") == "family 👨‍👩‍👧 می‌خواهم"


def test_the_flag_of_scotland_is_not_a_hidden_message() -> None:
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert show_hidden(scotland) == scotland


def test_the_html_can_be_stored_in_postgresql() -> None:
    rendered = render_markdown("a\x00b\ud800 `\udfff` $\x00$")
    rendered.encode()
    assert "\x00" not in rendered


n = MARKDOWN_LIMIT - 10


@pytest.mark.parametrize(
    "bomb",
    [
        ">" * 10_000,
        "> " * 10_000,
        "\n".join(">" * i for i in range(1, 300)),
        "- " * 10_000,
        "a" * 200_000,
        "[" * n,
        "![" * (n // 2),
        "[a](" * (n // 4),
        "`" + "``" * (n // 2),
        "$a " * (n // 3),
        "$" * n,
        "*_" * (n // 2),
        "|" * n,
        "http://a" * (n // 8),
        "http://" + "(" * n,
        "|" + "a|" * 300 + "\n|" + "-|" * 300 + "\n" + "|\n" * (n // 3),
        "```\n" * (n // 4),
        "\\[" * (n // 2),
        "\\(" * (n // 2),
        "<" * n,
        "&#x" * (n // 3),
        r"$\sqrt" * (n // 6),
        "$" + "{" * 1_990 + "$",
    ],
    ids=lambda bomb: repr(bomb[:12]),
)
def test_a_bomb_is_rendered_in_bounded_time_and_space(bomb: str) -> None:
    rendered: list[str] = []
    assert seconds_of(lambda: rendered.append(render_markdown(bomb))) < BOUND_SECONDS
    assert len(rendered[0]) < 3_000_000


def test_a_long_text_is_shown_plainly_and_says_so() -> None:
    rendered = render_markdown("*a* <b>" * MARKDOWN_LIMIT)
    assert "Shown as plain text: longer than 50,000 characters." in rendered
    assert "&lt;b&gt;" in rendered
    assert "<em>" not in rendered


def test_an_immense_text_is_cut_and_says_where() -> None:
    rendered = render_markdown("word " * 2_000_000)
    assert f"Only the first {PLAIN_LIMIT:,} of 10,000,000 characters are shown." in rendered
    assert len(rendered) < PLAIN_LIMIT + 1_000


def test_a_table_that_would_fill_the_page_is_shown_plainly() -> None:
    source = "|" + "a|" * 300 + "\n|" + "-|" * 300 + "\n" + "|\n" * 10_000
    assert "it would fill a page too large to read" in render_markdown(source)


def test_a_single_question_stands_without_its_role() -> None:
    rendered = render_messages([{"role": "user", "content": "Why?"}])
    assert rendered == '<p dir="auto">Why?</p>\n'


def test_a_conversation_names_who_speaks() -> None:
    rendered = render_messages(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": None},
            {"role": "<b>tool", "content": [{"type": "text", "text": "</pre>x"}]},
        ]
    )
    assert '<p class="message-role">System</p>' in rendered
    assert "&lt;b&gt;tool" in rendered
    assert "</pre>x" not in rendered


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=300))
def test_no_text_at_all_breaks_rendering(text: str) -> None:
    rendered = render_markdown(text)
    rendered.encode()
    assert "<script" not in rendered.lower()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*"\\${}[]()<>|`*_~#->!&\n 1a", *HOSTILE]), max_size=60))
def test_no_mixture_of_markup_leaves_an_active_tag(parts: list[str]) -> None:
    rendered = render_markdown("".join(parts))
    assert not re.search(r"<[^>]*\s(on\w+|style|src|id)=", rendered, re.I)
    assert not re.search(r"<(script|img|svg|style|form|input|button|iframe)\b", rendered, re.I)
