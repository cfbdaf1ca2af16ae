"""A real browser whose connection is cut, and whose session ends, in the middle of an answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation import ahead
from annotation.models import Criterion, Judgment, Rubric
from tests.browsing import OpenPage
from tests.cast import World, make_question

pytestmark = pytest.mark.browser

JUDGE = "/projects/advice/judge/"


@dataclass
class Wire:
    """A proxy in front of the server that hangs up on the next answer, before or after the server
    has it."""

    server: int
    cut: str = ""
    cuts: int = 0
    listener: socket.socket = field(default_factory=socket.socket)

    def start(self) -> int:
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self.listener.getsockname()[1])

    def _accept(self) -> None:
        while True:
            try:
                inside, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(inside,), daemon=True).start()

    def _carry(self, inside: socket.socket) -> None:
        """One request per connection: the reply's end is the connection's."""
        with inside, socket.create_connection(("localhost", self.server)) as outside:
            request = _whole_request(inside)
            answers = request.startswith(f"POST {JUDGE} ".encode())
            if answers and self.cut == "before":
                self.cuts += 1
                return
            outside.sendall(request)
            if answers and self.cut == "after":
                outside.recv(1)  # the server has answered, so the judgment is kept
                self.cuts += 1
                return
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the browser left
                while part := outside.recv(65536):
                    inside.sendall(part)


def _whole_request(inside: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        part = inside.recv(65536)
        if not part:
            return got
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    length = next(
        (int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += inside.recv(65536)
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


@pytest.fixture
def wire(live_server: LiveServer) -> Iterator[tuple[Wire, str]]:
    made = Wire(int(live_server.url.rpartition(":")[2]))
    port = made.start()
    yield made, f"http://localhost:{port}"
    made.listener.close()


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(words)


@pytest.mark.parametrize("plenty", [False, True], ids=["with the reply", "fetched ahead"])
@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_connection_cut_while_submitting_keeps_everything(
    lived_in: World, open_page: OpenPage, wire: tuple[Wire, str], cut: str, plenty: bool
) -> None:
    for number in range(ahead.PLENTY + 2 if plenty else 0):
        make_question(lived_in.project, f"q{number}")
    line, address = wire
    page = open_page(lived_in.ada, "/")
    with page.expect_response("**/judge/ahead/"):
        page.goto(f"{address}{JUDGE}")
    page.locator("[data-reason]").fill("Worth keeping")
    line.cut = cut
    page.get_by_role("button", name="B is better").click()
    unsaved = page.locator("[data-unsaved]")
    expect(unsaved).to_contain_text("Not saved. The server can't be reached.")
    heading(page, "1 of")
    expect(page.locator("[data-chosen]")).to_have_attribute("value", "-2")
    expect(page.locator("[data-reason]")).to_have_value("Worth keeping")
    assert Judgment.objects.count() == (1 if cut == "after" else 0)
    page.get_by_role("button", name="Save again").click()  # still cut
    expect(unsaved).to_be_visible()
    assert line.cuts >= 2
    line.cut = ""
    page.get_by_role("button", name="Save again").click()
    heading(page, "2 of")
    expect(page.locator("[data-save-state]")).to_have_text("✓ Saved")
    judgment = Judgment.objects.get()
    assert (judgment.reason, abs(judgment.payload["strength"])) == ("Worth keeping", 2)


def log_in(page: Page) -> None:
    page.get_by_label("Account name").fill("ada")
    page.get_by_label("Password").fill("ada-keeps-it-secret")
    page.get_by_role("button", name="Log in").click()


def test_a_session_that_expires_while_judging_loses_no_word(
    lived_in: World, open_page: OpenPage
) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.locator("[data-reason]").fill("Typed before the session ended")
    Session.objects.all().delete()
    page.get_by_role("button", name="A is slightly better").click()
    unsaved = page.locator("[data-unsaved]")
    expect(unsaved).to_contain_text("You have been logged out.")
    with page.context.expect_page() as opened:
        unsaved.get_by_role("link", name="Log in in a new tab").click()
    log_in(opened.value)
    expect(opened.value.get_by_role("heading", name="Your projects")).to_be_visible()
    page.get_by_role("button", name="Save again").click()
    heading(page, "2 of 3")
    assert Judgment.objects.get().reason == "Typed before the session ended"


def test_a_half_ticked_list_outlives_the_session(lived_in: World, open_page: OpenPage) -> None:
    """The page is loaded anew, asks to log in, and comes back to the same question and ticks."""
    rubric = Rubric.objects.create(project=lived_in.project, name="Advice")
    for position in range(3):
        Criterion.objects.create(
            rubric=rubric, position=position, text=f"Criterion {position}?", kind="yes_no"
        )
    lived_in.project.questions.update(judgment_type="checklist", rubric=rubric)
    page = open_page(lived_in.ada, JUDGE)
    page.keyboard.press("y")
    page.keyboard.press("n")
    expect(page.locator("input:checked")).to_have_count(2)
    Session.objects.all().delete()
    page.reload()
    log_in(page)
    page.wait_for_url(f"**{JUDGE}")
    expect(page.locator("input:checked")).to_have_count(2)
    for _ in range(page.locator("[data-row]").count() - 2):
        page.keyboard.press("y")
    page.keyboard.press("Enter")
    heading(page, "2 of 3")
    assert Judgment.objects.count() == 1
