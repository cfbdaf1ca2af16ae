"""What the database itself refuses, whoever writes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    Candidate,
    Criterion,
    Guideline,
    Judgment,
    Measurement,
    Membership,
    Placement,
    Profile,
    Project,
    Question,
    Role,
    Rubric,
)
from tests.cast import World, make_question


def judgment(world: World, **fields: object) -> Judgment:
    defaults: dict[str, object] = {
        "question": world.questions[0],
        "annotator": world.annotator_ada,
        "judgment_type": "pairwise",
        "payload": {"strength": 1},
        "submission_key": "k",
        "source": "browser",
        "created_at": timezone.now(),
    }
    return Judgment.objects.create(**(defaults | fields))


def candidate(world: World) -> Candidate:
    return Candidate.objects.filter(prompt=world.questions[0].prompt).earliest("pk")


def placement(world: World) -> Placement:
    return Placement.objects.filter(question=world.questions[0]).earliest("position")


REFUSED: dict[str, Callable[[World], object]] = {
    "one_membership_per_user_and_project": lambda w: Membership.objects.create(
        user=w.ada, project=w.project, role=Role.OWNER
    ),
    "membership_role_is_known": lambda w: Membership.objects.create(
        user=w.sam, project=w.project, role="emperor"
    ),
    "one_annotator_per_user_and_project": lambda w: Annotator.objects.create(
        project=w.project, user=w.ada, kind=AnnotatorKind.PERSON, external_id="again"
    ),
    "one_annotator_per_external_id": lambda w: Annotator.objects.create(
        project=w.project, kind=AnnotatorKind.PERSON, external_id="person-ada"
    ),
    "only_a_person_has_an_account": lambda w: Annotator.objects.create(
        project=w.project, user=w.sam, kind=AnnotatorKind.MODEL, external_id="judge"
    ),
    "one_placement_per_question_and_position": lambda w: Placement.objects.create(
        question=w.questions[0], candidate=candidate(w), position=0
    ),
    "one_placement_per_question_and_candidate": lambda w: Placement.objects.create(
        question=w.questions[0], candidate=placement(w).candidate, position=9
    ),
    "judgment_confidence_between_zero_and_one": lambda w: judgment(w, confidence=1.5),
    "judgment_elapsed_not_negative": lambda w: judgment(w, elapsed_ms=-1),
    "judgment_standing_is_known": lambda w: judgment(w, standing="maybe"),
    "measurement_is_a_number_or_a_vector": lambda w: Measurement.objects.create(
        candidate=candidate(w), name="reward", number=1.0, vector=[1.0]
    ),
    "project_overlap_at_least_one": lambda w: Project.objects.filter(pk=w.project.pk).update(
        overlap=0
    ),
    "project_state_is_known": lambda w: Project.objects.filter(pk=w.project.pk).update(state="odd"),
    "one_question_per_external_id": lambda w: w.project.questions.filter(external_id="rent").update(
        external_id="noise"
    ),
    "assignment_ended_iff_not_live": lambda w: Assignment.objects.create(
        question=w.questions[0],
        annotator=w.annotator_ada,
        state="released",
        shown_order=[0, 1],
        leased_at=timezone.now(),
        lease_until=timezone.now() + timedelta(hours=1),
    ),
}


@pytest.mark.parametrize("constraint", sorted(REFUSED))
def test_the_database_refuses_by_name(world: World, constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        REFUSED[constraint](world)


def test_a_submission_key_is_used_once(world: World) -> None:
    judgment(world)
    with pytest.raises(IntegrityError, match="submission_key"), transaction.atomic():
        judgment(world, question=world.questions[1])


def test_a_judgment_is_superseded_at_most_once(world: World) -> None:
    first = judgment(world)
    judgment(world, submission_key="2", supersedes=first)
    with pytest.raises(IntegrityError, match="supersedes"), transaction.atomic():
        judgment(world, submission_key="3", supersedes=first)


def test_a_judgment_belongs_to_its_assignments_question(world: World) -> None:
    assignment = Assignment.objects.create(
        question=world.questions[1],
        annotator=world.annotator_ada,
        shown_order=[0, 1],
        leased_at=timezone.now(),
        lease_until=timezone.now() + timedelta(hours=1),
    )
    with pytest.raises(IntegrityError, match="of its assignment"), transaction.atomic():
        judgment(world, assignment=assignment)


def test_judgments_outlive_the_wish_to_delete_their_project(world: World) -> None:
    judgment(world)
    with pytest.raises(IntegrityError), transaction.atomic():
        world.project.delete()
    assert Judgment.objects.count() == 1


def test_a_used_rubric_cannot_change(world: World) -> None:
    rubric = Rubric.objects.create(project=world.project, name="basics")
    criterion = Criterion.objects.create(rubric=rubric, position=0, text="Polite?")
    make_question(world.project, "list", judgment_type="checklist", rubric=rubric)
    rubric.refresh_from_db()
    assert rubric.frozen_at is not None
    changes: list[Callable[[], object]] = [
        lambda: Criterion.objects.filter(pk=criterion.pk).update(text="Rude?"),
        lambda: criterion.delete(),
        lambda: Criterion.objects.create(rubric=rubric, position=1, text="One more?"),
    ]
    for change in changes:
        with pytest.raises(DatabaseError, match="criteria are frozen"), transaction.atomic():
            change()


def test_what_was_declared_or_asked_is_never_rewritten(world: World) -> None:
    profile = Profile.objects.create(annotator=world.annotator_ada, version=1, attributes={})
    guideline = Guideline.objects.create(project=world.project, version=1, text="t", html="t")
    for row, change in ((profile, {"attributes": {"age": 9}}), (guideline, {"text": "other"})):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            type(row)._default_manager.filter(pk=row.pk).update(**change)


def test_questions_without_judgments_go_with_their_project(world: World) -> None:
    world.project.delete()
    assert not Question.objects.exists()
