"""The pluralistic report in a real browser: read, unfolded by keys, on a phone, on paper."""

import json
from dataclasses import replace

import pytest
from django.utils import timezone

from aggregation.models import Report
from aggregation.report import Material, Reason, ReportOptions, build, plain
from annotation.models import WorkState
from tests.aggregation.golden.test_pluralism_groups import item_world
from tests.cast import World
from tests.journeys.conftest import OpenPage
from tests.journeys.test_accessibility import violations

pytestmark = pytest.mark.browser


def finished(world: World) -> Report:
    """Three groups of 45, 35 and 20 invented people."""
    table, group = item_world(0, 24)
    reasons = tuple(
        Reason(str(who), "", "E", "D", 1, f"Reason {who}.") for who in range(100) if group[who] == 1
    )
    ids = tuple(str(who) for who in range(100))
    material = Material(
        replace(table, ids=tuple("ABCDE"), annotator_ids=ids), "systems", reasons=reasons
    )
    made = build(material, ReportOptions(replicates=20, restarts=3, most=3))
    now = timezone.now()
    return Report.objects.create(
        project=world.project,
        mark=0,
        kinds=["person"],
        state=WorkState.DONE,
        finished_at=now,
        content=json.dumps(plain(made)),
    )


def test_a_report_can_be_read_by_everyone_unfolded_by_keys_and_printed(
    lived_in: World, open_page: OpenPage
) -> None:
    address = f"/projects/advice/reports/{finished(lived_in).public_id}/"
    page = open_page(lived_in.olga, address, viewport={"width": 1280, "height": 900})
    found = {"light": violations(page)}
    page.emulate_media(color_scheme="dark")
    found["dark"] = violations(page)
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        wide = page.evaluate("document.documentElement.scrollWidth")
        found[f"{width} wide"] = [f"{wide} pixels"] if wide > width else []
    assert {name: each for name, each in found.items() if each} == {}

    summary = page.locator("summary", has_text="Regret")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("details[open] table").is_visible()
    marks = page.locator("svg .mark")
    assert marks.count() >= 100
    shapes = {marks.nth(n).evaluate("e => e.tagName") for n in range(100)}
    assert shapes == {"circle", "rect", "path"}  # groups are told apart without colour
    assert page.locator("blockquote").count() == 3

    page.emulate_media(media="print")
    assert not page.locator(".project-nav").is_visible()
    folded = page.locator("details:not([open]) table")
    assert folded.count() > 2
    assert folded.first.is_visible()
