"""The planner against the future itself: simulated votes, fitted again."""

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.diagnostics.planner import MOST, STEPS, plan, plan_for
from aggregation.tables import Comparisons
from tests.aggregation.worlds import random_comparisons, tennessee

TRUTH = np.array([0.5, 0.2, -0.1, -0.6])


def votes(rng: np.random.Generator, theta: object, people: int, start: int = 0) -> Comparisons:
    """Twenty votes per person; people differ in their strengths."""
    own = np.asarray(theta) + 0.3 * rng.normal(size=(people, 4))
    who = np.repeat(np.arange(people), 20)
    a = rng.integers(0, 4, len(who))
    b = (a + rng.integers(1, 4, len(who))) % 4
    y = np.where(own[who, a] - own[who, b] + rng.logistic(size=len(who)) > 0, 1, -1)
    return Comparisons.from_arrays(
        a, b, y, annotator=who + start, n_items=4, annotator_ids=range(400)
    )


def test_width_follows_the_square_root() -> None:
    """Half as wide takes three times as many more."""
    cov = 0.04 * np.eye(3)
    half = 1.959964 * 0.2
    found = plan(np.array([1.0, 0.0, -1.0]), cov, 1000, goal="width", width=half / 2)
    assert found is not None
    assert not found.reached_today
    assert found.enough.more is not None
    assert 3000 <= found.enough.more <= 3000 * MOST ** (1 / (STEPS - 2)) * 1.1
    assert found.steps[-1].half_width == pytest.approx(half / np.sqrt(1 + MOST))


def test_plan_agrees_with_votes_that_were_simulated_and_fitted() -> None:
    """Truths are drawn from today's uncertainty, further votes from each truth; 150 futures leave a
    standard error of 4 points.
    """
    rng = np.random.default_rng(4)
    method = METHODS["bradley_terry"]
    today = votes(rng, TRUTH, 60)
    result = method.fit(today)
    assert result.cov is not None
    found = plan_for(result, len(today), futures=20_000)
    assert found is not None
    step = min(found.steps, key=lambda s: abs(s.more - 2 * len(today)))
    people = round(step.more / 20)
    reached = 0
    for _ in range(150):
        truth = rng.multivariate_normal(result.score, result.cov)
        then = method.fit(today + votes(rng, truth, people, start=60))
        assert then.rank_hi is not None
        reached += bool(then.rank_hi[int(np.argmax(then.score))] == 1)
    assert reached / 150 == pytest.approx(step.reached, abs=0.13)


def test_more_judgments_are_asked_for_more_chance() -> None:
    rng = np.random.default_rng(1)
    found = plan_for(METHODS["bradley_terry"].fit(votes(rng, TRUTH, 40)), 800, people=40)
    assert found is not None
    needed = [f.more for f in found.forecasts]
    known = [m for m in needed if m is not None]
    assert known == sorted(known)
    assert found.people_for(800) == 40
    assert found.people_for(None) is None
    again = plan_for(METHODS["bradley_terry"].fit(votes(np.random.default_rng(1), TRUTH, 40)), 800,
                     people=40)  # fmt: skip
    assert again == found


def test_a_sure_winner_needs_nothing_more() -> None:
    found = plan(np.array([3.0, 0.0, -1.0]), 0.01 * np.eye(3), 100)
    assert found is not None
    assert found.reached_today
    assert found.enough.more == 0


def test_twins_are_never_told_apart() -> None:
    found = plan(np.array([0.0, 0.0]), 1e-12 * np.array([[1, -1], [-1, 1.0]]), 100, chance=0.99)
    assert found is not None
    assert found.enough.more is None


def test_a_full_order_takes_at_least_as_long_as_a_winner() -> None:
    result = METHODS["bradley_terry"].fit(votes(np.random.default_rng(2), TRUTH, 60))
    winner, order = (plan_for(result, 1200, goal=goal) for goal in ("winner", "order"))
    assert winner is not None
    assert order is not None
    for first, all_ in zip(winner.steps, order.steps, strict=True):
        assert all_.reached <= first.reached + 1e-12


def test_without_spread_or_in_parts_there_is_no_plan() -> None:
    assert plan_for(METHODS["schulze"].fit(tennessee()), 100) is None
    apart = Comparisons.from_arrays([0, 2] * 4, [1, 3] * 4, [1, 1, -1, -1] * 2,
                                    annotator=[0, 1, 2, 3] * 2)  # fmt: skip
    assert plan_for(METHODS["bradley_terry"].fit(apart), 8) is None
    assert plan(np.array([1.0, np.nan]), np.eye(2), 10) is None
    assert plan(np.array([1.0]), np.eye(1), 10) is None


def test_replicates_serve_as_well_as_a_covariance() -> None:
    table = random_comparisons(1, n=600, people=30)
    result = METHODS["win_rate"].fit(table, METHODS["win_rate"].options(replicates=200))
    found = plan_for(result, len(table))
    assert found is not None
    assert found.steps[0].half_width > found.steps[-1].half_width
