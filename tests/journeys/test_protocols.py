"""Every protocol makes a project that a person can judge in: begun in the wizard, judged by key."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from annotation.models import (
    Candidate,
    Judgment,
    Membership,
    Project,
    Prompt,
    Role,
    SurveyReply,
)
from annotation.protocols import protocols
from tests.cast import World
from tests.journeys.conftest import OpenPage

pytestmark = pytest.mark.browser


def prefer_second(page: Page) -> None:
    page.keyboard.press("6")


def prefer_with_a_reason(page: Page) -> None:
    page.keyboard.press("r")
    page.keyboard.type("The second one says what to do first.")
    page.keyboard.press("Escape")
    page.keyboard.press("6")


def check_everything(page: Page) -> None:
    for _ in range(5):
        page.keyboard.press("y")
    page.keyboard.press("Enter")


def rate(*values: str) -> Callable[[Page], None]:
    def press(page: Page) -> None:
        for value in values:
            page.keyboard.press(value)
        page.keyboard.press("Enter")

    return press


def declare_then_slide(page: Page) -> None:
    page.get_by_text("25 to 34", exact=True).click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile("/mine/$"))
    page.goto(page.url.replace("/mine/", "/judge/"))
    page.locator("[data-number]").fill("70")
    page.locator("[data-submit]").click()


JUDGING: Mapping[str, tuple[Callable[[Page], None], Callable[[dict[str, Any]], bool]]] = {
    "helpsteer3": (prefer_with_a_reason, lambda said: abs(said["strength"]) == 2),
    "helpsteer": (
        rate("4", "3", "4", "0", "1"),
        lambda said: said["ratings"]["0"] == {"0": 4, "1": 3, "2": 4, "3": 0, "4": 1},
    ),
    "ultrafeedback": (
        rate("5", "4", "3", "5"),
        lambda said: said["ratings"]["0"] == {"0": 5, "1": 4, "2": 3, "3": 5},
    ),
    "tick": (check_everything, lambda said: len(str(said)) > 0 and "yes" in str(said)),
    "arena": (prefer_second, lambda said: abs(said["strength"]) == 2),
    "prism": (declare_then_slide, lambda said: said["ratings"]["0"] == {"0": 70}),
}


def responses(project: Project) -> None:
    """One prompt with two responses, as an import would leave them."""
    prompt = Prompt.objects.create(
        project=project,
        external_id="p1",
        messages=[{"role": "user", "content": "How do I start running?"}],
        content_hash="p1",
        html="<p>How do I start running?</p>",
    )
    for number, text in enumerate(("Buy shoes.", "Walk first, then run a minute at a time.")):
        Candidate.objects.create(
            prompt=prompt,
            external_id=f"c{number}",
            text=text,
            content_hash=text,
            html=f"<p>{text}</p>",
        )


def test_every_protocol_is_judged_here() -> None:
    assert set(JUDGING) == set(protocols())


@pytest.mark.parametrize("slug", list(JUDGING))
def test_a_protocol_makes_a_project_that_is_judged(
    lived_in: World, open_page: OpenPage, slug: str
) -> None:
    protocol = protocols()[slug]
    owner = open_page(lived_in.olga, "/projects/new/")
    owner.get_by_role("link", name=protocol.title, exact=True).click()
    owner.wait_for_url(re.compile(rf"protocol={slug}(#form)?$"))  # every page here has the form
    owner.get_by_label("Name", exact=True).fill(f"From {slug}")
    owner.get_by_role("button", name="Make project").click()
    owner.wait_for_url(re.compile(rf"/projects/from-{slug}/(#form)?$"))
    project = Project.objects.get(slug=f"from-{slug}")
    responses(project)
    owner.reload()
    owner.get_by_role("button", name="Ask", exact=True).click()
    owner.get_by_text(re.compile(r"\d new questions are asked")).wait_for()
    owner.get_by_role("button", name="Open for judging").click()
    owner.get_by_text("The project is now open").wait_for()
    Membership.objects.create(project=project, user=lived_in.ada, role=Role.ANNOTATOR)

    page = open_page(lived_in.ada, f"/projects/{project.slug}/judge/")
    act, expected = JUDGING[slug]
    act(page)
    expect(page.locator("#question-heading")).to_contain_text(re.compile("2 of|1 answered"))
    judgment = Judgment.objects.get(question__project=project)
    assert expected(judgment.payload), judgment.payload
    assert judgment.standing == "counted"
    assert bool(judgment.reason) == (slug == "helpsteer3")
    if protocol.survey:
        assert SurveyReply.objects.filter(profile__isnull=False).exists()
        assert judgment.profile is not None
        assert judgment.profile.attributes["age"] == "25 to 34"
