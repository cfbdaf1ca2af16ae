"""Ties, strengths and probits: golden values, and derivatives against differences."""

from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.methods.ranking import _pair_model as pair_model
from aggregation.methods.ranking._cells import Cells
from aggregation.methods.ranking._outcome_models import Cumulative, Davidson, OutcomeModel, Probit
from aggregation.methods.ranking._structure import structure_of
from aggregation.results import WarningCode
from aggregation.tables import Comparisons
from tests.aggregation.worlds import random_comparisons, three_items_with_ties, twenty_two_games


def fit(slug: str, table: Any, **options: Any) -> Any:
    return METHODS[slug].fit(table, METHODS[slug].options(**options))


def strengths_of_three() -> Comparisons:
    """Levels -2…2: AB [1,2,3,3,3], AC [0,1,1,3,5], BC [1,1,4,2,3]."""
    counts = {(0, 1): [1, 2, 3, 3, 3], (0, 2): [0, 1, 1, 3, 5], (1, 2): [1, 1, 4, 2, 3]}
    rows = [
        (a, b, y, n)
        for (a, b), row in counts.items()
        for y, n in zip(range(-2, 3), row, strict=True)
        if n
    ]
    a, b, y, n = np.array(rows).T
    return Comparisons.from_arrays(a, b, y, weight=n)


def test_davidson() -> None:
    result = fit("davidson", three_items_with_ties())
    np.testing.assert_allclose(result.score, [0.98505, 0.03185, -1.01690], atol=1e-5)
    assert result.fit.parameters["nu"] == pytest.approx(0.789501, abs=1e-6)
    assert result.fit.parameters["nu"] / 2 == pytest.approx(0.394750, abs=1e-6)  # Newman's v
    assert result.fit.loglik == pytest.approx(-31.042566, abs=1e-6)
    assert result.prob(0, 1).sum() == pytest.approx(1.0)
    assert result.prob(0, 0)[1] == pytest.approx(0.789501 / 2.789501, abs=1e-6)


def test_davidson_is_newmans_model_with_ties() -> None:
    evalica = pytest.importorskip("evalica")
    table = random_comparisons(4, weight=None)
    choice = [evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X]
    winners = [choice[int(np.sign(y)) + 1] for y in table.y]
    rival = evalica.newman(
        table.a.tolist(), table.b.tolist(), winners, tolerance=1e-12, limit=20000
    )
    logs = np.log(rival.scores.sort_index().to_numpy())
    result = fit("davidson", table)
    np.testing.assert_allclose(result.score, logs - logs.mean(), atol=1e-5)
    assert result.fit.parameters["nu"] == pytest.approx(2 * rival.v, abs=1e-5)


def test_rao_kupper() -> None:
    result = fit("rao_kupper", three_items_with_ties())
    np.testing.assert_allclose(result.score, [0.79389, 0, -0.79389], atol=1e-5)
    assert result.fit.parameters["eta"] == pytest.approx(1.884910, abs=1e-6)
    assert result.fit.loglik == pytest.approx(-30.891411, abs=1e-6)


def test_strength() -> None:
    result = fit("strength_logit", strengths_of_three())
    np.testing.assert_allclose(result.score, [0.78874, 0.01941, -0.80815], atol=1e-5)
    np.testing.assert_allclose(result.fit.parameters["thresholds"], [0.63117, 1.74801], atol=1e-5)
    assert result.fit.loglik == pytest.approx(-47.586050, abs=1e-6)


def test_thurstone() -> None:
    result = fit("thurstone", twenty_two_games())
    np.testing.assert_allclose(result.score, [-0.27594, 0.03101, -0.25385, 0.49878], atol=1e-5)
    assert result.fit.loglik == pytest.approx(-13.428233, abs=1e-6)


@pytest.mark.parametrize(
    "model", [Davidson(True), Cumulative((1, 2), True), Cumulative((1, 2), False), Probit()]
)
def test_derivatives_are_derivatives(model: OutcomeModel) -> None:
    rng = np.random.default_rng(0)
    allowed = (
        [-1, 1]
        if isinstance(model, Probit)
        else [-1, 0, 1]
        if isinstance(model, Davidson)
        else [-2, -1, 1, 2]
    )
    outcome, d = rng.choice(allowed, 50), 3 * rng.normal(size=50)
    extra, h = model.start() + 0.3, 1e-6
    at = model.derivatives(outcome, d, extra)
    up, down = model.derivatives(outcome, d + h, extra), model.derivatives(outcome, d - h, extra)
    np.testing.assert_allclose(at.d, (up.logp - down.logp) / (2 * h), atol=1e-7)
    np.testing.assert_allclose(at.dd, (up.d - down.d) / (2 * h), atol=1e-7)
    np.testing.assert_allclose(at.de, (up.e - down.e) / (2 * h), atol=1e-7)
    for q in range(model.n_extra):
        step = h * np.eye(model.n_extra)[q]
        up, down = (
            model.derivatives(outcome, d, extra + step),
            model.derivatives(outcome, d, extra - step),
        )
        np.testing.assert_allclose(at.e[q], (up.logp - down.logp) / (2 * h), atol=1e-7)
        np.testing.assert_allclose(at.ee[q], (up.e - down.e) / (2 * h), atol=1e-7)


def test_outcomes_have_probabilities_that_sum_to_one() -> None:
    model, d = Cumulative((1, 2), True), np.linspace(-40, 40, 9)
    total = sum(
        np.exp(model.derivatives(np.full(9, y), d, np.array([0.5, 1.5])).logp) for y in range(-2, 3)
    )
    np.testing.assert_allclose(total, 1.0)


def test_strength_with_one_level_is_rao_kupper() -> None:
    table = random_comparisons(2)
    flat = Comparisons.from_arrays(table.a, table.b, np.sign(table.y), weight=table.weights)
    np.testing.assert_allclose(
        fit("strength_logit", flat).score, fit("rao_kupper", table).score, atol=1e-9
    )


@pytest.mark.parametrize("slug", ["davidson", "rao_kupper", "strength_logit"])
def test_without_ties_the_model_is_bradley_terry(slug: str) -> None:
    result = fit(slug, twenty_two_games())
    np.testing.assert_allclose(
        result.score, fit("bradley_terry", twenty_two_games()).score, atol=1e-8
    )
    assert WarningCode.ALL_TIES in result.codes


@pytest.mark.parametrize("slug", ["davidson", "rao_kupper", "strength_logit"])
def test_with_nothing_but_ties_the_tie_parameter_is_blank(slug: str) -> None:
    result = fit(slug, Comparisons.from_arrays([0, 1], [1, 2], [0, 0]))
    np.testing.assert_allclose(result.score, 0.0, atol=1e-12)
    assert WarningCode.ALL_TIES in result.codes
    assert result.link is None


def test_bradley_terry_as_an_outcome_model_has_the_same_errors() -> None:
    table = random_comparisons(3, weight=None)
    decided = table.take(table.y != 0)
    for ci in ("hessian", "cluster", "sandwich"):
        one, two = fit("davidson", decided, ci=ci), fit("bradley_terry", decided, ci=ci)
        np.testing.assert_allclose(one.se, two.se, atol=1e-7)


def test_the_joint_information_is_the_hessian() -> None:
    table = random_comparisons(5)
    cells, model = Cells.of(table, levels=True), Cumulative((1, 2, 3), True)
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=5), [0.4, 1.1, 2.0]])
    structure = structure_of(table.pair_counts())

    def value(z: Any) -> float:
        return pair_model.objective(cells, model, z[:5], z[5:], np.zeros(5))

    at = model.derivatives(cells.outcome, x[cells.i] - x[cells.j], x[5:])
    H = pair_model.information(cells, at, structure, np.zeros(5)) - np.pad(
        np.full((5, 5), 0.2), (0, 3)
    )
    h = 1e-4
    steps = h * np.eye(8)
    numeric = [
        [
            (value(x + s + t) - value(x + s - t) - value(x - s + t) + value(x - s - t))
            / (4 * h * h)
            for t in steps
        ]
        for s in steps
    ]
    np.testing.assert_allclose(H, -np.array(numeric), atol=1e-3)
