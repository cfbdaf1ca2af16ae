"""Rewards combined, and background work overseen, in a real browser; axe looks at each page."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation.models import Candidate, Measurement, User
from models_runtime.models import Combination, DeviceTime, WorkerSeen
from tests.cast import World
from tests.journeys.conftest import OpenPage
from tests.journeys.test_accessibility import violations
from tests.models_runtime.worlds import scripted

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def narrow(page: Page) -> int:
    page.set_viewport_size({"width": 390, "height": 800})
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_an_owner_combines_two_rewards_and_reads_what_went_in(
    lived_in: World, open_page: OpenPage
) -> None:
    scripted(lived_in.project)
    page = open_page(lived_in.olga, "/projects/advice/jobs/", color_scheme="light")
    found = {"jobs": violations(page)}
    expect(page.get_by_text("Scripted only.")).to_be_visible()
    page.get_by_role("link", name="Combine rewards").click()
    expect(page.get_by_text("Nothing is measured yet")).to_be_visible()
    for place, candidate in enumerate(Candidate.objects.order_by("pk")):
        for name, number in (("helpful", float(place)), ("harmless", -float(place))):
            Measurement.objects.create(
                candidate=candidate, name=name, source="amber, job 1", number=number
            )
    page.reload()
    page.get_by_label("helpful").first.check()
    page.get_by_label("harmless").first.check()
    page.get_by_label("Weight of harmless amber, job 1").fill("2")
    found["form"] = violations(page)
    page.get_by_role("button", name="Combine").click()
    expect(page.get_by_role("heading", name="combined, combination")).to_be_visible()
    found["made"] = violations(page)
    assert {part["weight"] for part in Combination.objects.get().parts} == {1.0, 2.0}
    assert narrow(page) <= 390
    page.goto("/projects/advice/rewards/")
    assert narrow(page) <= 390
    assert found == {name: [] for name in found}


def test_staff_see_workers_and_devices(lived_in: World, open_page: OpenPage) -> None:
    now = timezone.now()
    for name, ago, unknown in (("gpu0@here", 1, []), ("gpu1@here", 600, ["models.run_magic"])):
        WorkerSeen.objects.create(
            name=name,
            pid=4711,
            queues="generate,reward",
            started_at=now - timedelta(hours=1),
            seen_at=now - timedelta(seconds=ago),
            device="NVIDIA H200",
            used_bytes=20 * 2**30,
            total_bytes=140 * 2**30,
            held=["Qwen/Qwen3-8B"],
            unknown=unknown,
        )
    DeviceTime.objects.create(
        project=lived_in.project,
        day=timezone.localdate(now),
        device="NVIDIA H200",
        seconds=5400,
        shifts=270,
        peak_bytes=60 * 2**30,
        total_bytes=140 * 2**30,
    )
    User.objects.filter(pk=lived_in.sam.pk).update(is_staff=True)
    page = open_page(lived_in.sam, "/operations/", color_scheme="light")
    expect(page.get_by_text("silent since")).to_have_count(1)
    expect(page.get_by_text("It doesn't know the task models.run_magic")).to_be_visible()
    found = {"operations": violations(page)}
    assert narrow(page) <= 390
    assert found == {"operations": []}
