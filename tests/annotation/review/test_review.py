"""Reviewing as a reviewer would: finding disputes, deciding, remarking, asking again."""

import re

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from annotation.models import (
    Adjudication,
    Annotator,
    Comment,
    Judgment,
    Question,
    QuestionState,
    Requeue,
    Role,
    User,
)
from annotation.queue import lease_next
from annotation.review import browsing, verdicts
from annotation.submission import submit
from tests.annotation.test_views_projects import PROJECT, page, post
from tests.cast import World, make_question, member


@pytest.fixture
def rita(world: World) -> User:
    return member(world.project, "rita", Role.REVIEWER)


def answer(annotator: Annotator, *, prefers: int, reason: str = "") -> Judgment:
    """Answer the next question, preferring the candidate at this position."""
    assignment = lease_next(annotator)
    assert assignment is not None
    first = assignment.shown_order[0] == prefers
    return submit(
        annotator=annotator,
        assignment_id=str(assignment.public_id),
        data={"choice": "2" if first else "-2", "reason": reason},
        submission_key=f"key-{annotator.pk}-{assignment.pk}",
    ).judgment


@pytest.fixture
def disputed(world: World) -> Question:
    """Ada and Bob differ on the first question and agree on the second."""
    first = answer(world.annotator_ada, prefers=0, reason="It says what to do.")
    answer(world.annotator_bob, prefers=1)
    answer(world.annotator_ada, prefers=0)
    answer(world.annotator_bob, prefers=0)
    return first.question


def test_a_reviewer_finds_the_dispute_first_and_decides_it(
    world: World, rita: User, disputed: Question
) -> None:
    said = page(rita, f"{PROJECT}disputes/")
    assert re.findall(r"/questions/([0-9a-f-]{36})/", said) == [str(disputed.public_id)]
    address = f"{PROJECT}questions/{disputed.public_id}/"
    shown = page(rita, address)
    assert "It says what to do." in shown
    assert "1 is better than 2" in shown
    right = disputed.judgments.get(annotator=world.annotator_ada)
    data = {"winner": str(right.public_id), "categories": "misread", "explanation": "Read again."}
    _, decided = post(rita, f"{address}verdict/", data)
    assert "Your verdict is kept." in decided
    assert "An answer misread the texts" in decided
    assert "Nothing in dispute" in page(rita, f"{PROJECT}disputes/")
    assert "Adjudicated" in page(rita, f"{PROJECT}disputes/?settled=yes")
    assert Judgment.objects.count() == 4


def test_a_later_verdict_stands_and_the_earlier_is_kept(rita: User, disputed: Question) -> None:
    winner = disputed.judgments.first()
    verdicts.adjudicate(question=disputed, reviewer=rita, winner=winner)
    later = verdicts.adjudicate(question=disputed, reviewer=rita, winner=None)
    assert verdicts.standing_verdict(disputed) == later
    assert Adjudication.objects.count() == 2
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Adjudication.objects.update(explanation="Never said.")


def test_the_winner_is_an_answer_to_this_question(
    world: World, rita: User, disputed: Question
) -> None:
    other = Judgment.objects.exclude(question=disputed).first()
    assert other is not None
    with pytest.raises(verdicts.ReviewRefused):
        verdicts.adjudicate(question=disputed, reviewer=rita, winner=other)
    with pytest.raises(IntegrityError), transaction.atomic():
        Adjudication.objects.create(question=disputed, reviewer=rita, winner=other)
    address = f"{PROJECT}questions/{disputed.public_id}/verdict/"
    assert "Nothing was decided" in post(rita, address, {"winner": str(other.public_id)})[1]


def test_a_remark_calls_reviewers_only(world: World, rita: User, disputed: Question) -> None:
    address = f"{PROJECT}questions/{disputed.public_id}/remark/"
    _, said = post(rita, address, {"text": "@olga, and @ada: is <b>this</b> clear? @nobody."})
    assert "it calls olga" in said
    client = Client()
    client.force_login(rita)
    shown = client.get(f"{PROJECT}questions/{disputed.public_id}/").content.decode()
    assert "&lt;b&gt;this&lt;/b&gt;" in shown
    made = Comment.objects.get()
    assert [each.username for each in made.mentioned.all()] == ["olga"]
    assert "Remarks that call you" in page(world.olga, f"{PROJECT}disputes/")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Comment.objects.update(text="Never said.")


def test_asking_again_opens_the_question_to_somebody_new(
    world: World, rita: User, disputed: Question
) -> None:
    disputed.refresh_from_db()
    assert disputed.state == QuestionState.ANSWERED
    address = f"{PROJECT}questions/{disputed.public_id}/again/"
    assert post(rita, address, {"more": "1", "reason": ""})[0] == 422
    _, said = post(rita, address, {"more": "1", "reason": "They read it differently."})
    assert "asked again, of 3 people in all" in said
    assert "They read it differently." in said
    disputed.refresh_from_db()
    assert (disputed.state, disputed.overlap) == (QuestionState.OPEN, 3)
    kept = Requeue.objects.get()
    assert (kept.overlap_before, kept.overlap_after) == (2, 3)
    carl = member(world.project, "carl", Role.ANNOTATOR)
    client = Client()
    client.force_login(carl)
    client.get(f"{PROJECT}judge/")
    assert disputed.assignments.filter(annotator__user=carl).exists()


def test_the_log_is_browsed_by_who_and_how_they_differ(
    world: World, rita: User, disputed: Question
) -> None:
    log = f"{PROJECT}judgments/"
    assert page(rita, log).count("<tr>") - 1 == 4
    ada = page(rita, f"{log}?annotator={world.annotator_ada.public_id}&differs=on")
    assert ada.count("<tr>") - 1 == 1
    assert "It says what to do." in ada
    assert "No such judgments" in page(rita, f"{log}?since=2001-01-01&until=2001-01-02")
    assert "can't be read" in page(rita, f"{log}?annotator=password", status=422)


def test_a_remark_about_somebody_opens_their_answers(world: World, rita: User) -> None:
    for number in range(25):
        make_question(world.project, f"more-{number}")
    for _ in range(20):
        answer(world.annotator_ada, prefers=0, reason="Fine, it says what I would say.")
    answer(world.annotator_bob, prefers=0)
    overview = page(rita, PROJECT)
    assert "Repeated reasons" in overview
    assert "Quick for the length" in overview
    log = f"{PROJECT}judgments/"
    pasted = page(rita, f"{log}?flag=pasted_reasons")
    assert pasted.count("<tr>") - 1 == 20
    assert "Bob" not in re.findall(r"<tbody>.*</tbody>", pasted, re.S)[0]
    assert page(rita, f"{log}?has_reason=on&standing=counted").count("<tr>") - 1 == 20
    assert "No such judgments" in page(rita, f"{log}?flag=one_side&judgment_type=pairwise")


def test_pages_of_the_log_follow_each_other_without_loss(
    world: World, rita: User, disputed: Question
) -> None:
    found = browsing.judgments(world.project, browsing.Wanted())
    newest, before = browsing.page(found, before=None, size=3)
    oldest, end = browsing.page(found, before=before, size=3)
    positions = [judgment.position for judgment in newest + oldest]
    assert positions == sorted(positions, reverse=True)
    assert (len(newest), len(oldest), end) == (3, 1, None)


def test_a_cell_of_the_heat_map_opens_what_the_two_differ_on(
    world: World, disputed: Question
) -> None:
    overview = page(world.olga, PROJECT)
    assert "Who agrees with whom" in overview
    cell = re.search(r'href="([^"]*disputes/\?one=[^"]+)"[^>]*>0\.50', overview)
    assert cell is not None
    opened = page(world.olga, cell[1].replace("&amp;", "&"))
    assert "Between Ada and Bob" in opened
    assert disputed.external_id in opened


def test_annotators_see_none_of_it(world: World, disputed: Question) -> None:
    of_one = f"questions/{disputed.public_id}/"
    for path in ("judgments/", "disputes/", of_one):
        said = page(world.ada, PROJECT + path, status=403)
        assert "It says what to do." not in said
    for act in ("verdict/", "remark/", "again/"):
        assert post(world.ada, PROJECT + of_one + act, {"text": "Hello."})[0] == 403
    assert Comment.objects.count() == 0


def test_reviewers_pages_name_no_system(world: World, rita: User, disputed: Question) -> None:
    for path in ("judgments/", "disputes/", f"questions/{disputed.public_id}/"):
        assert "system-" not in page(rita, PROJECT + path)
