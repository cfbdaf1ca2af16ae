"""Project pages: what owners see, what annotators see, and the small acts behind buttons."""

import html
from collections.abc import Mapping
from dataclasses import fields

import pytest
from django.test import Client

from annotation import assignment_form
from annotation.assignment.rules import AssignmentRules
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Candidate,
    Guideline,
    Membership,
    Project,
    ProjectState,
    Role,
    User,
)
from annotation.progress import people, project_progress
from annotation.projects import NameTaken, create_project, revise_guideline
from annotation.queue import lease_next
from annotation.submission import submit
from tests.aggregation.test_loading import say
from tests.annotation.calling import as_
from tests.cast import World, make_project, make_question, member

PROJECT = "/projects/advice/"


def page(user: User, path: str, status: int = 200) -> str:
    client = Client()
    client.force_login(user)
    reply = client.get(path)
    assert reply.status_code == status
    return html.unescape(reply.content.decode())


def post(user: User, path: str, data: Mapping[str, str] | None = None) -> tuple[int, str]:
    client = Client()
    client.force_login(user)
    reply = client.post(path, dict(data or {}), follow=True)
    return reply.status_code, html.unescape(reply.content.decode())


def answer_once(annotator: Annotator, key: str) -> None:
    assignment = lease_next(annotator)
    assert assignment is not None
    submit(
        annotator=annotator,
        assignment_id=str(assignment.public_id),
        data={"choice": "1"},
        submission_key=key,
    )


def test_home_lists_my_projects_and_nobody_elses(world: World) -> None:
    Project.objects.create(slug="other", name="Secret plans")
    said = page(world.ada, "/")
    assert "Everyday advice" in said
    assert "Annotator" in said
    assert "Secret plans" not in said


def test_home_without_projects_says_what_to_do(world: World) -> None:
    said = page(world.sam, "/")
    assert "When somebody adds you to a project, it appears here." in said
    assert "New project" not in said


def test_an_owner_sees_how_far_the_project_is(world: World) -> None:
    answer_once(world.annotator_ada, "a" * 8)
    answer_once(world.annotator_bob, "b" * 8)
    answer_once(world.annotator_ada, "c" * 8)
    far = project_progress(world.project)
    assert (far.questions, far.answered, far.begun, far.untouched) == (3, 1, 1, 1)
    assert (far.prompts, far.candidates, far.judgments, far.judgments_asked) == (3, 6, 3, 6)
    said = page(world.olga, PROJECT)
    assert "1 answered, 1 in progress, 1 left" in said
    assert "3 of 6" in said


def test_people_are_listed_with_their_number_and_median_time(world: World) -> None:
    answer_once(world.annotator_ada, "a" * 8)
    ada, bob = people(world.project)
    assert (ada.judgments, ada.timed) == (1, 1)
    assert ada.median_ms is not None
    assert (bob.judgments, bob.median_ms) == (0, None)
    said = page(world.olga, PROJECT)
    assert "not measured" in said
    assert "Person" in said


def test_an_annotator_sees_their_own_progress_and_nothing_of_others(world: World) -> None:
    answer_once(world.annotator_ada, "a" * 8)
    said = page(world.ada, PROJECT)
    assert "1 of 3" in said
    assert "Go on judging" in said
    for hidden in ("People", "Bob", "bob", "Import", "system-"):
        assert hidden not in said


def test_looking_at_a_project_makes_nobody_an_annotator(world: World) -> None:
    page(world.olga, PROJECT)
    assert not Annotator.objects.filter(user=world.olga).exists()


def test_a_simulated_project_says_so_on_every_page(world: World) -> None:
    Project.objects.update(is_simulated=True)
    for path in (PROJECT, f"{PROJECT}judge/", f"{PROJECT}guideline/"):
        assert "Simulated." in page(world.ada, path)


@pytest.mark.parametrize("path", ["guideline/edit/", "import/"])
def test_a_page_for_owners_refuses_an_annotator_with_a_sentence(world: World, path: str) -> None:
    said = page(world.ada, PROJECT + path, status=403)
    assert "Your role in “Everyday advice”: Annotator." in said


def test_an_annotator_cannot_steer(world: World) -> None:
    bob = f"{PROJECT}people/{world.annotator_bob.public_id}/pause/"
    for path, data in ((f"{PROJECT}state/", {"state": "closed"}), (bob, {"paused": "yes"})):
        assert post(world.ada, path, data)[0] == 403
    world.project.refresh_from_db()
    world.annotator_bob.refresh_from_db()
    assert world.project.state == ProjectState.OPEN
    assert world.annotator_bob.paused_at is None


def test_an_owner_pauses_and_closes_the_project(world: World) -> None:
    _, said = post(world.olga, f"{PROJECT}state/", {"state": "paused"})
    assert "The project is now paused." in said
    assert "Open again" in said
    assert "Nothing was changed" in post(world.olga, f"{PROJECT}state/", {"state": "draft"})[1]
    world.project.refresh_from_db()
    assert world.project.state == ProjectState.PAUSED


def test_an_owner_pauses_a_person_and_lets_them_go_on(world: World) -> None:
    path = f"{PROJECT}people/{world.annotator_ada.public_id}/pause/"
    assert "Ada gets no new questions." in post(world.olga, path, {"paused": "yes"})[1]
    assert "has paused your judging" in page(world.ada, f"{PROJECT}judge/")
    assert "Ada gets questions again." in post(world.olga, path, {"paused": "no"})[1]


def test_an_owner_adds_a_member_and_changes_the_role(world: World) -> None:
    path = f"{PROJECT}people/"
    _, said = post(world.olga, path, {"username": "sam", "role": "annotator"})
    assert "sam is now annotator." in said
    assert "Everyday advice" in page(world.sam, PROJECT)
    post(world.olga, path, {"username": "sam", "role": "reviewer"})
    assert world.project.memberships.get(user=world.sam).role == Role.REVIEWER


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"username": "nobody", "role": "annotator"}, "There is no account called “nobody”"),
        ({"username": "sam", "role": "owner"}, "Nobody was added."),
        ({"username": "", "role": "annotator"}, "Nobody was added."),
        ({"username": "olga", "role": "annotator"}, "olga owns this project"),
    ],
)
def test_a_member_that_cannot_be_added_is_explained(
    world: World, data: dict[str, str], sentence: str
) -> None:
    assert sentence in post(world.olga, f"{PROJECT}people/", data)[1]
    assert world.project.memberships.count() == 3


def test_a_manager_asks_about_every_pair_and_asking_again_changes_nothing(world: World) -> None:
    world.project.questions.all().delete()
    path = f"{PROJECT}questions/ask/"
    assert "3 new questions are asked." in post(world.olga, path, {"design": "all"})[1]
    again = post(world.olga, path, {"design": "all"})[1]
    assert "0 new questions are asked. 3 had been asked before." in again
    assert world.project.questions.count() == 3


def test_where_several_are_ranked_a_manager_asks_for_slates(world: World) -> None:
    project = make_project("order", judgment_type="ranking")
    member(project, "rita", Role.MANAGER)
    rita = User.objects.get(username="rita")
    prompt = make_question(project, "tea", candidates=7).prompt
    Candidate.objects.create(
        prompt=prompt, external_id="copy", text="Answer 0 to tea.", content_hash="Answer 0 to tea."
    )
    project.questions.all().delete()
    assert "Responses shown together" in page(rita, "/projects/order/")
    path = "/projects/order/questions/ask/"
    _, said = post(rita, path, {"size": "3"})
    assert "3 new questions are asked. Left out with the text of another: 1." in said
    asked = [
        list(each.placements.values_list("candidate", flat=True))
        for each in project.questions.all()
    ]
    assert [len(each) for each in asked] == [3, 3, 3]
    assert len({candidate for each in asked for candidate in each}) == 7
    assert (
        "0 new questions are asked. 3 had been asked before." in post(rita, path, {"size": "3"})[1]
    )
    assert "No question was asked." in post(rita, path, {"size": "10"})[1]
    told = as_(rita).post("/projects/order/questions/", {"size": 4, "per_prompt": 5}).json()
    assert (told["asked"], told["identical"]) == (5, 1)


def test_an_unknown_design_asks_nothing(world: World) -> None:
    said = post(world.olga, f"{PROJECT}questions/ask/", {"design": "psychic"})[1]
    assert "No question was asked." in said
    assert world.project.questions.count() == 3


def test_guidelines_are_versions_and_the_same_text_is_no_new_one(world: World) -> None:
    path = f"{PROJECT}guideline/edit/"
    post(world.olga, path, {"text": "Be **kind**."})
    post(world.olga, path, {"text": "Be **kind**."})
    _, said = post(world.olga, path, {"text": "Be <b>fair</b>."})
    assert "Version 2 of the guidelines is now shown." in said
    assert Guideline.objects.count() == 2
    assert "<strong>kind</strong>" in Guideline.objects.get(version=1).html
    assert "<b>" not in Guideline.objects.get(version=2).html


def test_the_drawer_gets_the_text_alone(world: World) -> None:
    revise_guideline(project=world.project, text="Be kind.")
    client = Client(headers={"HX-Request": "true"})
    client.force_login(world.ada)
    said = client.get(f"{PROJECT}guideline/").content.decode()
    assert "Be kind." in said
    assert "<html" not in said


NEW = {
    "name": "Poems about rain",
    "judgment_type": "pairwise",
    "overlap": "2",
    "reason": "required",
    "lease_minutes": "10",
    "guideline": "Read them *aloud*.",
}


def test_an_owner_makes_a_project_and_owns_it(world: World) -> None:
    _, said = post(world.olga, "/projects/new/", NEW)
    made = Project.objects.get(slug="poems-about-rain")
    assert made.state == ProjectState.DRAFT
    assert made.options == {"reason": "required"}
    assert made.lease_seconds == 600
    assert made.memberships.get().role == Role.OWNER
    assert "Nothing is asked yet" in said
    current = made.current_guideline()
    assert current is not None
    assert "<em>aloud</em>" in current.html


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"slug": "advice"}, "There is already a project at /projects/advice/."),
        ({"slug": "new"}, "Choose another."),
        ({"slug": "../x"}, "Use small letters, digits and single hyphens."),
        ({"name": "雨"}, "No address can be made from this name"),
        ({"overlap": "0"}, "greater than or equal to 1"),
        ({"judgment_type": "essay"}, "Select a valid choice"),
    ],
)
def test_a_project_that_cannot_be_made_says_why_and_keeps_what_was_typed(
    world: World, change: dict[str, str], sentence: str
) -> None:
    status, said = post(world.olga, "/projects/new/", NEW | change)
    assert status == 422
    assert sentence in said
    assert "Read them *aloud*." in said
    assert Project.objects.count() == 1


def test_annotators_make_no_projects(world: World) -> None:
    assert post(world.ada, "/projects/new/", NEW)[0] == 403


def test_two_projects_cannot_share_an_address(world: World) -> None:
    with pytest.raises(NameTaken):
        create_project(owner=world.olga, slug="advice", name="Another")
    assert Membership.objects.filter(user=world.olga).count() == 1


def test_an_unknown_page_and_healthz(world: World, client: Client) -> None:
    assert "There is no such page" in page(world.ada, "/nowhere/", status=404)
    assert client.get("/healthz").json() == {"status": "ok"}


def test_progress_counts_a_seat_once_and_none_for_models(world: World) -> None:
    question = world.questions[0]
    judge = Annotator.objects.create(
        project=world.project, kind=AnnotatorKind.MODEL, external_id="judge"
    )
    first = say(question, world.annotator_ada, {"strength": 1})
    say(question, world.annotator_ada, {"strength": 2}, supersedes=first, phase=2)  # in hindsight
    say(question, judge, {"strength": 1})
    far = project_progress(world.project)
    assert (far.seated, far.judgments) == (1, 2)


def test_every_rule_of_assignment_has_a_place_on_the_page() -> None:
    shown = [name for _, names in assignment_form.SECTIONS for name in names]
    assert sorted(shown) == sorted(each.name for each in fields(AssignmentRules))
