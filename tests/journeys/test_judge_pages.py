"""A judge built, tried, started and compared in a real browser; axe looks at each page."""

import pytest
from playwright.sync_api import expect

from annotation.models import Candidate, Judgment
from models_runtime.models import JudgingJob
from tests.cast import World
from tests.journeys.conftest import OpenPage
from tests.journeys.test_accessibility import violations
from tests.models_runtime.test_judging_questions import carry_out
from tests.models_runtime.worlds import scripted

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_owner_tries_a_judge_then_starts_it_and_compares(
    lived_in: World, open_page: OpenPage
) -> None:
    for number, candidate in enumerate(Candidate.objects.order_by("id")):
        candidate.text = f"Answer {number}: talk first. ⟦u={1 - number % 2}⟧"
        candidate.save()
    scripted(lived_in.project)
    page = open_page(lived_in.olga, "/projects/advice/judges/", color_scheme="light")
    found = {"empty": violations(page)}
    page.get_by_role("link", name="Build a judge").click()
    found["choose"] = violations(page)
    page.get_by_role("link", name="Pairwise, in both orders").click()
    found["build"] = violations(page)
    page.get_by_role("button", name="Try it on ten").click()
    expect(page.get_by_role("heading", name="Trial of amber (scripted)")).to_be_visible()
    carry_out(JudgingJob.objects.get())
    expect(page.get_by_role("heading", name="Start it")).to_be_visible(timeout=15_000)
    page.get_by_text("2 calls, with their prompts").first.click()
    expect(page.get_by_text("You compare two responses").first).to_be_visible()
    page.emulate_media(color_scheme="dark")
    found["trial"] = violations(page)
    assert not Judgment.objects.exists()
    page.get_by_label("Money cap").fill("3")
    page.get_by_role("button", name="Start judging").click()
    expect(page.get_by_role("heading", name="Judgments by amber (scripted)")).to_be_visible()
    job = JudgingJob.objects.get(trial=False)
    assert job.max_cost == 3
    carry_out(job)
    page.goto("/projects/advice/judges/")
    expect(page.get_by_role("cell", name="not enough data: no other judge")).to_be_visible()
    found["compare"] = violations(page)
    page.set_viewport_size({"width": 390, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    assert {name: each for name, each in found.items() if each} == {}
