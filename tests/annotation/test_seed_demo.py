"""Seeding the demo world: whole, once, and with something left for a person to judge."""

from collections import Counter
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.models import Count, F, Q

from aggregation.models import Run
from aggregation.runs import execute_run
from annotation import queue
from annotation.access import annotator_of
from annotation.catalogue import JUDGMENT_TYPES
from annotation.demo_world import seeding
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Judgment,
    Placement,
    Project,
    Question,
    QuestionState,
    User,
    WorkState,
)
from annotation.submission import asked_by

pytestmark = pytest.mark.django_db


@pytest.fixture
def projects() -> tuple[Project, Project]:
    pairwise, checklist = seeding.seed_demo_world()
    return pairwise.project, checklist.project


def test_it_makes_two_projects_that_say_they_are_simulated(
    projects: tuple[Project, Project],
) -> None:
    for project in projects:
        assert project.is_simulated
        assert "simulated" in project.description
        assert project.current_guideline() is not None
    assert [project.judgment_type for project in projects] == ["pairwise", "checklist"]


def test_there_are_about_two_thousand_judgments_none_by_a_person(
    projects: tuple[Project, Project],
) -> None:
    judgments = Judgment.objects.filter(question__project=projects[0])
    assert 1900 <= judgments.count() <= 2300
    assert judgments.counted().count() == judgments.count()
    assert set(judgments.values_list("source", flat=True)) == {"simulated"}
    kinds = Annotator.objects.values_list("kind", flat=True)
    assert set(kinds) == {AnnotatorKind.SIMULATED}


def test_every_kept_payload_could_have_been_submitted(projects: tuple[Project, Project]) -> None:
    for project in projects:
        asked = asked_by(Question.objects.filter(project=project)[0])
        judgment_type = JUDGMENT_TYPES[project.judgment_type]
        for payload in Judgment.objects.filter(question__project=project).values_list(
            "payload", flat=True
        ):
            judgment_type.check(payload, asked)


def test_a_question_is_answered_if_and_only_if_its_seats_are_taken(
    projects: tuple[Project, Project],
) -> None:
    for question in Question.objects.annotate(given=Count("judgments")):
        assert question.given <= question.overlap
        answered = question.state == QuestionState.ANSWERED
        assert answered == (question.given == question.overlap), question


def test_the_candidates_of_a_question_belong_to_its_prompt(
    projects: tuple[Project, Project],
) -> None:
    strays = Placement.objects.exclude(candidate__prompt=F("question__prompt"))
    assert not strays.exists()


def test_all_six_pairs_of_every_prompt_are_asked_once(projects: tuple[Project, Project]) -> None:
    pairs = Counter(
        (question.prompt_id, frozenset(p.candidate_id for p in question.placements.all()))
        for question in Question.objects.filter(project=projects[0]).prefetch_related("placements")
    )
    assert set(pairs.values()) == {1}
    assert len(pairs) == 6 * projects[0].prompts.count()


def test_neither_place_is_always_the_same_system(projects: tuple[Project, Project]) -> None:
    at_first = Counter(
        Placement.objects.filter(question__project=projects[0], position=0).values_list(
            "candidate__system__name", flat=True
        )
    )
    assert all(40 <= n <= 80 for n in at_first.values()), at_first


@pytest.mark.parametrize("which", [0, 1])
def test_the_guest_finds_an_open_question_in_english(
    projects: tuple[Project, Project], which: int
) -> None:
    guest = User.objects.get(username="guest")
    annotator = annotator_of(projects[which], guest)
    assignment = queue.lease_next(annotator)
    assert assignment is not None
    assert assignment.question.priority == 0
    waiting = Question.objects.filter(project=projects[which], state=QuestionState.OPEN)
    assert waiting.count() >= 20


def test_the_accounts_have_no_password_and_no_rights_beyond_the_demo(
    projects: tuple[Project, Project],
) -> None:
    for user in User.objects.all():
        assert not user.has_usable_password()
        assert not user.is_superuser
        assert not user.is_staff
    roles = User.objects.filter(memberships__project=projects[0]).values_list(
        "username", "memberships__role"
    )
    assert set(roles) == {("demo", "owner"), ("guest", "annotator")}


def test_the_planted_qualities_are_nowhere_in_the_database(
    projects: tuple[Project, Project],
) -> None:
    assert not Candidate.objects.filter(measurements__isnull=False).exists()
    told = Q(text__icontains="directness =") | Q(html__icontains="directness =")
    assert not Candidate.objects.filter(told).exists()
    profile_keys = {
        key
        for attributes in Annotator.objects.values_list("profiles__attributes", flat=True)
        for key in attributes
    }
    assert profile_keys == {"age_band", "values_most"}


def test_seeding_again_changes_nothing(projects: tuple[Project, Project]) -> None:
    before = Judgment.objects.count(), Question.objects.count(), User.objects.count()
    again = seeding.seed_demo_world()
    assert [seeded.is_new for seeded in again] == [False, False]
    assert before == (Judgment.objects.count(), Question.objects.count(), User.objects.count())


def test_a_seeding_that_breaks_off_leaves_no_half_project() -> None:
    class Killed(Exception):
        pass

    def report(what: str, done: int, total: int) -> None:
        if what.startswith("Keeping judgments"):
            raise Killed

    with pytest.raises(Killed):
        seeding.seed_demo_world(report)
    assert not Project.objects.exists()
    assert seeding.seed_demo_world()[0].is_new


def test_the_command_says_what_it_made_and_that_it_is_simulated() -> None:
    said = StringIO()
    call_command("seed_demo", stdout=said)
    assert "40 prompts, 160 answers, 240 questions" in said.getvalue()
    assert "simulated judgments" in said.getvalue()
    again = StringIO()
    call_command("seed_demo", stdout=again)
    assert again.getvalue().count("already there") == 2


def test_first_runs_are_asked_for_once_and_can_be_computed() -> None:
    call_command("seed_demo", with_runs=True, verbosity=0)
    call_command("seed_demo", with_runs=True, verbosity=0)
    asked = Run.objects.order_by("id")
    assert [run.method for run in asked] == ["win_rate", "bradley_terry", "majority"]
    for run in asked:
        execute_run(run.pk)
        run.refresh_from_db()
        assert run.state == WorkState.DONE, run.error
    by_strength = asked[1].scores.order_by("rank").values_list("item", flat=True)
    assert set(by_strength[:2]) == {"Willowby", "Meridon"}
    assert by_strength[3] == "Ostler"
