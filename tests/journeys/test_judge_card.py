"""A judge's card in a real browser: read by everyone, in light and dark, wide and narrow."""

import dataclasses

import pytest

from models_runtime.models import AuditFinding, AuditJob
from tests.cast import World
from tests.journeys.conftest import OpenPage
from tests.journeys.test_accessibility import violations
from tests.models_runtime.planted import CASES, examined
from tests.models_runtime.worlds import scripted

pytestmark = pytest.mark.browser


def carded(world: World) -> AuditJob:
    """A finished card with three findings that say something and one that can't."""
    job = AuditJob.objects.create(
        project=world.project, checkpoint=scripted(world.project), protocol="pairwise",
        audits=["position", "calibration", "agreement", "drift"], progress_total=40,
        progress_done=40, state="done", finished_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    for case in CASES:
        if case.slug in job.audits:
            found = examined(case, 1, 40)
            AuditFinding.objects.create(
                job=job, audit=case.slug, grade=found.grade.value, limit=0.1, rule=found.rule,
                sentence=found.sentence, detail=dict(found.detail),
                figures=[dataclasses.asdict(figure) for figure in found.figures],
            )  # fmt: skip
    return job


def test_a_card_can_be_read_by_everyone(lived_in: World, open_page: OpenPage) -> None:
    address = f"/projects/advice/judges/cards/{carded(lived_in).public_id}/"
    page = open_page(lived_in.olga, address, viewport={"width": 1280, "height": 900})
    found = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            wide = page.evaluate("document.documentElement.scrollWidth")
            found[f"{scheme} {width}"] = violations(page)
            found[f"{scheme} {width} wide"] = [f"{wide} pixels"] if wide > width else []
    assert {name: each for name, each in found.items() if each} == {}
    assert page.locator("svg.reliability .reliability-mark").count() >= 3
    page.locator("summary", has_text="The same as a table").focus()
    page.keyboard.press("Enter")
    assert page.locator("details[open] table").is_visible()
