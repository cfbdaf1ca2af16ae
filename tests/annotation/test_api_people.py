"""Coming, declaring and leaving over the API, with the same acts as the pages."""

from typing import Any

import pytest
from django.test import Client

from annotation import attempts
from annotation.models import (
    Annotator,
    Judgment,
    Membership,
    Profile,
    Role,
    Survey,
    SurveyReply,
    Withdrawal,
)
from annotation.tokens import Scope
from tests.annotation.calling import as_
from tests.cast import World, member

PROJECT = "/projects/advice"
QUESTIONS = [
    {"name": "region", "text": "Where?", "kind": "choice", "options": ["north", "south"]},
    {"name": "languages", "text": "Which?", "kind": "multi", "options": ["Polish", "German"]},
    {"name": "age", "text": "How old?", "kind": "number", "optional": False},
]


def asked(world: World, **rest: Any) -> Any:
    body = {"introduction": "Why we ask.", "required": True, "questions": QUESTIONS} | rest
    return as_(world.olga).post(f"{PROJECT}/surveys/", body)


def reply(world: World, body: dict[str, Any], version: int = 1) -> Any:
    return as_(world.ada).post(f"{PROJECT}/surveys/{version}/replies/", body)


def test_no_question_is_leased_while_a_survey_waits_and_programs_can_tell(world: World) -> None:
    ada = as_(world.ada)
    assert asked(world).status_code == 201
    refused = ada.post(f"{PROJECT}/assignments/")
    assert refused.status_code == 409
    assert refused.json()["code"] == "survey_due"
    assert "Answer them, or skip them" in refused.json()["detail"]
    (survey,) = ada.get(f"{PROJECT}/surveys/").json()["results"]
    assert survey["is_due"]
    assert [each["name"] for each in survey["questions"]] == ["region", "languages", "age"]
    assert reply(world, {"skip": True}).json() == {"profile": None}
    assert not ada.get(f"{PROJECT}/surveys/1/").json()["is_due"]
    assert ada.post(f"{PROJECT}/assignments/").status_code == 201


def test_the_next_question_after_an_answer_waits_for_a_new_survey_too(world: World) -> None:
    ada = as_(world.ada)
    leased = ada.post(f"{PROJECT}/assignments/").json()
    asked(world)
    kept = ada.post(
        f"{PROJECT}/judgments/",
        {
            "assignment": leased["id"],
            "submission_key": "12345678",
            "answer": {"choice": "1"},
            "lease_next": True,
        },
    ).json()
    assert kept["judgment"]["standing"] == "counted"
    assert (kept["next"], kept["next_code"]) == (None, "survey_due")


def test_the_page_refuses_where_the_api_does(world: World) -> None:
    asked(world)
    browser = Client()
    browser.force_login(world.ada)
    assert browser.get(f"{PROJECT}/judge/")["Location"] == f"{PROJECT}/mine/survey/"


def test_an_optional_survey_holds_nobody_up(world: World) -> None:
    asked(world, required=False)
    assert as_(world.ada).post(f"{PROJECT}/assignments/").status_code == 201


def test_answers_become_versions_of_a_profile_and_past_votes_keep_theirs(world: World) -> None:
    asked(world)
    body = {"answers": {"region": "north", "languages": ["German", "Polish"], "age": 34}}
    first = reply(world, body)
    assert first.status_code == 201, first.content
    assert first.json()["profile"]["attributes"] == {
        "region": "north",
        "languages": "Polish, German",
        "age": 34,
    }
    ada = as_(world.ada)
    leased = ada.post(f"{PROJECT}/assignments/").json()
    said = {"assignment": leased["id"], "submission_key": "12345678", "answer": {"choice": "1"}}
    ada.post(f"{PROJECT}/judgments/", said)
    second = reply(world, {"answers": {"region": None, "age": 35}})
    assert second.json()["profile"] | {"created_at": ""} == {
        "annotator": str(world.annotator_ada.public_id),
        "version": 2,
        "attributes": {"age": 35},
        "created_at": "",
    }
    profile = Judgment.objects.get().profile
    assert profile is not None
    assert profile.attributes["region"] == "north"
    mine = ada.get(f"{PROJECT}/profiles/").json()["results"]
    assert [each["version"] for each in mine] == [1, 2]
    who = str(world.annotator_ada.public_id)
    everybody = as_(world.olga).get(f"{PROJECT}/profiles/", annotator=who).json()["results"]
    assert everybody == mine
    assert as_(world.bob).get(f"{PROJECT}/profiles/").json()["results"] == []


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"region": "west", "age": 3}, "region"),
        ({"region": "north"}, "age"),
        ({"age": "old"}, "age"),
        ({"languages": ["Latin"], "age": 3}, "languages"),
        ({"shoe": 44, "age": 3}, "shoe"),
        ({"age": True}, "answers.age"),
    ],
)
def test_wrong_answers_are_named_and_nothing_is_kept(
    world: World, answers: dict[str, Any], field: str
) -> None:
    asked(world)
    refused = reply(world, {"answers": answers})
    assert refused.status_code == 400, refused.content
    assert field in refused.json()["errors"]
    assert not Profile.objects.exists()
    assert not SurveyReply.objects.exists()


def test_rather_not_saying_is_an_answer_even_where_one_is_needed(world: World) -> None:
    asked(world)
    said = reply(world, {"answers": {"age": None, "languages": None}})
    assert said.status_code == 201, said.content
    assert said.json()["profile"]["attributes"] == {}


def test_a_survey_is_versioned_and_only_the_newest_is_answered(world: World) -> None:
    asked(world)
    assert asked(world).json()["version"] == 1
    assert asked(world, questions=QUESTIONS[:1]).json()["version"] == 2
    late = reply(world, {"skip": True}, version=1)
    assert (late.status_code, late.json()["code"]) == (409, "survey_replaced")
    assert reply(world, {"answers": {"region": "south"}}, version=2).status_code == 201
    assert asked(world, questions=[]).json()["questions"] == []
    assert reply(world, {"skip": True}, version=3).status_code == 409
    assert Survey.objects.count() == 3


def test_a_survey_that_cannot_be_asked_is_refused_with_the_reason(world: World) -> None:
    twice = [QUESTIONS[0], QUESTIONS[0]]
    refused = asked(world, questions=twice)
    assert refused.status_code == 400
    assert "Two questions are called “region”" in refused.json()["detail"]
    assert as_(world.ada).post(f"{PROJECT}/surveys/", {"questions": []}).status_code == 403


def test_an_invitation_lets_somebody_in_once_and_declares_a_group(world: World) -> None:
    olga, sam = as_(world.olga), as_(world.sam)
    made = olga.post(f"{PROJECT}/invitations/", {"name": "North", "group": "north"})
    assert made.status_code == 201, made.content
    link = made.json()["link"]
    secret = link.rstrip("/").rpartition("/")[2]
    assert sam.get(f"{PROJECT}/guidelines/").status_code == 404
    joined = sam.post("/joinings/", {"secret": secret})
    assert (joined.status_code, joined.json()) == (201, {"project": "advice"})
    assert sam.post(f"{PROJECT}/assignments/").status_code == 201
    (profile,) = sam.get(f"{PROJECT}/profiles/").json()["results"]
    assert profile["attributes"] == {"group": "north"}
    (listed,) = olga.get(f"{PROJECT}/invitations/").json()["results"]
    assert (listed["uses"], listed["is_usable"]) == (1, False)
    assert secret not in str(listed)
    eve = member(world.project, "eve", Role.ANNOTATOR)
    Membership.objects.filter(user=eve).delete()
    spent = as_(eve).post("/joinings/", {"secret": secret})
    assert spent.status_code == 410
    assert "ask whoever" in spent.json()["detail"].lower()


def test_a_withdrawn_invitation_lets_nobody_in(world: World) -> None:
    olga = as_(world.olga)
    made = olga.post(f"{PROJECT}/invitations/", {"name": "Open", "most_uses": 5}).json()
    gone = olga.post(f"{PROJECT}/invitations/{made['id']}/withdraw/")
    assert gone.json()["withdrawn_at"] is not None
    secret = made["link"].rstrip("/").rpartition("/")[2]
    assert as_(world.sam).post("/joinings/", {"secret": secret}).status_code == 410
    assert as_(world.ada).get(f"{PROJECT}/invitations/").status_code == 403


def test_guessing_invitations_is_slowed_down(world: World) -> None:
    sam = as_(world.sam)
    for _ in range(attempts.INVITATION.most):
        assert sam.post("/joinings/", {"secret": "guess"}).status_code == 410
    stopped = sam.post("/joinings/", {"secret": "guess"})
    assert stopped.status_code == 429
    assert int(stopped["Retry-After"]) > 0


def test_a_token_for_one_project_joins_no_other(world: World) -> None:
    made = as_(world.olga).post(f"{PROJECT}/invitations/", {"name": "Any"}).json()
    secret = made["link"].rstrip("/").rpartition("/")[2]
    narrow = as_(world.ada, project=world.project)
    assert narrow.post("/joinings/", {"secret": secret}).status_code == 403


def test_somebody_leaves_with_their_answers_and_managers_see_it(world: World) -> None:
    ada, olga = as_(world.ada), as_(world.olga)
    leased = ada.post(f"{PROJECT}/assignments/").json()
    said = {"assignment": leased["id"], "submission_key": "12345678", "answer": {"choice": "1"}}
    ada.post(f"{PROJECT}/judgments/", said)
    assert ada.post(f"{PROJECT}/withdrawals/", {"sure": False}).status_code == 400
    assert not Withdrawal.objects.exists()
    left = ada.post(f"{PROJECT}/withdrawals/", {"sure": True})
    assert left.status_code == 201, left.content
    assert (left.json()["number"], left.json()["judgments"]) == (1, 1)
    assert ada.post(f"{PROJECT}/withdrawals/", {"sure": True}).json() == left.json()
    assert ada.post(f"{PROJECT}/assignments/").status_code == 409
    assert olga.get(f"{PROJECT}/withdrawals/").json()["results"] == [left.json()]
    assert as_(world.bob).get(f"{PROJECT}/withdrawals/").json()["results"] == []
    resumed = olga.post(f"{PROJECT}/annotators/{world.annotator_ada.public_id}/resume/")
    assert resumed.status_code == 403


def test_an_owner_gives_roles(world: World) -> None:
    olga = as_(world.olga)
    made = olga.post(f"{PROJECT}/memberships/", {"username": "sam", "role": "reviewer"})
    assert made.status_code == 201, made.content
    assert as_(world.sam).get(f"{PROJECT}/disputes/").status_code == 200
    reviewers = olga.get(f"{PROJECT}/memberships/", role="reviewer").json()["results"]
    assert [each["username"] for each in reviewers] == ["sam"]
    nobody = olga.post(f"{PROJECT}/memberships/", {"username": "nobody", "role": "manager"})
    assert nobody.status_code == 400
    owner = {"username": "olga", "role": "annotator"}
    assert olga.post(f"{PROJECT}/memberships/", owner).status_code == 403
    assert as_(world.ada).get(f"{PROJECT}/memberships/").status_code == 403


def test_an_owner_changes_what_is_asked_beside_an_answer(world: World) -> None:
    olga = as_(world.olga)
    body = {"reason": "required", "reason_words": 3, "allow_both_bad": False, "overlap": 5}
    changed = olga.client.patch(
        f"/api/v1{PROJECT}/", body, content_type="application/json", headers=olga._headers()
    )
    assert changed.status_code == 200, changed.content
    assert changed.json()["options"] == {
        "reason": "required",
        "reason_words": 3,
        "allow_both_bad": False,
    }
    assert (changed.json()["overlap"], changed.json()["name"]) == (5, "Everyday advice")
    leased = as_(world.ada).post(f"{PROJECT}/assignments/").json()
    fields = {each["name"]: each for each in leased["fields"]}
    assert fields["reason"]["required"]
    bad = next(each for each in fields["choice"]["choices"] if "bad" in each["label"].lower())
    answer = {"choice": bad["value"], "reason": "Neither says anything."}
    body = {"assignment": leased["id"], "submission_key": "12345678", "answer": answer}
    assert "choice" in as_(world.ada).post(f"{PROJECT}/judgments/", body).json()["errors"]
    wrong = olga.client.patch(
        f"/api/v1{PROJECT}/",
        {"reason_words": 99},
        content_type="application/json",
        headers=olga._headers(),
    )
    assert wrong.status_code == 400


def test_an_owner_turns_responses_into_questions(world: World) -> None:
    olga = as_(world.olga)
    world.project.questions.all().delete()
    made = olga.post(f"{PROJECT}/questions/", {"design": "all"})
    assert made.status_code == 201, made.content
    assert made.json() == {"asked": 3, "already_there": 0, "identical": 0, "too_few": 0}
    assert olga.post(f"{PROJECT}/questions/").json()["already_there"] == 3
    assert as_(world.ada).post(f"{PROJECT}/questions/").status_code == 403


def test_leaving_and_joining_need_the_right_scopes(world: World) -> None:
    reader = as_(world.ada, Scope.READ)
    assert reader.post(f"{PROJECT}/withdrawals/", {"sure": True}).status_code == 403
    assert reader.post("/joinings/", {"secret": "x"}).status_code == 403
    assert Annotator.objects.count() == 2
