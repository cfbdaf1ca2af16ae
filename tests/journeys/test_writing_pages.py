"""Prompts asked for, watched until they are there, answered and voted on; axe looks on."""

import pytest
from playwright.sync_api import expect

from annotation.content import add_prompt
from models_runtime.models import GenerationJob, PromptJob
from tests.cast import World
from tests.journeys.conftest import OpenPage
from tests.journeys.test_accessibility import violations
from tests.models_runtime.test_generating import carry_out
from tests.models_runtime.test_prompt_making import carry_out as write_prompts
from tests.models_runtime.worlds import scripted

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_owner_has_prompts_written_answered_and_voted_on(
    lived_in: World, open_page: OpenPage
) -> None:
    for n in range(4):
        add_prompt(project=lived_in.project, messages=f"What is {11 + 7 * n} + {12 + 5 * n}?")
    scripted(lived_in.project, quality=0.5)
    page = open_page(lived_in.olga, "/projects/advice/jobs/", color_scheme="light")
    page.get_by_role("link", name="Write prompts").click()
    page.get_by_role("button", name="What would it take?").click()
    expect(page.get_by_role("heading", name="What it would take")).to_be_visible()
    found = {"ask": violations(page)}
    page.get_by_role("button", name="Start writing").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    write_prompts(PromptJob.objects.get())
    expect(page.get_by_role("heading", name="What became of the ideas")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2_500)
    assert asked == []  # a job that has ended is asked no more
    found["prompts"] = violations(page)
    page.goto("/projects/advice/jobs/new/candidates/")
    page.get_by_label("Candidates per prompt").fill("5")
    page.get_by_label("Candidates that are too alike").select_option("again")
    found["write"] = violations(page)
    page.get_by_role("button", name="Start writing").click()
    carry_out(GenerationJob.objects.get())
    expect(page.get_by_text("Tokens a second")).to_be_visible()
    page.goto("/projects/advice/iterations/")
    page.get_by_role("button", name="Let candidates vote on what is right").click()
    expect(page.get_by_role("heading", name="By job, the oldest first")).to_be_visible()
    page.emulate_media(color_scheme="dark")
    found["iterations"] = violations(page)
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert {name: each for name, each in found.items() if each} == {}
