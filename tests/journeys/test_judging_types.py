"""Rewriting, critique, ratings, ranking and steps in a real browser, as a person gives them."""

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from annotation.models import (
    Candidate,
    Criterion,
    Judgment,
    Membership,
    Placement,
    Project,
    Question,
    Role,
    Rubric,
)
from annotation.rendering import render_markdown
from tests.cast import World, make_project, make_question
from tests.journeys.conftest import OpenPage

pytestmark = pytest.mark.browser

TEXT = "The dog barks. 👩‍🔬 It is night.\r\nAsk them kindly."


def heading(page: Page, words: str) -> None:
    expect(page.locator("#question-heading")).to_contain_text(words)


def project_of(
    world: World, kind: str, *criteria: Mapping[str, Any], candidates: int = 1, text: str = TEXT
) -> Project:
    """A project of this type with two questions, and Ada to answer them."""
    project = make_project(kind, judgment_type=kind, overlap=1)
    Membership.objects.create(user=world.ada, project=project, role=Role.ANNOTATOR)
    rubric = Rubric.objects.create(project=project, name="Criteria")
    for position, fields in enumerate(criteria):
        Criterion.objects.create(rubric=rubric, position=position, **fields)
    for name in ("dog", "cat"):
        make_question(project, name, candidates=candidates, rubric=rubric if criteria else None)
    Candidate.objects.filter(prompt__project=project, external_id__endswith="-0").update(
        text=text, html=render_markdown(text)
    )
    return project


def test_a_rewrite_shows_its_changes_while_it_is_written(
    lived_in: World, open_page: OpenPage
) -> None:
    project_of(lived_in, "rewrite", text="Just shout at the dog.")
    page = open_page(lived_in.ada, "/projects/rewrite/judge/")
    changes = page.locator("[data-changes]")
    expect(changes).to_have_text("Nothing changed yet.")
    page.keyboard.press("w")
    page.keyboard.press("Control+a")
    page.keyboard.type("Just talk to the dog.")
    expect(changes.locator("del")).to_have_count(1)
    expect(changes.locator("del")).to_have_text("shout at")
    expect(changes.locator("ins")).to_have_text("talk to")
    expect(page.locator("[data-save-state]")).to_have_text("Draft kept on this device")
    page.goto("/")
    page.goto("/projects/rewrite/judge/")  # the tab was closed; the draft is back, changes and all
    expect(page.locator("[data-editor]")).to_have_value("Just talk to the dog.")
    expect(changes.locator("ins")).to_have_text("talk to")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    heading(page, "2 of 2")
    assert Judgment.objects.get().payload["text"] == "Just talk to the dog."


def test_an_unchanged_rewrite_is_refused_in_a_sentence(
    lived_in: World, open_page: OpenPage
) -> None:
    project_of(lived_in, "rewrite")
    page = open_page(lived_in.ada, "/projects/rewrite/judge/")
    page.keyboard.press("Enter")
    expect(page.locator("[data-error]")).to_contain_text("the same as the response")
    assert not Judgment.objects.exists()


PROBLEMS = ({"text": "Factual error"}, {"text": "Unclear"})


def test_problems_are_marked_by_keyboard_alone(lived_in: World, open_page: OpenPage) -> None:
    project_of(lived_in, "critique", *PROBLEMS)
    page = open_page(lived_in.ada, "/projects/critique/judge/")
    page.locator("[data-canonical]").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "2", "w"):  # “dog barks”
        page.keyboard.press(key)
    for key in ("ArrowDown", "1", "q"):  # then the sentence after it
        page.keyboard.press(key)
    expect(page.locator("[data-marks] li")).to_have_count(2)
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "Shift+ArrowDown", "2", "e"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    heading(page, "2 of 2")
    found = Judgment.objects.get().payload["problems"]
    assert [(each["quote"], each["category"], each["severity"]) for each in found] == [
        ("dog barks", 1, 2),
        ("👩‍🔬 It is night.", 0, 1),
        ("Ask them kindly.", 1, 3),
    ]
    assert all(TEXT[each["start"] : each["end"]] == each["quote"] for each in found)


def test_problems_are_marked_by_mouse_overlap_and_can_be_removed(
    lived_in: World, open_page: OpenPage
) -> None:
    project_of(lived_in, "critique", *PROBLEMS)
    page = open_page(lived_in.ada, "/projects/critique/judge/")
    word = page.locator("[data-w]")
    for first, last in ((0, 2), (1, 1), (2, 4)):
        word.nth(first).click()
        word.nth(last).click(modifiers=["Shift"])
        page.get_by_role("button", name="Unclear").click()
        page.get_by_role("button", name="Serious").click()
    page.get_by_role("button", name="Remove: dog", exact=True).click()
    expect(page.locator("[data-marks] li")).to_have_count(2)
    page.locator("[data-submit]").click()
    heading(page, "2 of 2")
    spans = [(each["start"], each["end"]) for each in Judgment.objects.get().payload["problems"]]
    assert spans[0][1] > spans[1][0]


def test_nothing_wrong_is_said_not_assumed(lived_in: World, open_page: OpenPage) -> None:
    project_of(lived_in, "critique", *PROBLEMS)
    page = open_page(lived_in.ada, "/projects/critique/judge/")
    page.keyboard.press("Enter")
    expect(page.locator("[data-error]")).to_contain_text("say that nothing is wrong")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    heading(page, "2 of 2")
    assert Judgment.objects.get().payload["problems"] == []


def test_problems_can_be_told_without_javascript(lived_in: World, open_page: OpenPage) -> None:
    project_of(lived_in, "critique", *PROBLEMS)
    page = open_page(lived_in.ada, "/projects/critique/judge/", java_script_enabled=False)
    page.locator("[name=quote-0]").fill("barks")
    page.locator("[name=category-0]").select_option("1")
    page.locator("[name=severity-0]").select_option("3")
    page.locator("[data-submit]").click()
    heading(page, "2 of 2")
    assert Judgment.objects.get().payload["problems"][0]["start"] == TEXT.index("barks")


def test_what_is_needed_is_asked_for_after_the_choice(lived_in: World, open_page: OpenPage) -> None:
    options = {"reason": "required", "confidence": "required", "prediction": "required"}
    Project.objects.update(options=options)
    page = open_page(lived_in.ada, "/projects/advice/judge/")
    page.keyboard.press("2")
    page.keyboard.type("Kinder.")
    page.keyboard.press("Enter")
    page.locator("[name=confidence]").first.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("[name=others]")).to_be_focused()
    page.keyboard.type("70")
    page.keyboard.press("Enter")
    heading(page, "2 of 3")
    judgment = Judgment.objects.get()
    assert (judgment.confidence, judgment.prediction) == (0.25, {"same": 0.7})


def test_looking_back_shows_what_came_of_it_and_asks_again(
    lived_in: World, open_page: OpenPage
) -> None:
    Project.objects.update(options={"hindsight": True})
    Placement.objects.filter(position=1).update(consequence="They moved out.")
    page = open_page(lived_in.ada, "/projects/advice/judge/")
    page.keyboard.press("1")
    heading(page, "Looking back")
    expect(page.get_by_text("They moved out.")).to_be_visible()
    expect(page.locator("[data-chosen]")).to_have_count(0)
    page.keyboard.press("6")
    heading(page, "2 of 3")
    assert list(Judgment.objects.order_by("position").values_list("phase", flat=True)) == [1, 2]


def test_differing_words_are_marked_and_unmarked(lived_in: World, open_page: OpenPage) -> None:
    texts = {0: "Ask **them kindly** today.", 1: "Ask **them firmly** today, please."}
    for question in Question.objects.filter(project=lived_in.project):
        for placement in question.placements.all():
            html = render_markdown(texts[placement.position])
            Candidate.objects.filter(pk=placement.candidate_id).update(html=html)
    page = open_page(lived_in.ada, "/projects/advice/judge/")
    before = page.locator(".responses").inner_html()
    page.keyboard.press("d")
    marked = sorted(page.locator("mark.only").all_text_contents())
    assert marked == [",", "firmly", "kindly", "please"]
    expect(page.locator("strong mark.only")).to_have_count(2)
    page.keyboard.press("d")
    assert page.locator(".responses").inner_html() == before


def test_long_answers_are_folded_until_asked_for(lived_in: World, open_page: OpenPage) -> None:
    Candidate.objects.update(html="<p>one line</p>" * 300)
    page = open_page(lived_in.ada, "/projects/advice/judge/")
    expect(page.get_by_role("button", name="Show all (600 words)")).to_have_count(2)
    page.keyboard.press("f")
    expect(page.locator(".folded")).to_have_count(0)
    page.keyboard.press("4")
    heading(page, "2 of 3")


HUNDRED = {"low": 0, "high": 100, "labels": {"0": "Bad", "100": "Good"}}
SCALES = (
    {"text": "Helpful?", "kind": "scale", "anchors": HUNDRED},
    {"text": "Correct?", "kind": "scale", "anchors": {"low": 0, "high": 4}},
)


def test_a_slider_has_no_value_until_touched(lived_in: World, open_page: OpenPage) -> None:
    project_of(lived_in, "rating", *SCALES)
    page = open_page(lived_in.ada, "/projects/rating/judge/")
    page.locator("[data-submit]").click()
    expect(page.locator("[data-error]")).to_have_count(2)
    expect(page.locator("[data-range]")).to_have_attribute("data-untouched", "")
    page.locator("[data-range]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-number]")).to_have_value("51")
    page.locator("[data-number]").fill("62")
    page.keyboard.press("Enter")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    heading(page, "2 of 2")
    assert Judgment.objects.get().payload["ratings"]["0"] == {"0": 62, "1": 3}


def test_a_ranking_is_dragged_or_typed(lived_in: World, open_page: OpenPage) -> None:
    project_of(lived_in, "ranking", candidates=3)
    page = open_page(lived_in.ada, "/projects/ranking/judge/")
    expect(page.locator(".tray [data-chip]")).to_have_count(3)
    page.locator("[data-chip=C]").drag_to(page.locator("[data-rank='1']"))
    expect(page.locator("[data-rank='1'] [data-chip=C]")).to_be_visible()
    page.keyboard.press("2")  # the first that has no place yet: A
    page.keyboard.press("2")  # and B, a tie
    page.keyboard.press("Enter")
    heading(page, "2 of 2")
    judgment = Judgment.objects.get()
    shown = judgment.shown_order
    assert judgment.payload["tiers"] == [[shown[2]], sorted(shown[:2])]


def test_a_ranking_by_buttons_without_scripts_is_refused_until_everything_has_a_place(
    lived_in: World, open_page: OpenPage
) -> None:
    project_of(lived_in, "ranking", candidates=3)
    page = open_page(lived_in.ada, "/projects/ranking/judge/", java_script_enabled=False)
    page.get_by_role("group", name="Rank of B").locator("label").nth(0).click()
    page.get_by_role("group", name="Rank of A").locator("label").nth(1).click()
    page.get_by_role("button", name="Submit and next").click()
    expect(page.locator(".criterion-error")).to_have_count(1)
    expect(page.locator(".rank", has=page.locator(".criterion-error"))).to_contain_text("Rank of C")
    assert not Judgment.objects.exists()
    page.get_by_role("group", name="Rank of C").locator("label").nth(2).click()
    page.get_by_role("button", name="Submit and next").click()
    heading(page, "2 of 2")
    judgment = Judgment.objects.get()
    assert judgment.shown_order is not None
    a, b, c = judgment.shown_order
    assert judgment.payload["tiers"] == [[b], [a], [c]]


def test_the_best_of_several_is_one_key(lived_in: World, open_page: OpenPage) -> None:
    project = project_of(lived_in, "ranking", candidates=3)
    Project.objects.filter(pk=project.pk).update(options={"top": 1})
    page = open_page(lived_in.ada, "/projects/ranking/judge/")
    page.keyboard.press("3")
    heading(page, "2 of 2")
    judgment = Judgment.objects.get()
    assert judgment.shown_order is not None
    assert judgment.payload == {"tiers": [[judgment.shown_order[2]]], "of": 3}


def test_criteria_can_be_compared_beside_the_preference(
    lived_in: World, open_page: OpenPage
) -> None:
    project_of(lived_in, "pairwise", {"text": "Kinder?"}, {"text": "Clearer?"}, candidates=2)
    page = open_page(lived_in.ada, "/projects/pairwise/judge/")
    for key in ("a", "=", "2"):
        page.keyboard.press(key)
    heading(page, "2 of 2")
    judgment = Judgment.objects.get()
    sign = 1 if judgment.shown_order[0] == 0 else -1
    assert judgment.payload == {"strength": 2 * sign, "criteria": {"0": sign, "1": 0}}
