"""Ratings and checklists criterion by criterion: one of them, each on its own, or a stated mean."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from aggregation import loading, runs
from aggregation.enqueue import NotPossible, request_replay, request_run
from aggregation.models import Run
from aggregation.rating_columns import SEVERAL_CRITERIA
from annotation.models import Criterion, Rubric, WorkState
from tests.aggregation.votes import person, say
from tests.cast import World, make_project, make_question

CLEAR, KIND = "Is it clear?", "Is it kind?"


@pytest.fixture
def rated(world: World) -> World:
    """Two responses; the first is clearer, the second kinder."""
    rubric = Rubric.objects.create(project=world.project, name="two scales")
    for position, (text, high) in enumerate(((CLEAR, 5), (KIND, 11))):
        Criterion.objects.create(
            rubric=rubric, position=position, text=text, kind="scale",
            anchors={"low": 1, "high": high},
        )  # fmt: skip
    question = make_question(world.project, "rated", judgment_type="rating", rubric=rubric)
    for number in range(3):
        said = {
            "ratings": {"0": {"0": 5, "1": 1 + number}, "1": {"0": 2, "1": 10}},
            "scales": {"0": [1, 5], "1": [1, 11]},
        }
        say(question, person(world.project, f"p{number}"), said)
    return world


def scores(run: Run) -> dict[str, float | None]:
    runs.execute_run(run.pk)
    run.refresh_from_db()
    assert run.state == WorkState.DONE, run.error
    return dict(run.scores.values_list("item", "score"))


def test_one_criterion_is_read_on_its_own_scale(rated: World) -> None:
    clear = request_run(rated.project, "mean", criterion=CLEAR)
    assert scores(clear) == {"system-0": 5.0, "system-1": 2.0}
    kind = request_run(rated.project, "mean", criterion=KIND)
    assert scores(kind) == {"system-0": 2.0, "system-1": 10.0}
    assert clear.aggregate().conversions == ()


def test_without_one_all_become_a_stated_mean(rated: World) -> None:
    run = request_run(rated.project, "mean")
    found = scores(run)
    assert found["system-0"] == pytest.approx((1 + 0.1) / 2)
    assert run.aggregate().conversions == (SEVERAL_CRITERIA,)


def test_a_rebuild_reads_the_same_criterion(rated: World) -> None:
    run = request_run(rated.project, "mean", criterion=KIND)
    scores(run)
    replay = request_replay(run)
    scores(replay)
    assert replay.is_identical_replay


def test_the_page_starts_one_run_per_criterion(rated: World) -> None:
    client = Client()
    client.force_login(rated.olga)
    address = "/projects/advice/runs/"
    html = client.get(f"{address}?method=mean").content.decode()
    assert CLEAR in html
    asked: dict[str, Any] = {"method": "mean", "items": "systems", "kinds": ["person"], "seed": 0}
    client.post(address, asked | {"criterion": "*each*"})
    assert sorted(Run.objects.values_list("criterion", flat=True)) == [CLEAR, KIND]
    client.post(address, asked | {"criterion": KIND})
    run = Run.objects.latest("id")
    scores(run)
    html = client.get(f"{address}{run.public_id}/").content.decode()
    assert f"Criterion: {KIND}" in html
    refused = client.post(address, asked | {"criterion": "Is it purple?"})
    assert refused.status_code == 422


def test_a_project_without_criteria_is_not_asked_for_one(world: World) -> None:
    client = Client()
    client.force_login(world.olga)
    assert "one mean" not in client.get("/projects/advice/runs/").content.decode()
    assert loading.criteria(make_project("other")) == []


def test_the_api_and_the_command_choose_one_too(rated: World) -> None:
    client = Client()
    client.force_login(rated.olga)
    address = "/api/v1/projects/advice/runs/"
    answer = client.post(address, {"method": "mean", "criterion": CLEAR},
                         content_type="application/json")  # fmt: skip
    assert answer.json()["criterion"] == CLEAR
    wrong = client.post(address, {"method": "mean", "criterion": "Is it purple?"},
                        content_type="application/json")  # fmt: skip
    assert wrong.status_code == 400
    assert "purple" in wrong.content.decode()
    basis = {"method": "median", "same_judgments_as": answer.json()["id"]}
    again = client.post(address, basis, content_type="application/json")
    assert again.json()["criterion"] == CLEAR
    call_command("run_method", "advice", "mean", "--criterion", KIND)
    assert Run.objects.latest("id").criterion == KIND


def test_a_criterion_that_is_not_asked_is_refused(rated: World) -> None:
    with pytest.raises(NotPossible, match="doesn't ask"):
        request_run(rated.project, "mean", criterion="Is it purple?")
    with pytest.raises(loading.NothingToRead, match="purple"):
        loading.load(rated.project, mark=0, kinds=["person"], criterion="Is it purple?")


def test_checklists_can_be_read_one_line_at_a_time(world: World) -> None:
    rubric = Rubric.objects.create(project=world.project, name="checks")
    for position, text in enumerate((CLEAR, KIND)):
        Criterion.objects.create(rubric=rubric, position=position, text=text)
    question = make_question(world.project, "checked", judgment_type="checklist", rubric=rubric)
    answers = {"0": {"0": "yes", "1": "no"}, "1": {"0": "no", "1": "yes"}}
    for number in range(2):
        say(question, person(world.project, f"p{number}"), {"answers": answers})
    assert scores(request_run(world.project, "mean", criterion=CLEAR)) == {
        "system-0": 1.0,
        "system-1": 0.0,
    }
    both = request_run(world.project, "mean")
    assert scores(both) == {"system-0": 0.5, "system-1": 0.5}
    labels = request_run(world.project, "majority", criterion=KIND)
    runs.execute_run(labels.pk)
    labels.refresh_from_db()
    assert len(labels.aggregate().ids) == 2
