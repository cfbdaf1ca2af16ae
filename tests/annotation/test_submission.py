"""What happens to an answer: kept once, counted or parked, never dropped."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from annotation import queue
from annotation.errors import (
    AlreadyAnswered,
    InvalidAnswer,
    InvalidPayload,
    KeyReused,
    NotYourAssignment,
)
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    Criterion,
    Judgment,
    Profile,
    ProjectState,
    Question,
    QuestionState,
    Rubric,
    Standing,
)
from annotation.submission import Submission, record, submit
from tests.cast import World, make_question

HOUR = timedelta(hours=1)


def lease(annotator: Annotator, now: datetime | None = None) -> Assignment:
    assignment = queue.lease_next(annotator, now=now)
    assert assignment is not None
    return assignment


def answer(
    annotator: Annotator,
    assignment: Assignment,
    choice: str = "2",
    key: str = "k",
    *,
    reason: str = "",
    now: datetime | None = None,
) -> Submission:
    return submit(
        annotator=annotator,
        assignment_id=str(assignment.public_id),
        data={"choice": choice, "reason": reason},
        submission_key=key,
        now=now,
    )


def test_the_payload_speaks_of_places_not_of_sides(world: World) -> None:
    assignment = lease(world.annotator_ada)
    Assignment.objects.filter(pk=assignment.pk).update(shown_order=[1, 0])
    kept = answer(world.annotator_ada, assignment, "2").judgment
    assert kept.payload == {"strength": -2}
    assert kept.shown_order == [1, 0]


def test_a_second_click_is_the_same_judgment(world: World) -> None:
    assignment = lease(world.annotator_ada)
    first = answer(world.annotator_ada, assignment)
    second = answer(world.annotator_ada, assignment)
    assert second.repeated
    assert second.judgment == first.judgment
    assert Judgment.objects.count() == 1


def test_a_second_tab_is_told_that_the_first_answer_stands(world: World) -> None:
    assignment = lease(world.annotator_ada)
    answer(world.annotator_ada, assignment, "2", key="first tab")
    with pytest.raises(AlreadyAnswered, match="first answer is kept"):
        answer(world.annotator_ada, assignment, "-2", key="second tab")
    assert [judgment.submission_key for judgment in Judgment.objects.all()] == ["first tab"]


def test_a_key_of_another_answer_is_refused(world: World) -> None:
    answer(world.annotator_ada, lease(world.annotator_ada), key="k")
    with pytest.raises(KeyReused):
        answer(world.annotator_ada, lease(world.annotator_ada), key="k")
    assert Judgment.objects.count() == 1


def test_somebody_elses_assignment_saves_nothing(world: World) -> None:
    assignment = lease(world.annotator_ada)
    with pytest.raises(NotYourAssignment):
        answer(world.annotator_bob, assignment)
    assert not Judgment.objects.exists()


def test_an_invalid_answer_says_why_and_saves_nothing(world: World) -> None:
    assignment = lease(world.annotator_ada)
    with pytest.raises(InvalidAnswer, match="isn't one of the choices"):
        answer(world.annotator_ada, assignment, "17")
    assert not Judgment.objects.exists()


def test_a_question_with_all_its_answers_is_answered(world: World) -> None:
    for annotator in (world.annotator_ada, world.annotator_bob):
        answer(annotator, lease(annotator), key=annotator.external_id)
    world.questions[0].refresh_from_db()
    assert world.questions[0].state == QuestionState.ANSWERED


def test_a_late_answer_counts_while_its_seat_is_free(world: World) -> None:
    now = timezone.now()
    assignment = lease(world.annotator_ada, now=now)
    late = answer(world.annotator_ada, assignment, now=now + HOUR)
    assert late.judgment.standing == Standing.COUNTED
    assert late.notice == ""


def test_a_late_answer_is_parked_when_its_seat_is_taken(world: World) -> None:
    Question.objects.update(overlap=1)
    now = timezone.now()
    assignment = lease(world.annotator_ada, now=now)
    taken = lease(world.annotator_bob, now=now + HOUR)
    assert taken.question == assignment.question
    late = answer(world.annotator_ada, assignment, now=now + HOUR)
    assert late.judgment.standing == Standing.PARKED
    assert "Your answer is kept" in late.notice
    assert (
        answer(world.annotator_bob, taken, key="other", now=now + HOUR).judgment.standing
        == Standing.COUNTED
    )


def test_an_answer_to_a_project_closed_meanwhile_is_kept_and_parked(world: World) -> None:
    assignment = lease(world.annotator_ada)
    world.project.state = ProjectState.CLOSED
    world.project.save()
    late = answer(world.annotator_ada, assignment)
    assert late.judgment.standing == Standing.PARKED
    assert "The project stopped" in late.notice


def test_an_answer_after_a_skip_in_another_tab_still_counts(world: World) -> None:
    assignment = lease(world.annotator_ada)
    queue.release(world.annotator_ada, str(assignment.public_id))
    assert answer(world.annotator_ada, assignment).judgment.standing == Standing.COUNTED


def test_a_required_reason_is_asked_for(world: World) -> None:
    world.project.options = {"reason": "required"}
    world.project.save()
    assignment = lease(world.annotator_ada)
    with pytest.raises(InvalidAnswer, match="give your reason"):
        answer(world.annotator_ada, assignment)
    kept = answer(world.annotator_ada, assignment, reason=" It is kinder. ").judgment
    assert kept.reason == "It is kinder."


def test_time_never_runs_backwards(world: World) -> None:
    now = timezone.now()
    assignment = lease(world.annotator_ada, now=now)
    kept = answer(world.annotator_ada, assignment, now=now - HOUR).judgment
    assert kept.elapsed_ms == 0


def test_a_judgment_keeps_the_profile_of_its_time(world: World) -> None:
    before = Profile.objects.create(
        annotator=world.annotator_ada, version=1, attributes={"age": "30s"}
    )
    kept = answer(world.annotator_ada, lease(world.annotator_ada)).judgment
    Profile.objects.create(annotator=world.annotator_ada, version=2, attributes={"age": "40s"})
    kept.refresh_from_db()
    assert kept.profile == before


def test_a_checklist_is_kept_by_place_and_criterion(world: World) -> None:
    rubric = Rubric.objects.create(project=world.project, name="basics")
    for position, text in enumerate(("Polite?", "Correct?")):
        Criterion.objects.create(rubric=rubric, position=position, text=text)
    Question.objects.update(state=QuestionState.WITHDRAWN)
    make_question(world.project, "list", candidates=2, judgment_type="checklist", rubric=rubric)
    assignment = lease(world.annotator_ada)
    Assignment.objects.filter(pk=assignment.pk).update(shown_order=[1, 0])
    kept = submit(
        annotator=world.annotator_ada,
        assignment_id=str(assignment.public_id),
        data={
            "answer-0-0": "yes",
            "answer-0-1": "no",
            "answer-1-0": "not_applicable",
            "answer-1-1": "yes",
        },
        submission_key="list",
    ).judgment
    assert kept.payload == {
        "answers": {"0": {"0": "not_applicable", "1": "yes"}, "1": {"0": "yes", "1": "no"}}
    }


@pytest.fixture
def judge(world: World) -> Annotator:
    return Annotator.objects.create(
        project=world.project, kind=AnnotatorKind.MODEL, external_id="judge"
    )


def test_a_models_judgment_is_kept_once_and_takes_no_seat(world: World, judge: Annotator) -> None:
    Question.objects.update(overlap=1)
    for repeated in (False, True):
        kept = record(
            question=world.questions[0],
            annotator=judge,
            payload={"strength": 1},
            submission_key="call 1",
            source="model",
        )
        assert kept.repeated is repeated
    assert lease(world.annotator_ada).question == world.questions[0]


def test_a_payload_that_no_form_could_give_is_refused(world: World, judge: Annotator) -> None:
    for payload in ({"strength": 4}, {"strength": True}, {"strength": 1, "both_bad": True}, {}):
        with pytest.raises(InvalidPayload):
            record(
                question=world.questions[0],
                annotator=judge,
                payload=payload,
                submission_key="bad",
                source="model",
            )
    assert not Judgment.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda judgment: Judgment.objects.filter(pk=judgment.pk).update(reason="changed"),
        lambda judgment: Judgment.objects.filter(pk=judgment.pk).delete(),
        lambda judgment: judgment.save(),
    ],
)
def test_the_database_refuses_to_change_a_judgment(world: World, change: object) -> None:
    kept = answer(world.annotator_ada, lease(world.annotator_ada)).judgment
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change(kept)  # type: ignore[operator]
    assert Judgment.objects.count() == 1


def test_a_judgment_may_only_supersede_its_own_earlier_one(world: World) -> None:
    kept = answer(world.annotator_ada, lease(world.annotator_ada)).judgment
    with pytest.raises(DatabaseError, match="same annotator"), transaction.atomic():
        Judgment.objects.create(
            question=kept.question,
            annotator=world.annotator_bob,
            judgment_type="pairwise",
            payload={"strength": 0},
            submission_key="forged",
            supersedes=kept,
            source="browser",
            created_at=timezone.now(),
        )
