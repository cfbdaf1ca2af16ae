"""A run and a comparison as a person sees them: whole, readable by everyone, also on a phone."""

import numpy as np
import pytest

from aggregation import examining, runs
from aggregation.enqueue import judgments_examined, request_examination, request_run
from aggregation.models import PriorityRound, Run
from aggregation.priorities import execute_round
from aggregation.steering import switch_steering
from annotation.models import System, WorkState
from tests.aggregation.votes import person, vote
from tests.cast import World, make_question
from tests.journeys.conftest import OpenPage
from tests.journeys.test_accessibility import violations

pytestmark = pytest.mark.browser

SUBJECTS = ("sturdiness", "plan", "effects")
SYSTEMS = ("amber", "a-very-long-name-of-a-system-from-a-university", "cobalt", "dune", "ebony")


@pytest.fixture
def examined(lived_in: World) -> list[Run]:
    """Five systems, ten people in two regions, three rules, and all that can be asked of them."""
    rng = np.random.default_rng(1)
    project = lived_in.project
    systems = [System.objects.create(project=project, name=name) for name in SYSTEMS]
    regions = ["north"] * 5 + ["south"] * 5
    people = [person(project, f"p{at}", region=region) for at, region in enumerate(regions)]
    for number in range(30):
        a, b = rng.choice(5, 2, replace=False)
        question = make_question(project, f"more-{number}", overlap=9)
        for placement in question.placements.all():
            placement.candidate.system = systems[(a, b)[placement.position]]
            placement.candidate.save()
        for who in rng.choice(10, 3, replace=False):
            liked = 0.5 * (b - a) + rng.logistic()
            vote(question, people[who], 1 if liked > 0 else -1, shown_order=[0, 1])
    done = [request_run(project, slug) for slug in ("bradley_terry", "schulze", "borda")]
    for run in done:
        runs.execute_run(run.pk)
        run.refresh_from_db()
    look = judgments_examined(done[0])
    assert look is not None
    asked = [look, *(request_examination(done[0], each) for each in SUBJECTS)]
    asked.append(request_examination(done[0], "rules", beside=done[1:]))
    groups = {"attribute": "region"}
    asked.append(request_examination(done[0], "groups", beside=done[1:], options=groups))
    for examination in asked:
        examining.execute_examination(examination.pk)
        examination.refresh_from_db()
        assert examination.state == WorkState.DONE, examination.error
    switch_steering(project, is_on=True, user=lived_in.olga)
    execute_round(PriorityRound.objects.get().pk)
    return done


def test_results_can_be_read_by_everyone(
    lived_in: World, examined: list[Run], open_page: OpenPage
) -> None:
    run = f"/projects/advice/runs/{examined[0].public_id}/"
    compared = "/projects/advice/runs/compare/"
    visits = (
        (run, "How many more judgments", 1280, "light"),
        (run, "What attributes of the responses do", 390, "light"),
        (compared, "What each choice costs whom", 390, "light"),
        ("/tie-breaks/", "Draw by a beacon", 390, "dark"),
        (run, "How many more judgments", 390, "dark"),
        (compared, "Which rule predicts people it hasn’t seen", 390, "dark"),
        ("/projects/advice/runs/", "What is asked next", 390, "light"),
    )
    found: dict[str, list[str]] = {}
    for address, heading, width, scheme in visits:
        page = open_page(
            lived_in.olga,
            address,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
        )
        assert page.get_by_role("heading", name=heading).is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if wrong := violations(page):
            found[f"{address} at {width}, {scheme}"] = wrong
        page.close()
    assert found == {}
