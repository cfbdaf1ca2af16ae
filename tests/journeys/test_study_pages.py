"""Studies as an owner walks through them: plan, mine criteria, hold a council, rehearse with
personas; axe looks on."""

import re

import pytest
from playwright.sync_api import expect

from annotation.models import Annotator, AnnotatorKind, Judgment, Question
from annotation.submission import record
from models_runtime.models import JudgingJob, StudyJob
from tests.cast import World
from tests.journeys.conftest import OpenPage
from tests.journeys.test_accessibility import violations
from tests.models_runtime.test_judging_questions import carry_out
from tests.models_runtime.test_studies import carried, council
from tests.models_runtime.worlds import pair

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAIRS = 21  # a third of which is held out


def test_an_owner_plans_mines_criteria_holds_a_council_and_rehearses(
    lived_in: World, open_page: OpenPage
) -> None:
    project = lived_in.project
    project.is_simulated = True
    project.save()
    person = Annotator.objects.create(
        project=project, kind=AnnotatorKind.PERSON, external_id="judge-of-pairs"
    )
    for number in range(PAIRS):
        worth = (1, -1) if number % 2 else (-1, 1)
        asked = pair(project, 100 + number, *(f"Text {number}. ⟦u={u}⟧" for u in worth))
        record(
            question=asked, annotator=person, payload={"strength": 2 * worth[0]},
            submission_key=f"pair-{number}", source="import",
        )  # fmt: skip
    first, others = council(project)
    page = open_page(lived_in.olga, "/projects/advice/judges/", color_scheme="light")
    found = {}

    page.get_by_role("link", name="Build a judge").click()
    page.get_by_role("link", name="Verify each solution").click()
    expect(page.get_by_role("heading", name="Solve or verify?")).to_be_visible()
    page.get_by_label("Budget of a prompt").fill("600")
    page.get_by_role("button", name="Plan again").click()
    expect(page.get_by_text(re.compile(r"verify each \d+ times"))).to_be_visible()
    found["plan"] = violations(page)

    page.goto("/projects/advice/judges/")
    page.get_by_role("link", name="Councils and criteria").click()
    found["studies"] = violations(page)
    page.get_by_role("link", name="Criteria from people's choices").click()
    page.locator("[name=option_criteria]").fill("3")
    page.locator("[name=max_cost]").fill("2")
    page.get_by_role("button", name="What would it take?").click()
    expect(page.get_by_text(re.compile(r"^21 pairs, "))).to_be_visible()
    found["ask"] = violations(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("calls so far")).to_be_visible()
    mined = carried(StudyJob.objects.get())
    assert (mined.state, mined.max_cost) == ("done", 2)
    expect(page.get_by_role("button", name="Make a rubric to edit")).to_be_visible(timeout=15_000)
    found["mined"] = violations(page)
    page.get_by_role("button", name="Make a rubric to edit").click()
    expect(page.get_by_text("mined from people").first).to_be_visible()
    found["rubric"] = violations(page)

    page.goto("/projects/advice/judges/studies/")
    page.get_by_role("link", name="Language Model Council").click()
    page.locator("[name=checkpoint]").select_option(str(first.public_id))
    for each in others:
        page.locator(f"[name=members][value='{each.public_id}']").check()
    page.locator("[name=option_proposed]").fill("1")
    page.get_by_role("button", name="Start").click()
    carried(StudyJob.objects.latest("id"))
    expect(page.get_by_text("Separability").first).to_be_visible(timeout=15_000)
    found["council"] = violations(page)
    before = Question.objects.count()
    page.get_by_role("button", name="Ask people about it").click()
    expect(page.get_by_text("What it wrote is in the project.")).to_be_visible()
    assert Question.objects.count() > before

    page.goto("/projects/advice/jobs/new/judgments/?protocol=persona")
    page.get_by_role("button", name="Try it on ten").click()
    carry_out(JudgingJob.objects.get(trial=True))
    expect(page.get_by_role("heading", name="Start it")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name="Start judging").click()
    carry_out(JudgingJob.objects.get(trial=False))
    invented = Judgment.objects.filter(annotator__kind=AnnotatorKind.SIMULATED)
    assert invented.exists()
    page.emulate_media(color_scheme="dark")
    page.goto("/projects/advice/judges/")
    found["judges"] = violations(page)
    page.set_viewport_size({"width": 390, "height": 800})
    for address in ("", "studies/", f"studies/{mined.public_id}/"):
        page.goto(f"/projects/advice/judges/{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    assert {name: each for name, each in found.items() if each} == {}
