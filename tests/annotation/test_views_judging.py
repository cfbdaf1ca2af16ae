"""The judging page without a browser: what is answered, what is said, and what is never shown."""

import re
from collections.abc import Mapping
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from annotation import queue
from annotation.models import (
    Assignment,
    AssignmentState,
    Criterion,
    Exposure,
    Judgment,
    Membership,
    Project,
    ProjectState,
    Role,
    Rubric,
    Standing,
    User,
)
from tests.cast import World, make_project, make_question

JUDGE = "/projects/advice/judge/"
HTMX = {"HX-Request": "true"}


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def hidden_fields(html: str) -> dict[str, str]:
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html))
    return {name: fields[name] for name in ("handle", "submission_key")}


def answer(
    client: Client,
    html: str,
    given: Mapping[str, str] | None = None,
    *,
    htmx: bool = True,
    url: str = JUDGE,
    **data: str,
) -> Any:
    headers = HTMX if htmx else {}
    return client.post(url, {**hidden_fields(html), **(given or {}), **data}, headers=headers)


def unescaped(reply: Any) -> str:
    return unescape(reply.content.decode())


@pytest.fixture
def ada(world: World) -> Client:
    return browser_of(world.ada)


def test_the_page_asks_one_question_with_nothing_chosen(world: World, ada: Client) -> None:
    html = ada.get(JUDGE).content.decode()
    assert "1 of 3" in html
    assert "What should I do about noise?" in html
    assert html.count('name="choice"') == 8
    assert "data-chosen" not in html
    assert "checked" not in html


def test_the_page_never_tells_who_wrote_what(world: World, ada: Client) -> None:
    for _ in range(3):
        html = ada.get(JUDGE).content.decode()
        assert not re.search(r"system-\d", html)
        for name in ("noise-0", "noise-1", "rent-0", "snow-1", "prompt-noise"):
            assert name not in html
        answer(ada, html, choice="1")


def test_an_answer_brings_the_next_question_in_the_same_reply(world: World, ada: Client) -> None:
    first = ada.get(JUDGE).content.decode()
    reply = answer(ada, first, choice="3", reason="It helps more.")
    html = reply.content.decode()
    assert reply.status_code == 200
    assert "<html" not in html
    assert 'id="task"' in html
    assert "✓ Saved" in html
    assert "2 of 3" in html
    judgment = Judgment.objects.get()
    assert judgment.reason == "It helps more."
    assert judgment.source == "browser"
    assert hidden_fields(html)["handle"] != hidden_fields(first)["handle"]


def test_strength_is_kept_in_places_not_in_screen_sides(world: World, ada: Client) -> None:
    for _ in range(3):
        answer(ada, ada.get(JUDGE).content.decode(), choice="2")
    for judgment in Judgment.objects.all():
        towards = 1 if judgment.shown_order[0] == 0 else -1
        assert judgment.payload == {"strength": 2 * towards}


def test_without_scripts_an_answer_redirects_to_the_next_question(
    world: World, ada: Client
) -> None:
    reply = answer(ada, ada.get(JUDGE).content.decode(), htmx=False, choice="0")
    assert (reply.status_code, reply["Location"]) == (302, JUDGE)
    html = ada.get(JUDGE).content.decode()
    assert "Your answer is saved." in html
    assert "2 of 3" in html


def test_a_second_click_is_the_same_judgment(world: World, ada: Client) -> None:
    first = ada.get(JUDGE).content.decode()
    assert answer(ada, first, choice="3").status_code == 200
    again = answer(ada, first, choice="3")
    assert again.status_code == 200
    assert Judgment.objects.count() == 1
    assert "2 of 3" in again.content.decode()


def test_a_question_answered_in_another_tab_says_so_and_changes_nothing(
    world: World, ada: Client
) -> None:
    one_tab, other_tab = ada.get(JUDGE).content.decode(), ada.get(JUDGE).content.decode()
    answer(ada, one_tab, choice="3")
    late = answer(ada, other_tab, choice="-3", reason="On second thoughts")
    assert late.status_code == 409
    assert "You have already answered this question, perhaps in another tab." in unescaped(late)
    assert Judgment.objects.count() == 1
    assert "2 of 3" in unescaped(late)


def test_an_answer_without_a_choice_comes_back_with_everything_typed(
    world: World, ada: Client
) -> None:
    first = ada.get(JUDGE).content.decode()
    reply = answer(ada, first, reason="My long <reason>")
    html = unescaped(reply)
    assert reply.status_code == 422
    assert "Choose which response is better" in html
    assert "My long <reason>" in html
    assert hidden_fields(reply.content.decode()) == hidden_fields(first)
    assert not Judgment.objects.exists()
    assert Exposure.objects.count() == 1


def test_a_needed_reason_is_asked_for_and_the_choice_kept(world: World, ada: Client) -> None:
    Project.objects.update(options={"reason": "required"})
    first = ada.get(JUDGE).content.decode()
    reply = answer(ada, first, htmx=False, choice="2")
    assert reply.status_code == 422
    html = unescaped(reply)
    assert "Please give your reason in a sentence" in html
    assert re.search(r'value="2"[^>]*data-chosen', html)
    assert answer(ada, first, choice="2", reason="Kinder.").status_code == 200


def test_a_tampered_page_saves_nothing_and_says_so(world: World, ada: Client) -> None:
    ada.get(JUDGE)
    for data in ({}, {"handle": "x", "submission_key": "y"}, {"handle": "0" * 32}):
        reply = ada.post(JUDGE, {"choice": "1", **data}, headers=HTMX)
        assert reply.status_code == 409
        assert "nothing was saved" in unescaped(reply)
    assert not Judgment.objects.exists()


def test_another_persons_question_cannot_be_answered(world: World, ada: Client) -> None:
    hers = ada.get(JUDGE).content.decode()
    reply = answer(browser_of(world.bob), hers, choice="1")
    assert reply.status_code == 409
    assert "This question isn't assigned to you" in unescaped(reply)
    assert not Judgment.objects.exists()


def test_a_late_answer_is_kept_but_not_counted_and_the_person_is_told(
    world: World, ada: Client
) -> None:
    Project.objects.update(overlap=1)
    world.project.questions.update(overlap=1)
    hers = ada.get(JUDGE).content.decode()
    past = timezone.now() - timedelta(hours=1)
    Assignment.objects.update(leased_at=past, lease_until=past)
    bob = browser_of(world.bob)
    answer(bob, bob.get(JUDGE).content.decode(), choice="1")
    reply = answer(ada, hers, choice="3")
    assert "Your answer is kept, but not counted" in unescaped(reply)
    assert Judgment.objects.get(annotator=world.annotator_ada).standing == Standing.PARKED


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (ProjectState.DRAFT, "hasn't opened yet"),
        (ProjectState.PAUSED, "This project is paused."),
        (ProjectState.CLOSED, "This project is closed and asks no more questions."),
    ],
)
def test_a_stopped_project_says_why_there_is_no_question(
    world: World, ada: Client, state: ProjectState, sentence: str
) -> None:
    Project.objects.update(state=state)
    html = unescaped(ada.get(JUDGE))
    assert sentence in html
    assert 'name="choice"' not in html


def test_a_project_closed_meanwhile_keeps_the_answer_and_says_so(world: World, ada: Client) -> None:
    hers = ada.get(JUDGE).content.decode()
    Project.objects.update(state=ProjectState.CLOSED)
    html = unescaped(answer(ada, hers, choice="1"))
    assert "The project stopped while you were judging. Your answer is kept" in html
    assert "asks no more questions" in html
    assert Judgment.objects.get().standing == Standing.PARKED


def test_a_paused_annotator_reads_whom_to_ask(world: World, ada: Client) -> None:
    world.annotator_ada.paused_at = timezone.now()
    world.annotator_ada.save()
    assert "has paused your judging" in unescaped(ada.get(JUDGE))


def test_after_the_last_question_the_page_says_what_was_done(world: World, ada: Client) -> None:
    for _ in range(2):
        answer(ada, ada.get(JUDGE).content.decode(), choice="0")
    html = unescaped(answer(ada, ada.get(JUDGE).content.decode(), choice="0"))
    assert "That was the last question for now" in html
    assert "You have answered 3 questions here, and all of them are saved." in html


def test_a_project_without_questions_says_so(world: World, ada: Client) -> None:
    empty = make_project("empty")
    Membership.objects.create(user=world.ada, project=empty, role=Role.ANNOTATOR)
    assert "There are no questions for you yet" in unescaped(ada.get("/projects/empty/judge/"))


def test_skipping_gives_the_question_to_others_with_a_reason(world: World, ada: Client) -> None:
    html = ada.get(JUDGE).content.decode()
    handle = hidden_fields(html)["handle"]
    reply = ada.post(f"{JUDGE}skip/", {"handle": handle, "reason": "unclear"}, headers=HTMX)
    assert reply.status_code == 200
    assert "What should I do about rent?" in unescaped(reply)
    assert "1 of 2" in unescaped(reply)
    given_back = Assignment.objects.get(public_id=handle)
    assert given_back.state == AssignmentState.RELEASED
    assert given_back.release_reason == "unclear"
    assert not Judgment.objects.exists()


def test_a_heartbeat_keeps_the_question(world: World, ada: Client) -> None:
    handle = hidden_fields(ada.get(JUDGE).content.decode())["handle"]
    soon = timezone.now() + timedelta(seconds=5)
    Assignment.objects.update(lease_until=soon)
    fields = {"handle": handle, "submission_key": "heartbeat"}
    assert ada.post(f"{JUDGE}renew/", fields).status_code == 204
    assert Assignment.objects.get().lease_until > soon + timedelta(minutes=20)
    assert browser_of(world.bob).post(f"{JUDGE}renew/", fields).status_code == 409


def test_the_previous_answer_opens_as_it_was_given(world: World, ada: Client) -> None:
    answer(ada, ada.get(JUDGE).content.decode(), choice="-2", reason="Shorter.")
    html = unescaped(ada.get(f"{JUDGE}previous/"))
    assert "This is your previous answer." in html
    assert re.search(r'value="-2"[^>]*data-chosen', html)
    assert ">Shorter.</textarea>" in html
    assert "What should I do about noise?" in html
    assert "Skip…" not in html


def test_changing_the_previous_answer_appends_and_goes_on(world: World, ada: Client) -> None:
    answer(ada, ada.get(JUDGE).content.decode(), choice="-2")
    reopened = ada.get(f"{JUDGE}previous/", headers=HTMX).content.decode()
    reply = answer(ada, reopened, url=f"{JUDGE}previous/", choice="3")
    assert reply.status_code == 200
    assert "2 of 3" in reply.content.decode()
    earlier, later = Judgment.objects.order_by("position")
    assert later.supersedes == earlier
    assert abs(later.payload["strength"]) == 3
    assert answer(ada, reopened, url=f"{JUDGE}previous/", choice="3").status_code == 200
    assert Judgment.objects.count() == 2


def test_an_incomplete_change_comes_back_with_what_was_typed(world: World, ada: Client) -> None:
    answer(ada, ada.get(JUDGE).content.decode(), choice="-2")
    reopened = ada.get(f"{JUDGE}previous/").content.decode()
    reply = answer(ada, reopened, url=f"{JUDGE}previous/", reason="Hm.")
    assert reply.status_code == 422
    assert ">Hm.</textarea>" in unescaped(reply)
    assert Judgment.objects.count() == 1


def test_without_an_earlier_answer_there_is_nothing_to_reopen(world: World, ada: Client) -> None:
    reply = ada.get(f"{JUDGE}previous/", headers=HTMX)
    assert "You have no earlier answer to change." in unescaped(reply)
    assert "1 of 3" in unescaped(reply)


def test_a_stranger_does_not_learn_that_the_project_exists(world: World) -> None:
    stranger = browser_of(world.sam)
    for path in (JUDGE, "/projects/advice/", "/projects/nowhere/judge/"):
        reply = stranger.get(path)
        assert reply.status_code == 404
        assert "Everyday advice" not in unescaped(reply)
        assert "a project you are not a member of" in unescaped(reply)


def test_a_logged_out_person_is_sent_to_the_login_and_back(world: World) -> None:
    reply = Client().get(JUDGE)
    assert (reply.status_code, reply["Location"]) == (302, f"/login/?next={JUDGE}")


def test_a_logged_out_fragment_is_refused_so_that_the_page_keeps_its_draft(world: World) -> None:
    assert Client().post(JUDGE, {}, headers=HTMX).status_code == 401


@pytest.fixture
def lists(world: World) -> Project:
    project = make_project("lists", judgment_type="checklist", overlap=1)
    Membership.objects.create(user=world.ada, project=project, role=Role.ANNOTATOR)
    rubric = Rubric.objects.create(project=project, name="Advice")
    for position, text in enumerate(("Is it kind?", "Is it true?")):
        Criterion.objects.create(
            rubric=rubric, position=position, text=text, explanation=f"About {text}"
        )
    make_question(project, "dog", candidates=2, rubric=rubric)
    return project


LISTS = "/projects/lists/judge/"


def test_a_checklist_shows_each_criterion_once_per_response(lists: Project, ada: Client) -> None:
    html = ada.get(LISTS).content.decode()
    assert html.count("Is it kind?</legend>") == 2
    assert html.count('type="radio"') == 12
    assert "checked" not in html.replace("checked-pairs", "").replace('class="checked"', "")


def test_an_incomplete_checklist_names_each_missing_line_and_keeps_the_rest(
    lists: Project, ada: Client
) -> None:
    html = ada.get(LISTS).content.decode()
    reply = answer(ada, html, {"answer-0-0": "yes", "answer-1-1": "no"}, url=LISTS)
    said = reply.content.decode()
    assert reply.status_code == 422
    assert said.count("Answer this one with yes, no or not applicable.") == 2
    assert len(re.findall(r'value="\w+"[^>]* checked', said)) == 2


def test_a_checklist_is_kept_by_place_whatever_side_was_shown(lists: Project, ada: Client) -> None:
    html = ada.get(LISTS).content.decode()
    given = {"answer-0-0": "yes", "answer-0-1": "yes", "answer-1-0": "no", "answer-1-1": "no"}
    assert answer(ada, html, given, url=LISTS).status_code == 200
    judgment = Judgment.objects.get()
    first, second = (str(position) for position in judgment.shown_order)
    assert judgment.payload["answers"][first] == {"0": "yes", "1": "yes"}
    assert judgment.payload["answers"][second] == {"0": "no", "1": "no"}


def test_a_reopened_checklist_has_its_answers_ticked(lists: Project, ada: Client) -> None:
    html = ada.get(LISTS).content.decode()
    given = {"answer-0-0": "yes", "answer-0-1": "no", "answer-1-0": "not_applicable"}
    answer(ada, html, given | {"answer-1-1": "no"}, url=LISTS)
    said = ada.get(f"{LISTS}previous/").content.decode()
    for name, value in given.items():
        assert re.search(rf'name="{name}" value="{value}"[^>]* checked', said)


def test_a_page_opened_twice_is_one_assignment_seen_twice(world: World, ada: Client) -> None:
    ada.get(JUDGE)
    ada.get(JUDGE)
    assert Assignment.objects.count() == 1
    assert Exposure.objects.count() == 2


def test_every_role_may_judge(world: World) -> None:
    olga = browser_of(world.olga)
    assert answer(olga, olga.get(JUDGE).content.decode(), choice="1").status_code == 200


def test_a_withdrawn_lease_goes_to_the_next_question(world: World, ada: Client) -> None:
    first = ada.get(JUDGE).content.decode()
    queue.release(world.annotator_ada, hidden_fields(first)["handle"], reason="elsewhere")
    reply = answer(ada, first, choice="1")
    assert reply.status_code == 200
    assert Judgment.objects.get().standing == Standing.COUNTED


def test_an_annotator_is_made_on_first_use(world: World) -> None:
    Membership.objects.create(user=world.sam, project=world.project, role=Role.ANNOTATOR)
    assert browser_of(world.sam).get(JUDGE).status_code == 200
    assert world.project.annotators.get(user=world.sam).kind == "person"
