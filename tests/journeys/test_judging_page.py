"""The judging page in a real browser: keys, focus, double clicks, lost networks, drafts."""

import re
import time
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Page, expect

from annotation.models import (
    Assignment,
    Candidate,
    Criterion,
    Judgment,
    Membership,
    Project,
    Role,
    Rubric,
    User,
)
from annotation.projects import revise_guideline
from tests.browsing import intercept
from tests.cast import World, make_project, make_question
from tests.journeys.conftest import OpenPage

pytestmark = pytest.mark.browser

JUDGE = "/projects/advice/judge/"


def heading(page: Page, words: str) -> None:
    expect(page.locator("#question-heading")).to_contain_text(words)


def wait_until(true: Callable[[], bool]) -> None:
    """Give the server's thread a moment; the page has been told before its commit is read here."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it never became true"
        connection.close()
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("key", "towards_a"), [("1", 3), ("2", 2), ("3", 1), ("4", 0), ("5", -1), ("6", -2), ("7", -3)]
)
def test_one_key_is_one_judgment(
    lived_in: World, open_page: OpenPage, key: str, towards_a: int
) -> None:
    page = open_page(lived_in.ada, JUDGE)
    heading(page, "1 of 3")
    page.keyboard.press(key)
    heading(page, "2 of 3")
    judgment = Judgment.objects.get()
    sign = 1 if judgment.shown_order[0] == 0 else -1
    assert judgment.payload == {"strength": towards_a * sign}


def test_zero_says_both_are_bad(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.keyboard.press("0")
    heading(page, "2 of 3")
    assert Judgment.objects.get().payload == {"strength": 0, "both_bad": True}


def test_three_keys_answer_three_questions_and_the_page_says_so(
    lived_in: World, open_page: OpenPage
) -> None:
    page = open_page(lived_in.ada, JUDGE)
    for number, key in enumerate("147", start=1):
        heading(page, f"{number} of 3")
        page.keyboard.press(key)
    expect(page.get_by_text("That was the last question for now")).to_be_visible()
    expect(page.locator("[data-save-state]")).to_have_text("✓ Saved")
    assert Judgment.objects.count() == 3


def test_the_new_question_has_the_focus_and_nothing_chosen(
    lived_in: World, open_page: OpenPage
) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.get_by_role("button", name="A is much better").click()
    heading(page, "2 of 3")
    expect(page.locator("#question-heading")).to_be_focused()
    expect(page.locator("[data-chosen]")).to_have_count(0)


def test_a_double_click_is_one_judgment(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.get_by_role("button", name="About the same").dblclick()
    page.wait_for_load_state("networkidle")
    heading(page, "2 of 3")
    assert Judgment.objects.count() == 1


def test_a_key_held_down_is_one_judgment(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    for _ in range(6):
        page.keyboard.down("4")  # repeats without a release, as a held key does
    heading(page, "2 of 3")
    page.wait_for_load_state("networkidle")
    assert Judgment.objects.count() == 1


def test_keys_rest_while_typing(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.keyboard.press("r")
    reason = page.locator("[data-reason]")
    expect(reason).to_be_focused()
    page.keyboard.type("Page 47 says so? Sure, L.")
    expect(reason).to_have_value("Page 47 says so? Sure, L.")
    heading(page, "1 of 3")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    heading(page, "2 of 3")
    assert Judgment.objects.get().reason == "Page 47 says so? Sure, L."


def test_shortcuts_of_the_browser_are_left_alone(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.keyboard.press("Control+1")
    page.keyboard.press("Alt+2")
    page.wait_for_load_state("networkidle")
    heading(page, "1 of 3")
    assert not Judgment.objects.exists()


def test_a_needed_reason_is_typed_after_the_choice_and_sent_by_enter(
    lived_in: World, open_page: OpenPage
) -> None:
    Project.objects.update(options={"reason": "required"})
    page = open_page(lived_in.ada, JUDGE)
    page.keyboard.press("6")
    expect(page.locator("[data-chosen]")).to_have_attribute("value", "-2")
    expect(page.locator("[data-reason]")).to_be_focused()
    assert not Judgment.objects.exists()
    page.keyboard.type("Kinder.")
    page.keyboard.press("Enter")
    heading(page, "2 of 3")
    judgment = Judgment.objects.get()
    assert (judgment.reason, abs(judgment.payload["strength"])) == ("Kinder.", 2)


def test_skipping_asks_why_only_then(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    expect(page.get_by_text("I don't understand it")).to_be_hidden()
    page.keyboard.press("s")
    expect(page.get_by_text("I don't understand it")).to_be_visible()
    page.keyboard.press("7")  # not a reason, and not a strength while the menu is open
    heading(page, "1 of 3")
    page.keyboard.press("2")
    heading(page, "1 of 2")
    assert not Judgment.objects.exists()
    released = lived_in.annotator_ada.assignments.get(state="released")
    assert released.release_reason == "unfamiliar"


def test_escape_closes_the_skip_menu(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.keyboard.press("s")
    page.keyboard.press("Escape")
    expect(page.get_by_text("I don't understand it")).to_be_hidden()
    page.keyboard.press("1")
    heading(page, "2 of 3")


def test_guidelines_open_beside_the_question_and_judging_goes_on(
    lived_in: World, open_page: OpenPage
) -> None:
    revise_guideline(project=lived_in.project, text="Be **kind**.")
    page = open_page(lived_in.ada, JUDGE)
    page.keyboard.press("g")
    drawer = page.locator("#guidelines")
    expect(drawer.get_by_text("Be kind.")).to_be_visible()
    expect(drawer.get_by_role("heading", name="Guidelines")).to_be_focused()
    page.keyboard.press("1")
    heading(page, "2 of 3")
    expect(drawer).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()


def test_guidelines_that_cannot_be_loaded_say_so(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    intercept(page, "**/guideline/", lambda route: route.abort())
    page.keyboard.press("g")
    failed = page.get_by_text("Guidelines couldn't be loaded.")
    expect(failed).to_be_visible()
    page.unroute("**/guideline/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("This project has no guidelines.")).to_be_visible()


def test_the_cheat_sheet_lists_the_keys_of_this_page(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog")
    for words in ("A is much better", "About the same", "Both bad", "Skip…", "Guidelines"):
        expect(sheet.get_by_text(words, exact=True)).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    heading(page, "1 of 3")


def test_the_previous_answer_can_be_changed(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.keyboard.press("1")
    heading(page, "2 of 3")
    page.keyboard.press("z")
    heading(page, "Your previous answer")
    expect(page.locator("[data-chosen]")).to_have_attribute("value", "3")
    page.keyboard.press("6")
    heading(page, "2 of 3")
    earlier, later = Judgment.objects.order_by("position")
    assert later.supersedes_id == earlier.pk


def test_a_lost_network_keeps_the_answer_and_saves_it_again(
    lived_in: World, open_page: OpenPage
) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.locator("[data-reason]").fill("Worth keeping")
    page.context.set_offline(True)
    page.get_by_role("button", name="B is better").click()
    unsaved = page.locator("[data-unsaved]")
    expect(unsaved).to_contain_text("Not saved. The server can't be reached.")
    expect(page.locator("[data-chosen]")).to_have_attribute("value", "-2")
    expect(page.locator("[data-reason]")).to_have_value("Worth keeping")
    assert not Judgment.objects.exists()
    page.context.set_offline(False)  # the browser says so, and the page saves by itself
    heading(page, "2 of 3")
    expect(page.locator("[data-save-state]")).to_have_text("✓ Saved")
    judgment = Judgment.objects.get()
    assert (judgment.reason, abs(judgment.payload["strength"])) == ("Worth keeping", 2)


def test_a_reply_that_is_lost_after_saving_is_not_a_second_judgment(
    lived_in: World, open_page: OpenPage
) -> None:
    page = open_page(lived_in.ada, JUDGE)

    def lose_reply(route: object) -> None:
        route.fetch()  # type: ignore[attr-defined]
        route.abort()  # type: ignore[attr-defined]

    intercept(page, "**/judge/", lose_reply)
    page.keyboard.press("3")
    expect(page.locator("[data-unsaved]")).to_be_visible()
    assert Judgment.objects.count() == 1
    page.unroute("**/judge/")
    page.get_by_role("button", name="Save again").click()
    heading(page, "2 of 3")
    assert Judgment.objects.count() == 1


def test_an_error_of_the_server_is_said_and_can_be_retried(
    lived_in: World, open_page: OpenPage
) -> None:
    page = open_page(lived_in.ada, JUDGE)
    intercept(page, "**/judge/", lambda route: route.fulfill(status=502, body="away"))
    page.keyboard.press("3")
    expect(page.locator("[data-unsaved]")).to_contain_text("an error (502)")
    page.unroute("**/judge/")
    page.keyboard.press("5")  # changing one's mind meanwhile is fine
    heading(page, "2 of 3")
    assert abs(Judgment.objects.get().payload["strength"]) == 1


def test_a_session_that_expired_loses_nothing(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.locator("[data-reason]").fill("Typed before the session ended")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.get_by_role("button", name="A is slightly better").click()
    unsaved = page.locator("[data-unsaved]")
    expect(unsaved).to_contain_text("You have been logged out.")
    with page.context.expect_page() as opened:
        unsaved.get_by_role("link", name="Log in in a new tab").click()
    login = opened.value
    login.get_by_label("Account name").fill("ada")
    login.get_by_label("Password").fill("ada-keeps-it-secret")
    login.get_by_role("button", name="Log in").click()
    expect(login.get_by_role("heading", name="Your projects")).to_be_visible()
    page.get_by_role("button", name="Save again").click()
    heading(page, "2 of 3")
    assert Judgment.objects.get().reason == "Typed before the session ended"


def test_a_draft_survives_a_closed_tab_and_ends_with_the_answer(
    lived_in: World, open_page: OpenPage
) -> None:
    page = open_page(lived_in.ada, JUDGE)
    page.locator("[data-reason]").fill("Half a thought")
    page.goto("/")
    page.goto(JUDGE)
    expect(page.locator("[data-reason]")).to_have_value("Half a thought")
    page.keyboard.press("4")
    heading(page, "2 of 3")
    expect(page.locator("[data-reason]")).to_have_value("")
    drafts = page.evaluate("Object.keys(localStorage).filter(k => k.startsWith('polyphony-draft'))")
    assert drafts == []


def test_another_tab_that_was_quicker_is_told_plainly(lived_in: World, open_page: OpenPage) -> None:
    slow = open_page(lived_in.ada, JUDGE)
    quick = slow.context.new_page()
    quick.goto(JUDGE)
    quick.keyboard.press("1")
    heading(quick, "2 of 3")
    slow.keyboard.press("7")
    expect(slow.get_by_role("alert").first).to_contain_text("perhaps in another tab")
    heading(slow, "2 of 3")
    assert Judgment.objects.count() == 1


def test_a_question_stays_reserved_while_its_person_is_at_it(
    lived_in: World, open_page: OpenPage
) -> None:
    Project.objects.update(lease_seconds=10)
    page = open_page(lived_in.ada, JUDGE)
    first = Assignment.objects.get().lease_until
    page.locator("[data-reason]").press_sequentially("Thinking")
    with page.expect_response("**/judge/renew/") as renewed:
        pass
    assert renewed.value.status == 204
    assert Assignment.objects.get().lease_until > first


def test_columns_scroll_together_and_the_time_is_hidden_when_asked(
    lived_in: World, open_page: OpenPage
) -> None:
    Candidate.objects.update(html="<p>line</p>" * 200)
    page = open_page(lived_in.ada, JUDGE, viewport={"width": 1280, "height": 800})
    left, right = page.locator("[data-scrolls]").first, page.locator("[data-scrolls]").last
    left.evaluate("pane => { pane.scrollTop = 400 }")
    page.wait_for_timeout(100)
    assert right.evaluate("pane => pane.scrollTop") == 0
    page.keyboard.press("l")
    expect(page.locator("[data-lock]")).to_have_attribute("aria-pressed", "true")
    left.evaluate("pane => { pane.scrollTop = 900 }")
    page.wait_for_function(
        "() => Math.abs(document.querySelectorAll('[data-scrolls]')[1].scrollTop - 900) < 3"
    )
    time = page.locator("[data-time]")
    expect(time).to_be_visible()
    expect(time).not_to_have_text("0:00")
    page.keyboard.press("t")
    expect(time).to_be_hidden()
    page.reload()
    expect(page.locator("[data-timer]")).to_be_visible()
    expect(time).to_be_hidden()


def test_it_works_without_javascript(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE, java_script_enabled=False)
    page.locator("[data-reason]").fill("No scripts here")
    page.get_by_role("button", name="A is better").click()
    heading(page, "2 of 3")
    expect(page.get_by_text("Your answer is saved.")).to_be_visible()
    page.get_by_text("Skip…").click()
    page.get_by_role("button", name="I'd rather not read this").click()
    heading(page, "2 of 2")
    page.get_by_role("link", name="Guidelines").click()
    expect(page.get_by_role("heading", name="Guidelines")).to_be_visible()
    assert Judgment.objects.get().reason == "No scripts here"


def test_on_a_phone_both_responses_are_cards_to_swipe(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(
        lived_in.ada, JUDGE, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    first, second = page.locator(".response").first, page.locator(".response").last
    expect(first).to_be_in_viewport(ratio=0.8)
    second.scroll_into_view_if_needed()
    expect(second).to_be_in_viewport(ratio=0.8)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    page.get_by_role("button", name="B is much better").tap()
    heading(page, "2 of 3")


def test_nothing_on_the_wire_names_a_system(lived_in: World, open_page: OpenPage) -> None:
    page = open_page(lived_in.ada, JUDGE)
    seen: list[str] = [page.content()]
    for key, number in (("1", "2 of 3"), ("2", "3 of 3"), ("z", "previous")):
        with page.expect_response(
            lambda reply: JUDGE in reply.url and reply.status != 204
        ) as answered:
            page.keyboard.press(key)
        seen.append(answered.value.text())
        heading(page, number)
    for text in seen:
        assert not re.search(r"system-\d|(noise|rent|snow)-\d", text)


# --- Checklists ---


@pytest.fixture
def lists(lived_in: World) -> User:
    project = make_project("lists", judgment_type="checklist", overlap=1)
    Membership.objects.create(user=lived_in.ada, project=project, role=Role.ANNOTATOR)
    rubric = Rubric.objects.create(project=project, name="Advice")
    for position in range(6):
        Criterion.objects.create(
            rubric=rubric,
            position=position,
            text=f"Criterion {position}?",
            explanation=f"What criterion {position} means.",
        )
    for name in ("dog", "cat"):
        make_question(project, name, candidates=1, rubric=rubric)
    return lived_in.ada


LISTS = "/projects/lists/judge/"


def test_six_keys_and_enter_answer_six_criteria(lists: User, open_page: OpenPage) -> None:
    page = open_page(lists, LISTS)
    for key in "ynyn-y":
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    heading(page, "2 of 2")
    assert Judgment.objects.get().payload["answers"]["0"] == {
        "0": "yes",
        "1": "no",
        "2": "yes",
        "3": "no",
        "4": "not_applicable",
        "5": "yes",
    }


def test_the_explanation_of_the_current_line_opens_by_key(lists: User, open_page: OpenPage) -> None:
    page = open_page(lists, LISTS)
    page.keyboard.press("y")
    page.keyboard.press("e")
    expect(page.get_by_text("What criterion 1 means.")).to_be_visible()
    expect(page.get_by_text("What criterion 0 means.")).to_be_hidden()


def test_an_incomplete_list_shows_what_is_missing_and_keeps_the_rest(
    lists: User, open_page: OpenPage
) -> None:
    page = open_page(lists, LISTS)
    page.keyboard.press("y")
    page.keyboard.press("n")
    page.locator("[data-submit]").click()
    expect(page.locator("[data-error]")).to_have_count(4)
    expect(page.locator("input:checked")).to_have_count(2)
    expect(page.locator("[data-row]").nth(2).locator("input").first).to_be_focused()
    for _ in range(4):
        page.keyboard.press("-")
    page.keyboard.press("Enter")
    heading(page, "2 of 2")
    wait_until(lambda: Judgment.objects.count() == 1)


def test_a_half_ticked_list_survives_a_closed_tab(lists: User, open_page: OpenPage) -> None:
    page = open_page(lists, LISTS)
    page.keyboard.press("y")
    page.keyboard.press("n")
    page.goto("/")
    page.goto(LISTS)
    expect(page.locator("input:checked")).to_have_count(2)
    expect(page.get_by_text("Your draft is back.")).to_be_visible()
