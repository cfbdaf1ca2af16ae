"""Who gets which question under a project's rules, and what is decided about people."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.utils import timezone

from annotation import queue
from annotation.assigning import make_check, reserve, restrict, set_rules, set_skills
from annotation.errors import InvalidAnswer, InvalidQuestion, JudgingStopped
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    AssignmentPurpose,
    Decision,
    DecisionKind,
    Judgment,
    Profile,
    Project,
    Question,
    QuestionState,
    Standing,
)
from annotation.submission import Submission, submit
from tests.cast import World, make_project, make_question

HOUR = timedelta(hours=1)


def person(project: Project, name: str, **attributes: str) -> Annotator:
    annotator = Annotator.objects.create(
        project=project, kind=AnnotatorKind.PERSON, external_id=name
    )
    if attributes:
        Profile.objects.create(annotator=annotator, version=1, attributes=attributes)
    return annotator


def rules(project: Project, **settings: Any) -> None:
    set_rules(project=project, settings=settings)


def fresh(annotator: Annotator) -> Annotator:
    return Annotator.objects.select_related("project").get(pk=annotator.pk)


def lease(annotator: Annotator, **kwargs: Any) -> Assignment:
    assignment = queue.lease_next(fresh(annotator), **kwargs)
    assert assignment is not None
    return assignment


def answer(
    annotator: Annotator, assignment: Assignment, choice: str = "2", **kwargs: Any
) -> Submission:
    return submit(
        annotator=fresh(annotator),
        assignment_id=str(assignment.public_id),
        data={"choice": choice},
        submission_key=f"key-{assignment.public_id}",
        **kwargs,
    )


def says(assignment: Assignment, position: int) -> str:
    """The choice that prefers the candidate at this position, on the sides shown."""
    return "2" if assignment.shown_order[0] == position else "-2"


@pytest.fixture
def project(db: None) -> Project:
    project = make_project(overlap=1)
    for number in range(6):
        make_question(project, f"q{number}")
    return project


def questions(project: Project) -> list[Question]:
    return list(project.questions.order_by("id"))


# --- Settings -----------------------------------------------------------------------------------


def test_rules_live_beside_the_judgment_types_options(project: Project) -> None:
    project.options = {"reason": "required"}
    project.save()
    rules(project, most_per_day=3)
    assert Project.objects.get().options == {
        "reason": "required",
        "assignment": {"most_per_day": 3},
    }


def test_wrong_rules_are_refused_with_a_sentence_each(project: Project) -> None:
    with pytest.raises(InvalidAnswer) as refused:
        rules(project, most_per_day=-1, order="sideways")
    assert set(refused.value.errors) == {"most_per_day", "order"}
    assert Project.objects.get().options == {}


# --- Who a question is for ----------------------------------------------------------------------


def test_a_reserved_question_goes_to_those_people_only(project: Project) -> None:
    ada, bob = person(project, "ada"), person(project, "bob")
    first, second, *_ = questions(project)
    reserve(question=first, annotators=[bob])
    assert lease(ada).question == second
    assert lease(bob).question == first


def test_a_reservation_can_be_taken_back(project: Project) -> None:
    ada, bob = person(project, "ada"), person(project, "bob")
    reserve(question=questions(project)[0], annotators=[bob])
    reserve(question=questions(project)[0], annotators=[])
    assert lease(ada).question == questions(project)[0]


def test_nobody_from_elsewhere_can_be_named(project: Project) -> None:
    stranger = person(make_project("other"), "eve")
    with pytest.raises(InvalidQuestion):
        reserve(question=questions(project)[0], annotators=[stranger])


def test_a_question_for_a_skill_goes_to_who_has_it(project: Project) -> None:
    ada, bob = person(project, "ada"), person(project, "bob")
    restrict(question=questions(project)[0], skill="Welsh")
    set_skills(annotator=bob, names=["Welsh", " Welsh", "law"])
    assert sorted(bob.skills.values_list("name", flat=True)) == ["Welsh", "law"]
    assert lease(ada).question == questions(project)[1]
    assert lease(bob).question == questions(project)[0]


def test_a_question_for_a_group_goes_to_who_declared_it(project: Project) -> None:
    rules(project, group_by="region")
    ada, bob = person(project, "ada", region="north"), person(project, "bob", region="south")
    restrict(question=questions(project)[0], group="south")
    assert lease(ada).question == questions(project)[1]
    assert lease(bob).question == questions(project)[0]


# --- Seats of groups ----------------------------------------------------------------------------


def test_seats_are_kept_for_groups_and_the_rest_share_what_is_left(project: Project) -> None:
    project.questions.exclude(pk=questions(project)[0].pk).update(state=QuestionState.WITHDRAWN)
    project.questions.update(overlap=3)
    rules(project, group_by="side", seats_per_group={"left": 1, "right": 1})
    lefts = [person(project, f"l{n}", side="left") for n in range(2)]
    others = [person(project, f"o{n}") for n in range(2)]
    right = person(project, "r", side="right")
    answer(lefts[0], lease(lefts[0]))
    assert queue.lease_next(fresh(lefts[1])) is None
    lease(others[0])
    assert queue.lease_next(fresh(others[1])) is None
    assert lease(right).question == questions(project)[0]


def test_a_vote_keeps_the_group_its_author_had(project: Project) -> None:
    """Somebody who moves doesn't give their old group its seat back."""
    project.questions.exclude(pk=questions(project)[0].pk).update(state=QuestionState.WITHDRAWN)
    project.questions.update(overlap=2)
    rules(project, group_by="side", seats_per_group={"left": 1, "right": 1})
    ada, bob = (person(project, name, side="left") for name in ("ada", "bob"))
    answer(ada, lease(ada))
    Profile.objects.create(annotator=ada, version=2, attributes={"side": "right"})
    assert queue.lease_next(fresh(bob)) is None
    carl = person(project, "carl", side="right")
    assert lease(carl).question == questions(project)[0]


@pytest.mark.django_db(transaction=True)
def test_a_crowd_at_the_same_instant_never_takes_a_groups_seat_twice() -> None:
    project = make_project(overlap=4)
    for number in range(4):
        make_question(project, f"q{number}")
    rules(project, group_by="side", seats_per_group={"left": 1, "right": 1})
    people = [person(project, f"p{n}", side=("left", "right", "neither")[n % 3]) for n in range(24)]

    def ask(annotator: Annotator) -> None:
        try:
            queue.lease_next(fresh(annotator))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, people))
    sides: dict[int, list[str]] = {}
    for assignment in Assignment.objects.select_related("annotator"):
        profile = assignment.annotator.current_profile()
        assert profile is not None
        sides.setdefault(assignment.question_id, []).append(profile.attributes["side"])
    assert len(sides) == 4
    for taken in sides.values():
        assert sorted(taken) == ["left", "neither", "neither", "right"]


# --- Caps and order -----------------------------------------------------------------------------


def test_nobody_judges_more_than_the_project_allows_in_all(project: Project) -> None:
    rules(project, most_per_annotator=2)
    ada = person(project, "ada")
    for _ in range(2):
        answer(ada, lease(ada))
    with pytest.raises(JudgingStopped, match="as many questions as one person may"):
        lease(ada)


def test_the_day_begins_anew_at_midnight(project: Project) -> None:
    rules(project, most_per_day=1)
    ada = person(project, "ada")
    evening = timezone.now().replace(hour=22)
    answer(ada, lease(ada, now=evening), now=evening)
    with pytest.raises(JudgingStopped, match="tomorrow"):
        lease(ada, now=evening + HOUR)
    assert lease(ada, now=evening + 3 * HOUR)


def test_a_question_in_hand_comes_back_at_the_cap(project: Project) -> None:
    rules(project, most_per_annotator=1)
    ada = person(project, "ada")
    assert lease(ada) == lease(ada)


@pytest.mark.django_db(transaction=True)
def test_two_windows_at_once_dont_get_past_a_cap() -> None:
    project = make_project(overlap=1)
    for number in range(8):
        make_question(project, f"q{number}")
    rules(project, most_per_annotator=1)
    ada = person(project, "ada")

    def ask(_: int) -> None:
        try:
            queue.lease_next(fresh(ada))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert Assignment.objects.count() == 1


def served(project: Project, name: str) -> list[int]:
    annotator = person(project, name)
    got = []
    while (assignment := queue.lease_next(fresh(annotator))) is not None:
        got.append(assignment.question_id)
        queue.release(annotator, str(assignment.public_id))
    return got


def test_orders(project: Project) -> None:
    ids = [question.pk for question in questions(project)]
    Question.objects.filter(pk=ids[3]).update(priority=5)
    assert served(project, "a") == [ids[3], *(pk for pk in ids if pk != ids[3])]
    rules(project, order="sequential")
    assert served(project, "b") == ids
    rules(project, order="random")
    ada, bob = served(project, "c"), served(project, "d")
    assert sorted(ada) == sorted(bob) == ids
    assert len({tuple(ada), tuple(bob), tuple(ids)}) == 3


def test_the_least_judged_question_comes_first(project: Project) -> None:
    project.questions.update(overlap=2)
    rules(project, order="least_judged")
    ada, bob = person(project, "ada"), person(project, "bob")
    for _ in range(2):
        answer(ada, lease(ada))
    assert lease(bob).question == questions(project)[2]


# --- Overlap that follows the answers -----------------------------------------------------------


def crowd(project: Project, positions: list[int]) -> Iterator[Question]:
    """People who prefer these positions answer the first question one after the other."""
    project.questions.exclude(pk=questions(project)[0].pk).update(state=QuestionState.WITHDRAWN)
    for number, position in enumerate(positions):
        annotator = person(project, f"voter-{number}")
        assignment = lease(annotator)
        answer(annotator, assignment, says(assignment, position))
        yield questions(project)[0]


def test_people_who_agree_end_a_question_early(project: Project) -> None:
    project.questions.update(overlap=4)
    rules(project, overlap_least=2, overlap_most=6, certainty=0.8)
    first, second = crowd(project, [0, 0])
    assert (first.state, second.state) == (QuestionState.OPEN, QuestionState.ANSWERED)
    decision = Decision.objects.get()
    assert decision.kind == DecisionKind.STOPPED_EARLY
    assert decision.measured == {"certainty": 0.875, "answers": 2, "overlap": 4}


def test_doubt_asks_one_more_person_up_to_the_most(project: Project) -> None:
    project.questions.update(overlap=2)
    rules(project, overlap_least=2, overlap_most=4, certainty=0.8)
    states = [(each.overlap, each.state) for each in crowd(project, [0, 1, 0, 1])]
    assert states == [(2, "open"), (3, "open"), (4, "open"), (4, "answered")]
    assert list(Decision.objects.values_list("kind", flat=True)) == ["asked_more", "asked_more"]


def test_a_question_may_have_limits_of_its_own(project: Project) -> None:
    question = questions(project)[0]
    Question.objects.filter(pk=question.pk).update(overlap_least=1, overlap_most=3)
    states = [each.overlap for each in crowd(project, [0, 0, 0])]
    assert states[0] == 2
    Question.objects.filter(pk=question.pk).update(overlap=3)
    with pytest.raises(IntegrityError, match="question_overlap_within_its_most"):
        Question.objects.filter(pk=question.pk).update(overlap=4)


# --- Checks -------------------------------------------------------------------------------------


def gold(project: Project, name: str, strength: int = 2, **kwargs: Any) -> Question:
    question = make_question(project, name)
    make_check(question=question, payload={"strength": strength}, **kwargs)
    return question


def test_known_questions_come_in_between_take_no_seat_and_never_count(project: Project) -> None:
    known = gold(project, "known")
    rules(project, gold_share=0.9)
    for name in ("ada", "bob", "carl"):
        annotator = person(project, name)
        assignment = lease(annotator)
        while assignment.question != known:
            answer(annotator, assignment)
            assignment = lease(annotator)
        assert assignment.purpose == AssignmentPurpose.GOLD
        kept = answer(annotator, assignment)
        assert kept.judgment.standing == Standing.CHECK
        assert kept.notice == ""
    assert not Judgment.objects.counted().filter(question=known).exists()


def test_a_known_question_isnt_given_where_checks_are_off(project: Project) -> None:
    known = gold(project, "known")
    assert known.pk not in served(project, "ada")


def test_feedback_tells_the_expected_answer_where_the_owner_wants_it(project: Project) -> None:
    gold(project, "known", explanation="Response one answers the question.")
    rules(project, gold_share=0.9, gold_feedback=True)
    leases = [lease(person(project, f"person-{n}")) for n in range(8)]  # one in ten is ordinary
    assignment = next(each for each in leases if each and each.purpose == AssignmentPurpose.GOLD)
    told = answer(assignment.annotator, assignment, says(assignment, 1)).notice
    assert told == (
        "This question was a check, and another answer was expected. "
        "Response one answers the question."
    )


def test_a_judged_question_cant_become_a_check(project: Project) -> None:
    ada = person(project, "ada")
    answer(ada, lease(ada))
    with pytest.raises(InvalidQuestion, match="judged this question already"):
        make_check(question=questions(project)[0], payload={"strength": 1})


def test_the_database_refuses_to_count_a_check(project: Project) -> None:
    gold(project, "known")
    rules(project, gold_share=0.9)
    leases = [lease(person(project, f"person-{n}")) for n in range(8)]  # one in ten is ordinary
    assignment = next(each for each in leases if each and each.purpose == AssignmentPurpose.GOLD)
    with pytest.raises(DatabaseError, match="never counted"), transaction.atomic():
        Judgment.objects.create(
            question=assignment.question,
            annotator=assignment.annotator,
            assignment=assignment,
            judgment_type="pairwise",
            payload={"strength": 0},
            submission_key="forged",
            standing=Standing.COUNTED,
            source="browser",
            created_at=timezone.now(),
        )


def test_ones_own_question_comes_again_on_swapped_sides(project: Project) -> None:
    rules(project, repeat_share=0.9, repeat_after=2)
    ada = person(project, "ada")
    got = []
    for _ in range(6):
        assignment = lease(ada)
        got.append(assignment)
        answer(ada, assignment)
    again = [each for each in got if each.purpose == AssignmentPurpose.REPEAT]
    assert again
    firsts = {each.question_id: (n, each) for n, each in enumerate(got) if each not in again}
    for n, each in enumerate(got):
        if each in again:
            place, first = firsts[each.question_id]
            assert each.shown_order == first.shown_order[::-1]
            assert n - place > 2
    assert Judgment.objects.counted().count() == len(firsts)
    assert Judgment.objects.filter(standing=Standing.CHECK).count() == len(again)


# --- Qualification ------------------------------------------------------------------------------


def qualifying(project: Project, right: int) -> tuple[Annotator, Submission]:
    for number in range(3):
        gold(project, f"qualify-{number}", qualifies=True)
    rules(project, qualification_questions=3, qualification_pass=0.6)
    ada = person(project, "ada")
    kept = []
    for number in range(3):
        assignment = lease(ada)
        assert assignment.question.external_id.startswith("qualify")
        kept.append(answer(ada, assignment, says(assignment, 0 if number < right else 1)))
    return ada, kept[-1]


def test_a_newcomer_qualifies_first(project: Project) -> None:
    ada, last = qualifying(project, right=2)
    assert "passed the qualification" in last.notice
    assert lease(ada).question.external_id == "q0"
    assert Decision.objects.get().kind == DecisionKind.QUALIFIED


def test_who_fails_is_paused_with_a_sentence_and_may_be_let_in(project: Project) -> None:
    ada, last = qualifying(project, right=1)
    assert "no further questions for now" in last.notice
    with pytest.raises(JudgingStopped, match="differ too much"):
        lease(ada)
    Annotator.objects.filter(pk=ada.pk).update(paused_at=None)
    assert lease(ada).question.external_id == "q0"


# --- Warnings and pauses ------------------------------------------------------------------------


def test_hasty_answers_are_warned_about_then_stopped_and_time_heals(project: Project) -> None:
    rules(
        project, fastest_ms=1000, too_fast_window=2, too_fast_share=0.5, warnings=1, pause_hours=2
    )
    ada = person(project, "ada")
    now = timezone.now()
    notices = []
    for _ in range(4):
        assignment = lease(ada, now=now)
        now += timedelta(milliseconds=200)
        notices.append(answer(ada, assignment, now=now).notice)
    assert notices[0] == notices[2] == ""
    assert notices[1].endswith("then go on.")
    assert "faster than the texts can be read" in notices[3]
    with pytest.raises(JudgingStopped, match="Your judging is paused"):
        lease(ada, now=now + HOUR)
    assert lease(ada, now=now + 3 * HOUR)
    assert list(Decision.objects.order_by("id").values_list("kind", flat=True)) == [
        "warned",
        "paused",
        "resumed",
    ]


def test_an_answer_in_hand_is_kept_from_somebody_paused_meanwhile(world: World) -> None:
    assignment = lease(world.annotator_ada)
    Annotator.objects.filter(pk=world.annotator_ada.pk).update(paused_at=timezone.now())
    kept = answer(world.annotator_ada, assignment)
    assert kept.judgment.standing == Standing.COUNTED


def test_decisions_are_not_rewritten(project: Project) -> None:
    decision = Decision.objects.create(
        project=project, question=questions(project)[0], kind=DecisionKind.ASKED_MORE
    )
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(kind=DecisionKind.WARNED)
