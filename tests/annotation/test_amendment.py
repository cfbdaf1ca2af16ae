"""Changing one's mind appends; the earlier answer stays in the log."""

import pytest

from annotation import queue
from annotation.amendment import amend, latest_of
from annotation.errors import AmendmentRefused, InvalidAnswer
from annotation.models import Judgment, ProjectState, Question, QuestionState, Standing
from annotation.submission import submit
from tests.cast import World


@pytest.fixture
def earlier(world: World) -> Judgment:
    assignment = queue.lease_next(world.annotator_ada)
    assert assignment is not None
    return submit(
        annotator=world.annotator_ada,
        assignment_id=str(assignment.public_id),
        data={"choice": "3"},
        submission_key="first",
    ).judgment


def change(world: World, earlier: Judgment, choice: str, key: str) -> Judgment:
    return amend(
        annotator=world.annotator_ada,
        judgment_id=str(earlier.public_id),
        data={"choice": choice},
        submission_key=key,
    ).judgment


def test_the_later_answer_counts_and_the_earlier_is_kept(world: World, earlier: Judgment) -> None:
    later = change(world, earlier, "-1", "second")
    assert list(Judgment.objects.counted()) == [later]
    assert later.supersedes == earlier
    assert later.shown_order == earlier.shown_order
    assert later.payload["strength"] * earlier.payload["strength"] < 0
    assert Judgment.objects.count() == 2


def test_a_second_click_is_the_same_amendment(world: World, earlier: Judgment) -> None:
    assert change(world, earlier, "-1", "second") == change(world, earlier, "-1", "second")
    assert Judgment.objects.count() == 2


def test_an_amended_answer_can_only_be_amended_through_its_latest(
    world: World, earlier: Judgment
) -> None:
    later = change(world, earlier, "-1", "second")
    with pytest.raises(AmendmentRefused, match="the later one stands"):
        change(world, earlier, "0", "third")
    assert change(world, later, "0", "third").payload["strength"] == 0


def test_the_newest_standing_answer_is_the_one_to_reopen(world: World, earlier: Judgment) -> None:
    later = change(world, earlier, "-1", "second")
    assert latest_of(world.annotator_ada) == later
    assert latest_of(world.annotator_bob) is None


def test_nobody_changes_anothers_answer(world: World, earlier: Judgment) -> None:
    with pytest.raises(AmendmentRefused, match="no such answer of yours"):
        amend(
            annotator=world.annotator_bob,
            judgment_id=str(earlier.public_id),
            data={"choice": "0"},
            submission_key="forged",
        )
    assert Judgment.objects.count() == 1


def test_an_invalid_amendment_changes_nothing(world: World, earlier: Judgment) -> None:
    with pytest.raises(InvalidAnswer):
        change(world, earlier, "9", "second")
    assert Judgment.objects.count() == 1


def test_a_closed_project_keeps_the_earlier_answer(world: World, earlier: Judgment) -> None:
    world.project.state = ProjectState.CLOSED
    world.project.save()
    world.annotator_ada.refresh_from_db()
    with pytest.raises(AmendmentRefused, match="earlier answer stands unchanged"):
        change(world, earlier, "0", "second")


def test_an_amendment_takes_no_second_seat(world: World, earlier: Judgment) -> None:
    Question.objects.exclude(pk=earlier.question_id).update(state=QuestionState.WITHDRAWN)
    change(world, earlier, "-1", "second")
    other = queue.lease_next(world.annotator_bob)
    assert other is not None
    kept = submit(
        annotator=world.annotator_bob,
        assignment_id=str(other.public_id),
        data={"choice": "1"},
        submission_key="bob",
    ).judgment
    assert kept.standing == Standing.COUNTED
