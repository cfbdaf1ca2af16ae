"""The whole world of the photographs, from the demo up."""

from collections.abc import Callable

from annotation.demo_world.seeding import GUEST, OWNER, demo_account, seed_demo_world
from annotation.models import Project, User
from benchmarks.screen_world.carrying import carry_out_everything
from benchmarks.screen_world.kinds import bring_kinds
from benchmarks.screen_world.modelling import bring_models, leave_some_waiting, mine
from benchmarks.screen_world.people import bring_people
from benchmarks.screen_world.results import bring_label_results, bring_results
from config.celery import app

Tell = Callable[[str], object]


def make_world(tell: Tell) -> None:
    """Everything, told of step by step. The demo's owner also sees the installation's pages."""
    app.conf.update(broker_url="memory://localhost/", broker_transport_options={})
    tell("the demo")
    pairwise, checklist = (each.project for each in seed_demo_world())
    owner, guest = staff(), demo_account(GUEST)
    tell("people")
    bring_people(pairwise, owner)
    bring_kinds(owner, guest)
    tell("models, judges, audits, studies")
    bring_models(pairwise, owner)
    mine(owner)
    tell("runs, reports, releases")
    bring_results(pairwise, owner)
    bring_label_results(checklist, owner)
    carry_out_everything()
    leave_some_waiting(pairwise, owner)


def staff() -> User:
    owner = demo_account(OWNER)
    owner.is_staff = True
    owner.save(update_fields=["is_staff"])
    return owner


def main_project() -> Project:
    return Project.objects.get(slug="everyday-advice")
