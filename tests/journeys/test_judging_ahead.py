"""The next question is there before it is needed, on a slow network as on a quick one."""

from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, Route, expect

from annotation import ahead
from annotation.models import Assignment, Criterion, Exposure, Judgment, Rubric
from tests.browsing import intercept
from tests.cast import World, make_question
from tests.journeys.conftest import OpenPage

pytestmark = pytest.mark.browser

JUDGE = "/projects/advice/judge/"
PAINTED = """
key => new Promise(resolve => {
  const before = document.getElementById('task');
  const began = performance.now();
  new MutationObserver((_, watcher) => {
    if (document.getElementById('task') === before) return;
    watcher.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
  }).observe(document.body, {childList: true});
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
})
"""

PRESSED_TWICE = """
key => [1, 2].forEach(() =>
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true})))
"""


@pytest.fixture
def plenty(lived_in: World) -> World:
    for number in range(ahead.PLENTY + 5):
        make_question(lived_in.project, f"q{number}")
    return lived_in


def opened(plenty: World, open_page: OpenPage) -> Page:
    page = open_page(plenty.ada, "/")
    with page.expect_response("**/judge/ahead/"):
        page.goto(JUDGE)
    return page


def slow(page: Page, milliseconds: int) -> None:
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": milliseconds,
            "downloadThroughput": -1,
            "uploadThroughput": -1,
        },
    )


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(words)


def saved(page: Page) -> None:
    expect(page.locator("[data-save-state]")).to_have_text("✓ Saved")


def test_on_a_slow_network_the_next_question_stands_there_at_once(
    plenty: World, open_page: OpenPage
) -> None:
    page = opened(plenty, open_page)
    slow(page, 1500)
    assert page.evaluate(PAINTED, "2") < 1000
    heading(page, "2 of")
    assert not Exposure.objects.filter(sequence__gt=1).exists()
    expect(page.locator("[data-save-state]")).to_have_text("Saving…")
    saved(page)
    assert Judgment.objects.get().payload
    shown = page.locator("[data-draft]").get_attribute("data-draft")
    assert Exposure.objects.filter(assignment__public_id=str(shown)).count() == 1
    assert page.evaluate("document.activeElement.id") == "question-heading"


def test_lists_rankings_and_ratings_are_followed_at_once_too_and_writing_is_not(
    plenty: World, open_page: OpenPage
) -> None:
    project = plenty.project
    for place, (kind, anchors) in enumerate(
        (("checklist", {}), ("rating", {"low": 0, "high": 100}))
    ):
        rubric = Rubric.objects.create(project=project, name=kind)
        scale = {"kind": "scale", "anchors": anchors} if anchors else {}
        Criterion.objects.create(rubric=rubric, position=0, text="Is it kind?", **scale)
        make_question(
            project, kind, judgment_type=kind, candidates=1, rubric=rubric, priority=9.0 - place
        )
    make_question(project, "order", judgment_type="ranking", candidates=2, priority=7.5)
    make_question(project, "text", judgment_type="rewrite", candidates=1, priority=7.0)
    page = opened(plenty, open_page)
    slow(page, 1000)

    def goes_on_at_once(key: str, words: str) -> None:
        with page.expect_response("**/judge/"):
            assert page.evaluate(PAINTED, key) < 700
            heading(page, words)
        saved(page)

    page.keyboard.press("Enter")  # an unfinished list goes nowhere
    expect(page.locator("[data-error]").first).to_be_visible()
    page.keyboard.press("y")
    page.wait_for_timeout(1500)  # what comes next arrives
    page.evaluate(PRESSED_TWICE, "Enter")  # the second is no answer to what has just come
    heading(page, "2 of")
    saved(page)
    expect(page.locator("[data-error]")).to_have_count(0)
    page.locator("[data-number]").fill("70")
    page.keyboard.press("Escape")
    goes_on_at_once("Enter", "3 of")
    page.keyboard.press("1")
    page.keyboard.press("2")
    goes_on_at_once("Enter", "4 of")
    given = list(Judgment.objects.order_by("position").values_list("judgment_type", "payload"))
    assert [kind for kind, _ in given] == ["checklist", "rating", "ranking"]
    assert [len(payload["tiers"]) for _, payload in given[2:]] == [2]
    shown = Exposure.objects.filter(assignment__judgment__isnull=False)
    assert shown.count() == len(given)
    expect(page.locator("[data-editor]")).to_be_visible()
    assert not Assignment.objects.unseen().exists()


def test_a_run_of_keys_answers_one_question_each_and_logs_each_showing(
    plenty: World, open_page: OpenPage
) -> None:
    page = opened(plenty, open_page)
    for number in range(1, 7):
        page.keyboard.press(str(number))
        heading(page, f"{number + 1} of")
    saved(page)
    given = list(Judgment.objects.order_by("position"))
    assert len({each.question_id for each in given}) == len(given) == 6
    for judgment in given:
        assert Exposure.objects.filter(assignment=judgment.assignment).count() == 1
    assert Assignment.objects.unseen().count() <= 1


def test_a_key_pressed_before_the_last_answer_is_saved_waits_for_it(
    plenty: World, open_page: OpenPage
) -> None:
    page = opened(plenty, open_page)
    slow(page, 600)
    page.keyboard.press("1")
    heading(page, "2 of")
    page.keyboard.press("7")
    heading(page, "3 of")
    saved(page)
    first, second = Judgment.objects.order_by("position")
    assert first.question_id != second.question_id


def test_a_failing_save_brings_the_question_back_with_its_answer(
    plenty: World, open_page: OpenPage
) -> None:
    page = opened(plenty, open_page)
    page.locator("[data-reason]").fill("Worth keeping")
    intercept(page, "**/judge/", lambda route: route.fulfill(status=503, body="busy"))
    page.get_by_role("button", name="B is better").click()
    expect(page.locator("[data-unsaved]")).to_contain_text("The server is busy")
    heading(page, "1 of")
    expect(page.locator("[data-reason]")).to_have_value("Worth keeping")
    expect(page.locator("[data-chosen]")).to_have_attribute("value", "-2")
    page.unroute("**/judge/")
    page.get_by_role("button", name="Save again").click()
    heading(page, "2 of")
    saved(page)
    assert Judgment.objects.get().reason == "Worth keeping"


def test_a_lost_reply_is_still_one_judgment(plenty: World, open_page: OpenPage) -> None:
    page = opened(plenty, open_page)

    def lose_reply(route: Route) -> None:
        route.fetch()
        route.abort()

    intercept(page, "**/judge/", lose_reply)
    page.keyboard.press("3")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    page.unroute("**/judge/")
    page.get_by_role("button", name="Save again").click()
    heading(page, "2 of")
    saved(page)
    assert Judgment.objects.count() == 1


def test_a_session_that_ends_meanwhile_brings_the_question_back(
    plenty: World, open_page: OpenPage
) -> None:
    page = opened(plenty, open_page)
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.keyboard.press("3")
    expect(page.locator("[data-unsaved]")).to_contain_text("You have been logged out.")
    heading(page, "1 of")


def test_leaving_the_page_gives_the_unseen_question_back(
    plenty: World, open_page: OpenPage
) -> None:
    page = opened(plenty, open_page)
    assert Assignment.objects.unseen().count() == 1
    page.goto("/")
    for _ in range(200):
        if not Assignment.objects.unseen().exists():
            break
        page.wait_for_timeout(100)
    assert Assignment.objects.count() == 1


def test_a_double_click_answers_one_question(plenty: World, open_page: OpenPage) -> None:
    page = opened(plenty, open_page)
    page.get_by_role("button", name="A is better").dblclick(delay=40)
    saved(page)
    page.wait_for_timeout(400)
    assert Judgment.objects.count() == 1
    heading(page, "2 of")


def test_another_tab_that_was_quicker_is_told_plainly(plenty: World, open_page: OpenPage) -> None:
    slow_tab = opened(plenty, open_page)
    quick: Any = slow_tab.context.new_page()
    with quick.expect_response("**/judge/ahead/"):
        quick.goto(JUDGE)
    quick.keyboard.press("1")
    saved(quick)
    slow_tab.keyboard.press("7")
    expect(slow_tab.get_by_role("alert").first).to_contain_text("perhaps in another tab")
    assert Judgment.objects.count() == 1


def test_the_previous_answer_can_still_be_changed(plenty: World, open_page: OpenPage) -> None:
    page = opened(plenty, open_page)
    page.keyboard.press("1")
    heading(page, "2 of")
    page.keyboard.press("z")
    heading(page, "Your previous answer")
    page.keyboard.press("7")
    heading(page, "2 of")
    assert Judgment.objects.count() == 2
