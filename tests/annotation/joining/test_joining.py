"""Coming by a link, saying who one is, looking at one's own answers, and leaving."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from annotation import attempts, consent, invitations
from annotation.errors import NotAllowed
from annotation.models import (
    Assignment,
    Joining,
    Judgment,
    Profile,
    Project,
    Role,
    SurveyReply,
    User,
    Withdrawal,
)
from annotation.projects import set_paused
from annotation.surveys import asking
from annotation.surveys.questions import SurveyRefused
from tests.annotation.review.test_review import answer
from tests.annotation.test_views_projects import PROJECT, page, post
from tests.cast import World

NEW = {"called": "Zoë", "password": "a-long-and-odd-word-41"}


def link_of(said: str) -> str:
    found = re.search(r'value="http://testserver(/join/[^"]+)"', said)
    assert found is not None
    return found[1]


def invited(world: World, **fields: object) -> str:
    data = {"name": "Nurses", "most_uses": "1", "days": "7", "group": "nurse"} | fields
    return link_of(post(world.olga, f"{PROJECT}invitations/", data)[1])  # type: ignore[arg-type]


def test_a_stranger_comes_by_a_link_with_a_new_account(world: World) -> None:
    link = invited(world)
    client = Client()
    assert "Everyday advice" in client.get(link).content.decode()
    said = client.post(link, NEW, follow=True).content.decode()
    user = User.objects.get(username__startswith="zoe-")
    assert user.username in said
    assert "Start judging" in said
    assert world.project.memberships.get(user=user).role == Role.ANNOTATOR
    profile = world.project.annotators.get(user=user).current_profile()
    assert profile is not None
    assert profile.attributes == {"group": "nurse"}
    assert Client().post(link, NEW).status_code == 410  # it was for one person
    assert Client().login(username=user.username, password=NEW["password"])


def test_somebody_with_an_account_logs_in_and_joins_and_a_member_uses_nothing_up(
    world: World,
) -> None:
    link = invited(world)
    assert "Join" in page(world.ada, link)
    post(world.ada, link)
    assert Joining.objects.count() == 0
    assert "Start judging" in post(world.sam, link)[1]
    assert world.project.memberships.get(user=world.sam).role == Role.ANNOTATOR


def test_a_link_tells_nothing_about_accounts(world: World) -> None:
    link = invited(world, most_uses="5")
    assert Client().post(link, NEW | {"called": "ada"}).status_code == 302
    assert User.objects.filter(username__startswith="ada-").count() == 1
    assert world.ada.username == "ada"


def test_weak_passwords_are_refused_with_a_sentence(world: World) -> None:
    said = Client().post(invited(world), NEW | {"password": "password"})
    assert said.status_code == 422
    assert "too common" in said.content.decode()
    assert User.objects.count() == 4


def test_spent_links_look_alike_and_trying_many_shuts_the_door(world: World) -> None:
    over = invitations.invite(
        project=world.project, by=world.olga, name="x", now=timezone.now() - timedelta(days=30)
    ).secret
    gone = invitations.invite(project=world.project, by=world.olga, name="y")
    invitations.withdraw(gone.invitation)
    client = Client()
    said = {
        re.findall(r'role="alert"><p>([^<]+)', client.get(f"/join/{each}/").content.decode())[0]
        for each in (over, gone.secret, "never-there")
    }
    assert len(said) == 1
    for _ in range(attempts.INVITATION.most):
        client.get("/join/guess/")
    good = invited(world)
    assert client.get(good).status_code == 429


def test_only_those_who_run_the_project_invite(world: World) -> None:
    assert post(world.ada, f"{PROJECT}invitations/", {"name": "x"})[0] == 403
    assert post(world.sam, f"{PROJECT}invitations/", {"name": "x"})[0] == 404


SURVEY: list[dict[str, Any]] = [
    {"name": "age", "text": "How old are you?", "kind": "number", "optional": False},
    {
        "name": "languages",
        "text": "Which do you speak?",
        "kind": "multi",
        "options": ["English", "Swahili", "Old English"],
    },
    {"name": "work", "text": "Do you work?", "kind": "choice", "options": ["yes", "no"]},
]


def survey(world: World, *, required: bool = True) -> None:
    asking.set_survey(project=world.project, by=world.olga, items=SURVEY, required=required)


def test_a_required_survey_comes_before_judging_and_can_be_skipped(world: World) -> None:
    survey(world)
    said = page(world.ada, f"{PROJECT}mine/survey/")
    assert "Prefer not to say" in said
    client = Client()
    client.force_login(world.ada)
    assert client.get(f"{PROJECT}judge/").headers["Location"] == f"{PROJECT}mine/survey/"
    assert not Assignment.objects.exists()
    client.post(f"{PROJECT}mine/survey/", {"skip": "yes"})
    assert client.get(f"{PROJECT}judge/").status_code == 200
    assert SurveyReply.objects.get().profile is None


def test_a_survey_asked_anew_stops_somebody_in_the_middle_with_their_answer_kept(
    world: World,
) -> None:
    browser = Client(headers={"HX-Request": "true"})
    browser.force_login(world.ada)
    shown = browser.get("/projects/advice/judge/").content.decode()
    hidden = dict(re.findall(r'name="(handle|submission_key)" value="([^"]+)"', shown))
    items = [{"name": "region", "text": "Where?", "kind": "text"}]
    asking.set_survey(project=world.project, by=world.olga, items=items, required=True)
    said = browser.post("/projects/advice/judge/", hidden | {"choice": "2"}).content.decode()
    assert "a few questions about yourself before you judge" in said
    assert Judgment.objects.get().standing == "counted"
    assert browser.get("/projects/advice/judge/")["Location"].endswith("/mine/survey/")


def test_answers_are_versions_and_past_votes_keep_theirs(world: World) -> None:
    survey(world)
    address = f"{PROJECT}mine/survey/"
    status, said = post(world.ada, address, {"work": "yes"})
    assert status == 422
    assert "say that you prefer not to" in said
    data = {"age": "41", "languages": "Old English", "work": "yes"}
    post(world.ada, address, data)
    before = answer(world.annotator_ada, prefers=0)
    post(world.ada, address, {"age-private": "on", "age": "", "work": "private"})
    after = answer(world.annotator_ada, prefers=0)
    assert before.profile is not None
    assert after.profile is not None
    assert before.profile.attributes == {"age": 41, "languages": "Old English", "work": "yes"}
    assert after.profile.attributes == {}
    assert Profile.objects.filter(annotator=world.annotator_ada).count() == 2


def test_an_owner_writes_the_survey_on_its_page(world: World) -> None:
    data = {
        "item-TOTAL_FORMS": "2",
        "item-INITIAL_FORMS": "0",
        "item-0-text": "Do you cook?",
        "item-0-kind": "choice",
        "item-0-options": "often\nseldom",
        "item-1-text": "",
        "item-1-kind": "text",
        "introduction": "We ask because taste differs.",
        "required": "on",
    }
    assert "Version 1 of the survey" in post(world.olga, f"{PROJECT}survey/", data)[1]
    kept = asking.current_survey(world.project)
    assert kept is not None
    assert [question.name for question in asking.questions_of(kept)] == ["do_you_cook"]
    status, said = post(world.olga, f"{PROJECT}survey/", data | {"item-0-options": "often"})
    assert status == 422
    assert "needs 2 to" in said
    assert post(world.ada, f"{PROJECT}survey/", data)[0] == 403
    with pytest.raises(SurveyRefused):
        asking.set_survey(project=world.project, by=world.olga, items=[SURVEY[0], SURVEY[0]])


def test_my_page_shows_my_answers_and_nobody_elses(world: World) -> None:
    answer(world.annotator_ada, prefers=0, reason="Mine.")
    answer(world.annotator_bob, prefers=1, reason="Not hers.")
    said = page(world.ada, f"{PROJECT}mine/")
    assert "Mine." in said
    assert re.search(r"[AB] is better than [AB]", said)
    for hidden in ("Not hers.", "Bob", "bob", "system-"):
        assert hidden not in said


def test_any_of_my_answers_can_be_reopened_and_changed(world: World) -> None:
    first = answer(world.annotator_ada, prefers=0, reason="The first.")
    answer(world.annotator_ada, prefers=0, reason="The second.")
    reopened = page(world.ada, f"{PROJECT}judge/previous/?answer={first.public_id}")
    assert "The first." in reopened
    assert "The second." not in reopened
    foreign = answer(world.annotator_bob, prefers=0, reason="Bob's.")
    client = Client()
    client.force_login(world.ada)
    refused = client.get(f"{PROJECT}judge/previous/?answer={foreign.public_id}", follow=True)
    assert "Bob's." not in refused.content.decode()
    data = {"handle": str(first.public_id), "submission_key": "k" * 12, "choice": "0"}
    client.post(f"{PROJECT}judge/previous/", data)
    assert Judgment.objects.get(supersedes=first).payload["strength"] == 0


def test_withdrawing_needs_a_yes_and_is_for_good(world: World) -> None:
    answer(world.annotator_ada, prefers=0)
    page(world.ada, f"{PROJECT}judge/")
    address = f"{PROJECT}mine/withdraw/"
    assert post(world.ada, address, {})[0] == 422
    assert Withdrawal.objects.count() == 0
    assert "You have withdrawn" in post(world.ada, address, {"sure": "on"})[1]
    post(world.ada, address, {"sure": "on"})
    kept = Withdrawal.objects.get()
    assert (kept.number, kept.judgments) == (1, 1)
    assert not Assignment.objects.filter(annotator=world.annotator_ada, state="live").exists()
    assert "has paused your judging" in page(world.ada, f"{PROJECT}judge/")
    with pytest.raises(NotAllowed):
        set_paused(annotator=world.annotator_ada, paused=False)
    assert "Withdrawn" in page(world.olga, PROJECT)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Withdrawal.objects.update(judgments=0)


def test_withdrawals_are_numbered_in_each_project(world: World) -> None:
    assert consent.withdrawals(world.project) == 0
    consent.withdraw(world.annotator_bob)
    consent.withdraw(world.annotator_ada)
    assert consent.withdrawn(world.project, first=1) == [world.annotator_bob.pk]
    other = Project.objects.create(slug="other", name="Other")
    assert consent.withdrawals(other) == 0
