"""Pages against WCAG 2.2 AA as far as axe can see, in light and dark."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page

from annotation.login_links import create_link
from annotation.models import Criterion, Membership, Placement, Project, Role, Rubric, User
from annotation.projects import revise_guideline
from annotation.rendering import render_markdown
from annotation.steps import Steps
from tests.cast import World, make_project, make_question
from tests.faults.test_security import OF_A_PROJECT
from tests.journeys.conftest import OpenPage

pytestmark = pytest.mark.browser

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RICH = """# Steps

Text with `code`, a [link](https://a.example) and $x^2$.

| a | b |
|---|--:|
| 1 | 2 |

```python
def f(x): return "a"  # comment
```

> Quoted. ![a tower](https://a.example/i.png)
"""

Visit = tuple[Callable[[World], User | None], Callable[[World], str]]
VISITS: dict[str, Visit] = {
    "login": (lambda _: None, lambda _: "/login/"),
    "login once": (lambda _: None, lambda world: f"/login/once/{create_link(world.ada)}/"),
    "home": (lambda world: world.olga, lambda _: "/"),
    "home, empty": (lambda world: world.sam, lambda _: "/"),
    "project": (lambda world: world.olga, lambda _: "/projects/advice/"),
    "project, as annotator": (lambda world: world.ada, lambda _: "/projects/advice/"),
    "guidelines": (lambda world: world.ada, lambda _: "/projects/advice/guideline/"),
    "edit guidelines": (lambda world: world.olga, lambda _: "/projects/advice/guideline/edit/"),
    "new project": (lambda world: world.olga, lambda _: "/projects/new/"),
    "API tokens": (lambda world: world.ada, lambda _: "/account/tokens/"),
    "import": (lambda world: world.olga, lambda _: "/projects/advice/import/"),
    "runs": (lambda world: world.olga, lambda _: "/projects/advice/runs/"),
    "reports": (lambda world: world.olga, lambda _: "/projects/advice/reports/"),
    "newcomers": (lambda world: world.olga, lambda _: "/projects/advice/newcomers/"),
    "releases": (lambda world: world.olga, lambda _: "/projects/advice/releases/"),
    "jobs": (lambda world: world.olga, lambda _: "/projects/advice/jobs/"),
    "methods": (lambda world: world.olga, lambda _: "/methods/"),
    "tokens": (lambda world: world.olga, lambda _: reverse("annotation:tokens")),
    "refused": (lambda world: world.ada, lambda _: "/projects/advice/import/"),
    "not found": (lambda world: world.ada, lambda _: "/nowhere/"),
    "judging": (lambda world: world.ada, lambda _: "/projects/advice/judge/"),
    "checklist": (lambda world: world.ada, lambda _: "/projects/checklist/judge/"),
    "rating": (lambda world: world.ada, lambda _: "/projects/rating/judge/"),
    "ranking": (lambda world: world.ada, lambda _: "/projects/ranking/judge/"),
    "rewrite": (lambda world: world.ada, lambda _: "/projects/rewrite/judge/"),
    "critique": (lambda world: world.ada, lambda _: "/projects/critique/judge/"),
}


@pytest.fixture
def furnished(lived_in: World) -> World:
    Project.objects.update(is_simulated=True)
    revise_guideline(project=lived_in.project, text=RICH)
    for question in lived_in.questions:
        for placement in question.placements.all():
            placement.candidate.html = render_markdown(RICH)
            placement.candidate.save()
    steps = Steps(confidence="required", prediction="required").options()
    for slug in ("checklist", "rating", "ranking", "rewrite", "critique"):
        project = make_project(slug, judgment_type=slug, options=steps)
        Membership.objects.create(user=lived_in.ada, project=project, role=Role.ANNOTATOR)
        rubric = Rubric.objects.create(project=project, name="Advice")
        kind = "scale" if slug == "rating" else "yes_no"
        for position, anchors in enumerate(({}, {"low": 0, "high": 100})):
            Criterion.objects.create(
                rubric=rubric,
                position=position,
                text=f"Criterion {position}?",
                explanation="Explained.",
                kind=kind,
                anchors=anchors if slug == "rating" else {},
            )
        bare = slug in ("ranking", "rewrite")
        count = 1 if slug == "rewrite" else 2
        make_question(project, "dog", rubric=None if bare else rubric, candidates=count)
    return lived_in


def violations(page: Page) -> list[str]:
    page.wait_for_load_state("networkidle")
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": WCAG}})
    assert found.response["passes"], "axe looked at nothing"
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


def test_every_page_can_be_used_by_everyone_in_light_and_dark_and_on_a_phone(
    furnished: World, open_page: OpenPage
) -> None:
    found: dict[str, list[str]] = {}
    for name, (user, path) in VISITS.items():
        page = open_page(user(furnished), path(furnished), color_scheme="light")
        found[f"{name}, light"] = violations(page)
        page.emulate_media(color_scheme="dark")
        found[f"{name}, dark"] = violations(page)
        for width in (390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            wide = page.evaluate("document.documentElement.scrollWidth")
            found[f"{name}, {width} wide"] = [f"{wide} pixels"] if wide > width else []
    assert {name: each for name, each in found.items() if each} == {}


def test_no_page_of_a_project_is_left_out(furnished: World, open_page: OpenPage) -> None:
    """Every address of a project that its owner opens, by the list of addresses itself."""
    visited = {path(furnished) for _, path in VISITS.values()}
    client = Client()
    client.force_login(furnished.olga)
    addresses = sorted({a for _, a in OF_A_PROJECT if not a.startswith("/api/")} - visited)
    pages = [each for each in addresses if b"<html" in client.get(each).content]
    pages = [each for each in pages if client.get(each).status_code == 200]
    assert len(pages) > 8, "the list of addresses has shrunk"
    found: dict[str, list[str]] = {}
    page = open_page(furnished.olga, "/", color_scheme="light")
    for address in pages:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.emulate_media(color_scheme="light")
        page.goto(address)
        found[f"{address}, light"] = violations(page)
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 390, "height": 844})
        found[f"{address}, dark, on a phone"] = violations(page)
        wide = page.evaluate("document.documentElement.scrollWidth")
        found[f"{address}, width"] = [f"{wide} pixels"] if wide > 390 else []
    assert {name: each for name, each in found.items() if each} == {}


def test_marks_differences_and_second_answers_can_be_used_by_everyone(
    furnished: World, open_page: OpenPage
) -> None:
    Placement.objects.update(consequence="What came of it.")
    Project.objects.filter(slug="advice").update(options={"hindsight": True})
    page = open_page(furnished.ada, "/projects/advice/judge/")
    page.keyboard.press("d")
    assert violations(page) == []
    page.keyboard.press("1")
    page.locator(".consequence").first.wait_for()
    assert violations(page) == []
    for scheme in ("light", "dark"):
        page = open_page(furnished.ada, "/projects/critique/judge/", color_scheme=scheme)
        page.locator("[data-canonical]").first.focus()
        for key in ("ArrowDown", "1", "q", "ArrowDown", "1", "e", "ArrowDown"):
            page.keyboard.press(key)
        assert violations(page) == []
    page = open_page(furnished.ada, "/projects/rewrite/judge/")
    page.locator("[data-editor]").fill("Another text.")
    page.locator("ins").first.wait_for()
    assert violations(page) == []


def test_menus_drawers_and_errors_can_be_used_by_everyone(
    furnished: World, open_page: OpenPage
) -> None:
    page = open_page(furnished.ada, "/projects/advice/judge/")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_timeout(200)
    assert violations(page) == []
    page = open_page(furnished.ada, "/projects/checklist/judge/")
    page.locator("[data-submit]").click()
    page.locator("[data-error]").first.wait_for()
    assert violations(page) == []
    page.keyboard.press("?")
    page.wait_for_timeout(200)
    assert violations(page) == []
