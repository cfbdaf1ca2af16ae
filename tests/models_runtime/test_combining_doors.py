"""Combining rewards by page and API: the same act, the same refusals, the same provenance."""

import math
from typing import Any

import pytest
from django.test import Client

from annotation.models import Candidate, Measurement, Role
from models_runtime.combining_forms import METHOD_WORDS, CombineForm
from models_runtime.combining_rewards import available_to
from models_runtime.models import Combination
from tests.annotation.calling import as_
from tests.cast import World, make_project, member

PAGE = "/projects/advice/rewards/"
API = "/projects/advice/combinations/"


@pytest.fixture
def measured(world: World) -> World:
    """Every candidate is helpful by its place; all but the first are also harmless, the other way
    round."""
    for place, candidate in enumerate(Candidate.objects.order_by("pk")):
        about = {"candidate": candidate, "number": float(place)}
        Measurement.objects.create(name="helpful", source="a", **about)
        if place:
            about["number"] = -float(place)
            Measurement.objects.create(name="harmless", source="b", **about)
    return world


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ticked(world: World, **weights: float) -> dict[str, str]:
    """What a browser sends with the named numbers ticked."""
    form = CombineForm(available=available_to(world.project))
    sent = {"method": "log_sigmoid", "quantile": "0.5", "name": "both"}
    for each, use, weight in form.rows():
        if each.name in weights:
            sent |= {use.html_name: "on", weight.html_name: str(weights[each.name])}
    return sent


def test_a_manager_combines_on_the_page_and_sees_what_went_in(measured: World) -> None:
    mona = browser(member(measured.project, "mona", Role.MANAGER))
    assert "harmless" in mona.get(PAGE).content.decode()
    answer = mona.post(PAGE, ticked(measured, helpful=1.0, harmless=2.0))
    made = Combination.objects.get()
    assert answer["Location"] == f"{PAGE}{made.pk}/"
    count = Candidate.objects.count()
    assert (made.method, made.candidates, made.left_out) == ("log_sigmoid", count - 1, 1)
    assert {(p["name"], p["source"], p["weight"]) for p in made.parts} == {
        ("helpful", "a", 1.0),
        ("harmless", "b", 2.0),
    }
    shown = mona.get(answer["Location"]).content.decode()
    middle = (count - 1 + 1) / 2
    assert f"{middle:.4f}" in shown
    assert f"{-middle:.4f}" in shown
    assert "both, combination" in mona.get(PAGE).content.decode()
    value = Measurement.objects.filter(scoring__combination=made).earliest("candidate").number
    gap = 1 - middle
    expected = -math.log1p(math.exp(-gap)) - 2 * math.log1p(math.exp(gap))
    assert value == pytest.approx(expected)


def test_nothing_ticked_and_nothing_measured_are_said_and_nothing_is_lost(world: World) -> None:
    olga = browser(world.olga)
    assert "Nothing is measured yet" in olga.get(PAGE).content.decode()
    (first, *_) = Candidate.objects.order_by("pk")
    Measurement.objects.create(candidate=first, name="helpful", source="a", number=1.0)
    answer = olga.post(PAGE, {"method": "weighted", "quantile": "0.4", "name": "mine"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Choose at least one number." in page
    assert 'value="mine"' in page
    assert not Combination.objects.exists()


def test_the_api_combines_by_every_method_and_lists_what_can_be_combined(measured: World) -> None:
    olga = as_(measured.olga)
    count = Candidate.objects.count()
    assert olga.get(f"{API}parts/").json() == [
        {"name": "harmless", "source": "b", "candidates": count - 1},
        {"name": "helpful", "source": "a", "candidates": count},
    ]
    parts = [{"name": "helpful", "weight": 0.5}, {"name": "harmless", "source": "b"}]
    for method in METHOD_WORDS:
        answer = olga.post(API, {"parts": parts, "method": method, "quantile": 0.25})
        assert answer.status_code == 201, answer.json()
        told = answer.json()
        assert (told["method"], told["candidates"], told["left_out"]) == (method, count - 1, 1)
        assert told["settings"] == {"quantile": 0.25}
        assert [part["weight"] for part in told["parts"]] == [0.5, 1.0]
        assert (told["parts"][0]["reference"] is None) == (method == "weighted")
        kept = Measurement.objects.filter(name="combined", source=told["source"])
        assert kept.count() == count - 1
        assert olga.get(f"{API}{told['id']}/").json() == told
    assert len(olga.get(API).json()["results"]) == len(METHOD_WORDS)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"parts": [{"name": "charm"}]}, "no number called"),
        ({"parts": [{"name": "helpful"}, {"name": "helpful"}]}, "chosen twice"),
        ({"parts": [{"name": "helpful"}], "quantile": 1.5}, "between 0 and 1"),
    ],
)
def test_the_api_refuses_what_makes_no_sense(
    measured: World, body: dict[str, object], sentence: str
) -> None:
    answer = as_(measured.olga).post(API, body)
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]


def test_annotators_and_other_projects_see_nothing_of_it(measured: World) -> None:
    olga = as_(measured.olga)
    made = olga.post(API, {"parts": [{"name": "helpful"}]}).json()
    assert as_(measured.ada).get(API).status_code == 403
    assert browser(measured.ada).get(PAGE).status_code in {403, 404}
    assert browser(measured.ada).get(f"{PAGE}{made['id']}/").status_code in {403, 404}
    other = make_project("other")
    owner = member(other, "otto", Role.OWNER)
    assert as_(owner).get(f"/projects/other/combinations/{made['id']}/").status_code == 404
    assert browser(owner).get(f"/projects/other/rewards/{made['id']}/").status_code == 404
