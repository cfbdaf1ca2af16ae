"""Beginning a project from a protocol, seeing its screen before, and changing its options after."""

import re

import pytest
from django.test import Client

from annotation import setting_up
from annotation.catalogue import JUDGMENT_TYPES
from annotation.models import Project
from annotation.project_rules import rules_of
from annotation.protocols import protocols
from annotation.steps import Steps
from annotation.surveys import asking
from tests.annotation.test_views_projects import PROJECT, page, post
from tests.cast import World


def shown_form(said: str) -> dict[str, str]:
    """What the form on the page would send as it stands."""
    data = dict(re.findall(r'<input[^>]*name="(\w+)" value="([^"]*)"', said))
    for name, options in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', said, re.S):
        chosen = re.findall(r'value="([^"]*)" selected', options)
        data[name] = (chosen or re.findall(r'value="([^"]*)"', options))[0]
    for name, text in re.findall(r'<textarea name="(\w+)".*?>\s*(.*?)</textarea>', said, re.S):
        data[name] = text
    return {name: value for name, value in data.items() if name != "csrfmiddlewaretoken"}


@pytest.mark.parametrize("slug", list(protocols()))
def test_a_project_begins_from_a_protocol_as_it_is_offered(world: World, slug: str) -> None:
    protocol = protocols()[slug]
    data = shown_form(page(world.olga, f"/projects/new/?protocol={slug}"))
    data |= {"name": f"From {slug}", "slug": ""}
    status, said = post(world.olga, "/projects/new/", data)
    assert status == 200, re.findall(r"errorlist.*?</ul>", said, re.S)
    made = Project.objects.get(name=f"From {slug}")
    assert (made.judgment_type, made.overlap) == (protocol.judgment_type, protocol.overlap)
    assert Steps.of(made.options) == Steps.of(protocol.options)
    assert sum(rubric.criteria.count() for rubric in made.rubrics.all()) == len(protocol.criteria)
    survey = asking.current_survey(made)
    assert (
        [q.name for q in asking.questions_of(survey)] == [each["name"] for each in protocol.survey]
        if survey
        else not protocol.survey
    )


@pytest.mark.parametrize("slug", list(JUDGMENT_TYPES))
def test_every_kind_of_judgment_has_a_preview_that_keeps_nothing(world: World, slug: str) -> None:
    client = Client(headers={"HX-Request": "true"})
    client.force_login(world.olga)
    said = client.get(f"/projects/new/preview/?judgment_type={slug}&reason=required")
    assert said.status_code == 200
    text = said.content.decode()
    assert "inert" in text
    assert "barks all night" in text
    assert "<html" not in text
    assert Project.objects.count() == 1


def test_the_preview_of_a_protocol_shows_its_criteria(world: World) -> None:
    said = page(world.olga, "/projects/new/preview/?protocol=ultrafeedback&judgment_type=rating")
    assert "Instruction following" in said
    assert page(world.ada, "/projects/new/preview/", status=403)


def options_of(world: World, **changes: str) -> dict[str, str]:
    said = page(world.olga, f"{PROJECT}options/").split('name="form" value="rules"')[0]
    usual = {"allow_tie": "on", "allow_both_bad": "on"}
    return shown_form(said) | usual | {"form": "options"} | changes


def test_an_owner_changes_what_is_asked_and_the_rules_stay(world: World) -> None:
    post(
        world.olga, f"{PROJECT}options/", {"form": "rules", "order": "random", "most_per_day": "9"}
    )
    assert rules_of(Project.objects.get(slug="advice")).most_per_day == 9
    wanted = options_of(world, reason="required", reason_words="4", confidence="optional")
    del wanted["allow_tie"]
    assert "hold from the next question on" in post(world.olga, f"{PROJECT}options/", wanted)[1]
    project = Project.objects.get(slug="advice")
    assert project.options["allow_tie"] is False
    assert "allow_both_bad" not in project.options
    assert Steps.of(project.options) == Steps("required", 4, "optional")
    assert rules_of(project).most_per_day == 9
    assert "About the same" not in page(world.ada, f"{PROJECT}judge/")


def test_options_that_cannot_be_are_explained_and_annotators_change_none(world: World) -> None:
    status, said = post(world.olga, f"{PROJECT}options/", options_of(world, overlap="0"))
    assert status == 422
    assert "greater than or equal to 1" in said
    assert post(world.ada, f"{PROJECT}options/", {"form": "options"})[0] == 403


def test_a_ranking_can_ask_only_for_the_best(world: World) -> None:
    world.project.judgment_type = "ranking"
    world.project.save()
    data = shown_form(page(world.olga, f"{PROJECT}options/"))
    data |= {"form": "options", "reason": "off", "confidence": "off", "prediction": "off"}
    post(world.olga, f"{PROJECT}options/", data | {"best_only": "on"})
    assert Project.objects.get().options == {"reason": "off", "top": 1}
    assert "A is best" in page(world.olga, f"{PROJECT}options/")
    post(world.olga, f"{PROJECT}options/", data)
    assert Project.objects.get().options == {"reason": "off"}


def test_a_sample_is_of_no_project() -> None:
    showing = setting_up.sample("pairwise", options={"reason": "off"})
    assert (showing.handle, len(showing.responses)) == ("", 2)
    assert "reason" not in showing.form.fields
