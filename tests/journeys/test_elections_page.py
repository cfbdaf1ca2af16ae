"""A benchmark held as an election with the keyboard alone, and what axe says of the answer."""

import pytest
from playwright.sync_api import expect

from tests.aggregation.golden.test_elections import VALUE
from tests.cast import World
from tests.journeys.conftest import OpenPage
from tests.journeys.test_accessibility import violations

pytestmark = pytest.mark.browser


def test_a_table_is_pasted_and_read_with_the_keyboard(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, "/elections/")
    page.get_by_label("Paste a table").focus()
    page.keyboard.insert_text(VALUE)
    page.get_by_label("Resamples of the tasks").focus()
    page.keyboard.type("20")
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_contain_text("“craig.starr” beats every other system")
    expect(page.get_by_role("table").first).to_contain_text("Kemeny–Young")
    expect(page.get_by_label("Paste a table")).to_have_value(VALUE)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []


PRESSED_TWICE = """() => {
  const refused = [];
  window.addEventListener("submit", (event) => refused.push(event.defaultPrevented));
  const button = document.querySelector("form[data-busy] button.primary");
  button.click();
  const said = document.querySelector("[role=status]").textContent;
  button.click();
  return [said, refused];
}"""


def test_an_election_that_takes_a_while_says_so_and_is_held_once(
    lived_in: World, open_page: OpenPage
) -> None:
    page = open_page(lived_in.ada, "/elections/")
    page.get_by_label("Paste a table").fill(VALUE)
    page.get_by_label("Resamples of the tasks").fill("0")
    said, refused = page.evaluate(PRESSED_TWICE)
    assert said == "Holding the election…"
    assert refused == [False, True]
    expect(page.locator(".verdict")).to_contain_text("“craig.starr” beats every other system")
    expect(page.get_by_role("status")).to_have_text("")


def test_downloaded_ranks_leave_the_page_ready(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, "/elections/")
    page.get_by_label("Paste a table").fill(VALUE)
    page.get_by_label("Resamples of the tasks").fill("0")
    for kind in ("CSV", "JSON"):
        with page.expect_download() as downloaded:
            page.get_by_role("button", name=f"Download as {kind}").click()
        assert downloaded.value.suggested_filename == f"election.{kind.lower()}"
    expect(page.get_by_role("status")).to_have_text("")
