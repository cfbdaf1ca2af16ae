"""The admin site: everything can be found, records can't be touched, secrets don't show."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation import queue, submission, tokens
from annotation.models import Assignment, Candidate, Guideline, Measurement, Profile
from annotation.tokens import Scope
from tests.cast import World, make_question

OURS = [model for model in admin.site._registry if model._meta.app_label == "annotation"]
WRITABLE = {"user", "membership"}


@pytest.fixture
def staff(client: Client, world: World) -> Client:
    world.sam.is_staff = world.sam.is_superuser = True
    world.sam.save()
    client.force_login(world.sam)
    return client


def fill(world: World, name: str) -> None:
    """One more of everything."""
    project = world.project
    version = project.guidelines.count() + 1
    Guideline.objects.create(project=project, version=version, text="Be fair.", html="")
    rubric = project.rubrics.create(name=name)
    rubric.criteria.create(position=0, text="Is it polite?")
    make_question(project, name, rubric=rubric, priority=9.0 + version)
    candidate = Candidate.objects.get(external_id=f"{name}-0")
    Measurement.objects.create(candidate=candidate, name="reward", number=0.5)
    Profile.objects.create(annotator=world.annotator_ada, version=version, attributes={})
    assignment = queue.lease_next(world.annotator_ada)
    assert assignment is not None
    submission.submit(
        annotator=world.annotator_ada,
        assignment_id=str(assignment.public_id),
        data={"choice": "1"},
        submission_key=name,
    )
    tokens.issue(user=world.ada, name=name, scopes=[Scope.READ])


def listing(model: type[Model]) -> str:
    return reverse(f"admin:annotation_{model._meta.model_name}_changelist")


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_lists_show_and_take_no_query_per_row(
    staff: Client, world: World, model: type[Model]
) -> None:
    fill(world, "first")
    staff.get(listing(model))
    with CaptureQueriesContext(connection) as few:
        assert staff.get(listing(model)).status_code == 200
    for name in ("second", "third", "fourth"):
        fill(world, name)
    with CaptureQueriesContext(connection) as many:
        assert staff.get(listing(model), {"q": ""}).status_code == 200
    assert len(many) <= len(few) + 1  # the search box counts its results


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_searching_works(staff: Client, world: World, model: type[Model]) -> None:
    if not admin.site._registry[model].search_fields:
        pytest.skip("no search is offered")
    assert staff.get(listing(model), {"q": "advice"}).status_code == 200


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_records_are_read_and_never_written(
    staff: Client, world: World, model: type[Model]
) -> None:
    fill(world, "first")
    name = str(model._meta.model_name)
    row = model._default_manager.first()
    assert row is not None
    page = reverse(f"admin:annotation_{name}_change", args=[row.pk])
    assert staff.get(page).status_code == 200
    if name in WRITABLE:
        return
    before = model._default_manager.values().get(pk=row.pk)
    for address in (
        page,
        reverse(f"admin:annotation_{name}_add"),
        reverse(f"admin:annotation_{name}_delete", args=[row.pk]),
    ):
        assert staff.post(address, {"post": "yes"}).status_code == 403
    assert model._default_manager.values().get(pk=row.pk) == before


def test_every_model_is_shown_but_secrets_of_doors_and_what_is_shown_elsewhere() -> None:
    doors = {"FailedAttempts", "LoginLink", "Invitation", "Joining"}
    own_pages = {"Webhook", "Delivery", "Survey", "SurveyReply", "Withdrawal"}
    own_pages |= {"Adjudication", "Comment", "Requeue"}
    own_addresses = {"Skill", "GoldAnswer", "Reservation", "Decision"}  # of the API
    hidden = {"Criterion", "Placement", "Tally"} | doors | own_pages | own_addresses
    models = set(apps.get_app_config("annotation").get_models())
    missing = {model.__name__ for model in models if model not in OURS}
    assert {name for name in missing if not name.startswith("Import")} <= hidden


def test_no_page_shows_a_digest_or_a_password(staff: Client, world: World) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    pages = [
        "/admin/annotation/apitoken/",
        f"/admin/annotation/apitoken/{issued.token.pk}/change/",
        f"/admin/annotation/user/{world.ada.pk}/change/",
    ]
    for page in pages:
        shown = staff.get(page).content.decode()
        assert issued.token.digest not in shown
        assert issued.secret not in shown
        assert world.ada.password not in shown


@pytest.mark.parametrize(
    "walk", ["user__password__startswith", "digest__startswith", "annotator__user__password"]
)
def test_filters_dont_walk_to_secrets(staff: Client, world: World, walk: str) -> None:
    for noun in ("apitoken", "judgment", "membership"):
        response = staff.get(f"/admin/annotation/{noun}/", {walk: "a"})
        assert response.status_code in (302, 400)


def test_tokens_can_be_revoked(staff: Client, world: World) -> None:
    issued = tokens.issue(user=world.ada, name="laptop", scopes=[Scope.READ])
    staff.post(
        "/admin/annotation/apitoken/",
        {"action": "revoke", "_selected_action": [issued.token.pk]},
    )
    issued.token.refresh_from_db()
    assert issued.token.revoked_at is not None


def test_logging_in_goes_through_the_one_guarded_door(client: Client, db: None) -> None:
    response = client.get("/admin/login/")
    assert response.status_code == 302
    assert response["Location"].startswith("/login/?next=")


def test_members_who_arent_staff_stay_outside(client: Client, world: World) -> None:
    client.force_login(world.olga)
    assert client.get("/admin/annotation/judgment/").status_code in (302, 403)
    assert Assignment.objects.count() == 0
