"""Reviewing over the API, as on the pages; annotators get none of it."""

import pytest

from annotation.models import Adjudication, Comment, Judgment, Question, Requeue, Role, User
from annotation.tokens import Scope
from tests.annotation.calling import Caller, as_
from tests.annotation.review.test_review import answer
from tests.cast import World, make_project, make_question, member

PROJECT = "/projects/advice"


@pytest.fixture
def rita(world: World) -> User:
    return member(world.project, "rita", Role.REVIEWER)


@pytest.fixture
def disputed(world: World) -> Question:
    """Ada and Bob differ on the first question and agree on the second."""
    first = answer(world.annotator_ada, prefers=0, reason="It says what to do.")
    answer(world.annotator_bob, prefers=1)
    answer(world.annotator_ada, prefers=0)
    answer(world.annotator_bob, prefers=0)
    return first.question


def test_a_reviewer_takes_the_dispute_decides_it_and_it_leaves_the_queue(
    world: World, rita: User, disputed: Question
) -> None:
    reviewer = as_(rita)
    queue = reviewer.get(f"{PROJECT}/disputes/").json()
    assert (queue["total"], queue["next"]) == (1, None)
    (row,) = queue["results"]
    assert row == {
        "question": str(disputed.public_id),
        "disagreement": 1.0,
        "answers": 2,
        "adjudicated": False,
    }
    answers = reviewer.get(f"{PROJECT}/judgments/", question=row["question"]).json()["results"]
    body = {
        "question": row["question"],
        "winner": answers[0]["id"],
        "categories": ["misread", "slip"],
        "explanation": "Read again.",
    }
    decided = reviewer.post(f"{PROJECT}/adjudications/", body)
    assert decided.status_code == 201, decided.content
    assert decided.json()["winner"] == answers[0]["id"]
    assert decided.json()["categories"] == ["misread", "slip"]
    assert decided.json()["reviewer"] == "rita"
    assert reviewer.get(f"{PROJECT}/disputes/").json()["results"] == []
    settled = reviewer.get(f"{PROJECT}/disputes/", settled="true").json()["results"]
    assert [each["adjudicated"] for each in settled] == [True]
    again = reviewer.post(f"{PROJECT}/adjudications/", {**body, "winner": None})
    assert again.json()["winner"] is None
    kept = reviewer.get(f"{PROJECT}/adjudications/", question=row["question"]).json()["results"]
    assert [each["winner"] for each in kept] == [answers[0]["id"], None]
    assert reviewer.send("DELETE", f"{PROJECT}/adjudications/").status_code == 405


def test_disputes_of_two_people_are_theirs_alone(
    world: World, rita: User, disputed: Question
) -> None:
    pair = [str(each.public_id) for each in (world.annotator_ada, world.annotator_bob)]
    reviewer = as_(rita)
    found = reviewer.client.get(
        f"/api/v1{PROJECT}/disputes/", {"between": pair}, headers=reviewer._headers()
    )
    assert found.json()["total"] == 1
    alone = reviewer.get(f"{PROJECT}/disputes/", between=pair[0])
    assert alone.json()["total"] == 0
    for wrong in ("x", "00000000-0000-4000-8000-000000000000"):
        assert reviewer.get(f"{PROJECT}/disputes/", between=wrong).status_code == 400
    assert reviewer.get(f"{PROJECT}/disputes/", settled="perhaps").status_code == 400


def test_a_verdict_names_an_answer_to_the_question_or_is_refused(
    world: World, rita: User, disputed: Question
) -> None:
    reviewer = as_(rita)
    elsewhere = Judgment.objects.exclude(question=disputed).earliest("pk")
    body = {"question": str(disputed.public_id), "winner": str(elsewhere.public_id)}
    refused = reviewer.post(f"{PROJECT}/adjudications/", body)
    assert refused.status_code == 400
    assert "winner" in refused.json()["errors"]
    wrong = {"question": str(disputed.public_id), "winner": None, "categories": ["bored"]}
    assert reviewer.post(f"{PROJECT}/adjudications/", wrong).status_code == 400
    other = make_question(make_project("rivals"), "poaching")
    strange = {"question": str(other.public_id), "winner": None}
    assert reviewer.post(f"{PROJECT}/adjudications/", strange).status_code == 400
    assert not Adjudication.objects.exists()


def test_a_remark_calls_a_colleague_who_finds_it(
    world: World, rita: User, disputed: Question
) -> None:
    body = {"question": str(disputed.public_id), "text": "@olga what do you say? @ada doesn't see."}
    said = as_(rita).post(f"{PROJECT}/comments/", body)
    assert said.status_code == 201, said.content
    assert said.json()["mentioned"] == ["olga"]
    called = as_(world.olga).get(f"{PROJECT}/comments/", mentioned="olga").json()["results"]
    assert [each["text"] for each in called] == [body["text"]]
    assert as_(rita).post(f"{PROJECT}/comments/", {**body, "text": " "}).status_code == 400
    assert Comment.objects.count() == 1


def test_a_question_is_asked_again_with_a_reason(
    world: World, rita: User, disputed: Question
) -> None:
    body = {"question": str(disputed.public_id), "reason": "Too close.", "more": 2}
    again = as_(rita).post(f"{PROJECT}/requeues/", body)
    assert again.status_code == 201, again.content
    assert (again.json()["overlap_before"], again.json()["overlap_after"]) == (2, 4)
    disputed.refresh_from_db()
    assert (disputed.state, disputed.overlap) == ("open", 4)
    carl = as_(member(world.project, "carl", Role.ANNOTATOR))
    assert carl.post(f"{PROJECT}/assignments/").json()["question"] == str(disputed.public_id)
    assert as_(rita).post(f"{PROJECT}/requeues/", {**body, "reason": ""}).status_code == 400
    assert Requeue.objects.count() == 1


def test_the_log_is_narrowed_as_on_the_page(world: World, rita: User, disputed: Question) -> None:
    reviewer, log = as_(rita), f"{PROJECT}/judgments/"

    def found(caller: Caller, **query: str) -> int:
        response = caller.get(log, **query)
        assert response.status_code == 200, response.content
        return len(response.json()["results"])

    assert found(reviewer) == 4
    assert found(reviewer, differs="true") == 2
    assert found(reviewer, differs="false") == 2
    assert found(reviewer, has_reason="true") == 1
    assert found(reviewer, replaced="true") == 0
    assert found(reviewer, replaced="false", judgment_type="pairwise") == 4
    assert found(reviewer, since="2000-01-01T00:00:00Z", until="2001-01-01T00:00:00Z") == 0
    assert found(reviewer, since="2000-01-01T00:00:00Z") == 4


def test_an_annotator_learns_nothing_from_the_filters_about_others(
    world: World, disputed: Question
) -> None:
    ada = as_(world.ada)
    assert ada.get(f"{PROJECT}/judgments/", differs="true").json()["results"] == []
    assert len(ada.get(f"{PROJECT}/judgments/", differs="false").json()["results"]) == 2


@pytest.mark.parametrize("noun", ["adjudications", "comments", "requeues", "disputes", "team"])
def test_annotators_neither_read_nor_write_reviews(
    world: World, disputed: Question, noun: str
) -> None:
    ada = as_(world.ada)
    body = {"question": str(disputed.public_id), "winner": None, "text": "x", "reason": "x"}
    assert ada.get(f"{PROJECT}/{noun}/").status_code == 403
    assert ada.post(f"{PROJECT}/{noun}/", body).status_code in (403, 405)
    assert as_(world.sam).get(f"{PROJECT}/{noun}/").status_code == 404


def test_reviewing_needs_its_own_scope(world: World, rita: User, disputed: Question) -> None:
    body = {"question": str(disputed.public_id), "text": "Hm."}
    for scope in (Scope.READ, Scope.MANAGE, Scope.JUDGE):
        assert as_(rita, scope).post(f"{PROJECT}/comments/", body).status_code == 403
    assert as_(rita, Scope.REVIEW).post(f"{PROJECT}/comments/", body).status_code == 201


def test_lists_come_in_pages(world: World, rita: User, disputed: Question) -> None:
    reviewer = as_(rita)
    for number in range(3):
        body = {"question": str(disputed.public_id), "text": f"Remark {number}."}
        reviewer.post(f"{PROJECT}/comments/", body)
    first = reviewer.get(f"{PROJECT}/comments/", page_size=2, ordering="-created").json()
    assert [each["text"] for each in first["results"]] == ["Remark 2.", "Remark 1."]
    assert first["next"]


def test_a_reviewer_sees_how_people_answer_and_agree(
    world: World, rita: User, disputed: Question
) -> None:
    team = as_(rita).get(f"{PROJECT}/team/").json()
    by_name = {each["name"]: each for each in team["members"]}
    assert by_name["Ada"]["judgments"] == 2
    assert by_name["Ada"]["agreement"]["value"] == 0.5
    assert by_name["Ada"]["agreement"]["n"] == 2
    (pair,) = team["pairs"]
    assert {pair["one"], pair["other"]} == {
        str(world.annotator_ada.public_id),
        str(world.annotator_bob.public_id),
    }
    assert pair["agreement"]["value"] == 0.5
    progress = as_(rita).get(f"{PROJECT}/progress/").json()
    assert progress["project"]["judgments"] == 4
    assert "3 complete days" in progress["no_forecast"]
    own = as_(world.ada).get(f"{PROJECT}/progress/").json()
    assert own["own"]["answered"] == 2
    assert own["project"] is None


def test_remarks_name_rule_and_counts(world: World, rita: User) -> None:
    for number in range(25):
        make_question(world.project, f"more-{number}")
    for _ in range(20):
        judgment = answer(world.annotator_ada, prefers=0)
        assert judgment.elapsed_ms is not None
    team = as_(rita).get(f"{PROJECT}/team/").json()
    ada = next(each for each in team["members"] if each["name"] == "Ada")
    fast = next(each for each in ada["remarks"] if each["slug"] == "too_fast")
    assert fast["count"] == fast["n"] == 20
    assert "characters a second" in fast["rule"]
