"""Rules on ratings: vectors worked out by hand, and what nobody can gain."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from aggregation.catalogue import METHODS
from aggregation.methods.scalars._ordinal import Ordinal
from aggregation.methods.scalars.uniform_phantom import phantom
from aggregation.results import WarningCode
from aggregation.tables import Ratings, TableError
from tests.aggregation.worlds import random_ratings

MATRIX = np.array([[5, 4, 2, 1], [4, 3, 1, 1], [5, 5, 3, 3], [1, 4, 2, 5]], dtype=float)


def grid(values: Any, lo: float | None = None, hi: float | None = None) -> Ratings:
    """Rows are annotators, columns units."""
    x = np.asarray(values, dtype=float)
    annotator, unit = np.indices(x.shape)
    return Ratings.from_arrays(unit.ravel(), annotator.ravel(), x.ravel(), lo=lo, hi=hi)


def fit(slug: str, table: Ratings, **options: Any) -> Any:
    return METHODS[slug].fit(table, METHODS[slug].options(**options))


def one(values: list[float]) -> Ratings:
    return Ratings.from_arrays([0] * len(values), range(len(values)), values, lo=0.0, hi=1.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0, 1], 1 / 3),
        ([0.2, 0.4, 0.9], 0.4),
        ([0, 0, 0, 1, 1], 0.4),
        ([1, 1, 1, 0], 0.75),
        ([0.1, 0.1, 0.8, 0.9], 0.5),
    ],
)
def test_uniform_phantom(values: list[float], expected: float) -> None:
    assert fit("uniform_phantom", one(values)).score[0] == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_uniform_phantom_is_the_median_with_phantoms(values: list[float]) -> None:
    n = len(values)
    median = np.median(values + [k / n for k in range(1, n)])
    assert phantom(np.sort(values), np.ones(n)) == pytest.approx(median, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=7), st.floats(0, 1), st.integers(0, 6))
def test_nobody_gains_by_misreporting_to_the_phantoms(
    values: list[float], lie: float, who: int
) -> None:
    who %= len(values)
    honest = phantom(np.sort(values), np.ones(len(values)))
    bent = phantom(np.sort([*values[:who], lie, *values[who + 1 :]]), np.ones(len(values)))
    assert abs(bent - values[who]) >= abs(honest - values[who]) - 1e-12


def test_means_and_medians() -> None:
    np.testing.assert_allclose(fit("mean", grid(MATRIX)).score, [3.75, 4, 2, 2.5])
    np.testing.assert_allclose(fit("median", grid(MATRIX)).score, [4.5, 4, 2, 2])
    np.testing.assert_allclose(fit("mean", grid(MATRIX), trim=0.25).score, [4.5, 4, 2, 2])
    errors = MATRIX.std(axis=0, ddof=1) / 2
    np.testing.assert_allclose(fit("mean", grid(MATRIX)).se, errors)


def test_precision_of_annotators() -> None:
    result = fit("calibrated_mean", grid(MATRIX), model="precision", floor=0.1)
    np.testing.assert_allclose(result.score, [4.1198, 4.0481, 2.0481, 2.0340], atol=1e-4)
    spread = np.maximum(1 / result.annotators.ability, 0.1)
    np.testing.assert_allclose(spread, [0.677, 0.400, 0.100, 2.152], atol=1e-3)
    assert result.fit.converged
    assert WarningCode.LOCAL_OPTIMUM_RISK in result.codes


def test_additive_bias_is_least_squares() -> None:
    table = random_ratings(5)
    rows = table.answered()
    assert rows.annotator is not None
    J, U = len(rows.annotator_ids), rows.n_units
    design = np.zeros((len(rows) + 1, U + J))
    design[np.arange(len(rows)), rows.unit] = 1
    design[np.arange(len(rows)), U + rows.annotator] = 1
    design[-1, U:] = 1
    root = np.sqrt(np.append(rows.weights, 1.0))
    solution = np.linalg.lstsq(
        design * root[:, None], np.append(rows.value, 0.0) * root, rcond=None
    )[0]
    result = fit("calibrated_mean", table)
    np.testing.assert_allclose(result.score, solution[:U], atol=1e-8)
    np.testing.assert_allclose(result.annotators.bias, solution[U:], atol=1e-8)


def test_a_lenient_annotator_is_corrected() -> None:
    table = Ratings.from_arrays([0, 1, 1, 2], [0, 0, 1, 1], [4.0, 5.0, 2.0, 1.0])
    result = fit("calibrated_mean", table)
    assert result.score[0] == pytest.approx(result.score[2])
    assert result.annotators.bias[0] - result.annotators.bias[1] == pytest.approx(3.0)


def test_zscores_ignore_the_width_of_someones_scale() -> None:
    result = fit("calibrated_mean", grid([[1, 2, 3], [3, 6, 9]]), model="zscore")
    assert result.score[1] == pytest.approx(MATRIX.mean() * 0 + 4.0)
    assert result.score[2] - result.score[1] == pytest.approx(result.score[1] - result.score[0])


def test_random_ranks_are_lotteries_over_the_ratings() -> None:
    table = one([0.2, 0.2, 0.8, 0.4])
    drawn = fit("random_rank", table)
    assert drawn.fit.parameters["lottery"][0] == [[0.2, 0.5], [0.4, 0.25], [0.8, 0.25]]
    assert drawn.score[0] == pytest.approx(0.4)
    assert WarningCode.RANDOMISED in drawn.codes
    mixed = fit("average_or_random_rank", table)
    values, chances = np.array(mixed.fit.parameters["lottery"][0]).T
    assert chances.sum() == pytest.approx(1.0)
    assert values @ chances == pytest.approx(0.4)
    assert mixed.fit.parameters["draw_sd"][0] < drawn.fit.parameters["draw_sd"][0]


def expected_distance(lottery: list[list[float]], peak: float) -> float:
    value, chance = np.array(lottery).T
    return float(chance @ np.abs(value - peak))


def test_one_half_is_exactly_where_exaggerating_breaks_even() -> None:
    """Four people; the first wants .2 and the mean is .425. Reporting .2 - d moves the mean by d/4
    towards him, worth d/8 at one half, and costs him d when his own report is drawn, again d/8.
    """
    honest = [0.2, 0.5, 0.9, 0.1]
    before = fit("average_or_random_rank", one(honest)).fit.parameters["lottery"][0]
    for d in (0.05, 0.12, 0.2):
        bent = [honest[0] - d, *honest[1:]]
        after = fit("average_or_random_rank", one(bent)).fit.parameters["lottery"][0]
        gain = expected_distance(before, 0.2) - expected_distance(after, 0.2)
        assert gain == pytest.approx(0.0, abs=1e-12)
        drawn = [fit("random_rank", one(x)).fit.parameters["lottery"][0] for x in (honest, bent)]
        means = [fit("mean", one(x)).score[0] for x in (honest, bent)]
        lost = expected_distance(drawn[1], 0.2) - expected_distance(drawn[0], 0.2)
        won = abs(means[0] - 0.2) - abs(means[1] - 0.2)
        np.testing.assert_allclose([0.5 * won, 0.5 * lost], d / 8)
        assert 0.49 * won < 0.51 * lost  # a little less of the mean: he loses
        assert 0.51 * won > 0.49 * lost  # a little more: he gains, so one half is the most


@given(st.lists(st.floats(0, 1), min_size=2, max_size=7), st.floats(0, 1))
def test_nobody_gains_in_expectation_from_half_a_mean(values: list[float], lie: float) -> None:
    lotteries = [
        fit("average_or_random_rank", one(x)).fit.parameters["lottery"][0]
        for x in (values, [lie, *values[1:]])
    ]
    honest, bent = (expected_distance(lottery, values[0]) for lottery in lotteries)
    assert bent >= honest - 1e-12


def test_units_nobody_shares_are_not_compared_after_calibration() -> None:
    table = Ratings.from_arrays([0, 0, 1, 1], [0, 1, 2, 3], [1.0, 2.0, 3.0, 5.0])
    result = fit("calibrated_mean", table)
    assert WarningCode.DISCONNECTED in result.codes
    assert result.rank.tolist() == [1, 1]


# --- Ratings by their order only -----------------------------------------------------------------


def likert(seed: int, units: int = 60) -> tuple[Ratings, Any]:
    """Four annotators, one lenient and one strict, rate two thirds of the units in steps whose
    widths differ; weights of 1 and 2.
    """
    rng = np.random.default_rng(seed)
    psi = rng.normal(size=units) * 1.5
    annotator, unit = np.indices((4, units)).reshape(2, -1)
    heard = psi[unit] + np.array([0, 0, 1.5, -1.5])[annotator] + rng.logistic(size=4 * units)
    value = np.searchsorted([-3.0, -1.0, 0.0, 2.5], heard) + 1.0
    kept = rng.random(4 * units) < 0.67
    weight = rng.integers(1, 3, 4 * units).astype(float)
    rows = (unit[kept], annotator[kept], value[kept], weight[kept])
    return Ratings.from_arrays(*rows, n_units=units, annotator_ids=range(4)), psi


def ordinal_model(table: Ratings, penalty: float = 0.3) -> Ordinal:
    people, J = table.clusters
    return Ordinal.of(table, people, J, penalty)


def test_the_derivatives_of_the_ordinal_model_are_derivatives() -> None:
    model = ordinal_model(likert(0)[0])
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=64), [-2.0, -0.5, 0.3, 1.8]])
    h = 1e-5 * np.eye(len(x))
    numeric = [(model.objective(x + s) - model.objective(x - s)) / 2e-5 for s in h]
    np.testing.assert_allclose(model.gradient(x), numeric, atol=1e-6)
    bend = [(model.gradient(x - s) - model.gradient(x + s)) / 2e-5 for s in h]
    np.testing.assert_allclose(model.curvature(x).toarray(), bend, atol=1e-6)


def test_an_independent_optimiser_agrees_on_the_ordinal_model() -> None:
    """The likelihood written as the definition says, over 4 x 4 ratings 1 to 5."""
    table = grid(MATRIX)
    result = fit("calibrated_mean", table, model="ordinal", penalty=0.1)

    def loss(z: Any) -> float:
        psi, D, tau = z[:4], z[4:8], np.cumsum(np.concatenate([z[8:9], np.exp(z[9:])]))
        bounds = np.concatenate([[-np.inf], tau, [np.inf]])
        d = psi[None, :] + D[:, None]
        k = MATRIX.astype(int)
        chance = expit(bounds[k] - d) - expit(bounds[k - 1] - d)
        return float(-np.log(chance).sum() + 0.05 * (psi @ psi + D @ D))

    start = np.concatenate([np.zeros(8), [-1.5], np.zeros(3)])
    rival = minimize(loss, start, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000})
    assert result.fit.penalised == pytest.approx(-rival.fun, abs=1e-8)
    np.testing.assert_allclose(result.fit.parameters["latent"], rival.x[:4], atol=1e-4)
    np.testing.assert_allclose(result.annotators.bias, rival.x[4:8], atol=1e-4)
    tau = np.cumsum(np.concatenate([rival.x[8:9], np.exp(rival.x[9:])]))
    np.testing.assert_allclose(result.fit.parameters["thresholds"], tau, atol=1e-4)
    below = expit(tau[None, :] - rival.x[:4, None]).sum(axis=1)
    np.testing.assert_allclose(result.score, 5 - below, atol=1e-4)
    assert result.fit.converged


def test_no_newton_step_lowers_the_ordinal_objective_and_the_shifts_sum_to_nothing() -> None:
    table = likert(2)[0]
    steps = [fit("calibrated_mean", table, model="ordinal", max_iter=k) for k in range(1, 9)]
    values = [each.fit.penalised for each in steps]
    assert values[1] > values[0]
    assert (np.diff(values) >= -1e-9).all()
    assert steps[-1].fit.converged
    assert np.nansum(steps[-1].fit.parameters["latent"]) == pytest.approx(0.0, abs=1e-6)
    assert steps[-1].annotators.bias.sum() == pytest.approx(0.0, abs=1e-6)


def test_only_the_order_of_ratings_decides_the_ordinal_model() -> None:
    table = likert(3)[0]
    bent = replace(table, value=np.exp(table.value))
    one, two = (fit("calibrated_mean", each, model="ordinal") for each in (table, bent))
    np.testing.assert_allclose(one.fit.parameters["latent"], two.fit.parameters["latent"])
    assert one.rank.tolist() == two.rank.tolist()
    turned = fit("calibrated_mean", replace(table, value=6 - table.value), model="ordinal")
    np.testing.assert_allclose(turned.score, 6 - one.score, atol=1e-6)


def test_shifts_of_annotators_are_found_on_a_scale_of_uneven_steps() -> None:
    """Many units with few ratings each stretch the shifts, so their ratios are asked for."""
    table, psi = likert(4, units=600)
    result = fit("calibrated_mean", table, model="ordinal")
    shift = result.annotators.bias / np.ptp(result.annotators.bias)
    np.testing.assert_allclose(shift, [0, 0, 0.5, -0.5], atol=0.08)
    rated = ~np.isnan(result.score)
    latent = np.array(result.fit.parameters["latent"])[rated]
    plain = fit("mean", table).score[rated]
    found = [np.corrcoef(each, psi[rated])[0, 1] for each in (latent, plain)]
    assert found[0] > found[1] + 0.03
    assert (result.score[rated] >= 1).all()
    assert (result.score[rated] <= 5).all()


def test_the_ordinal_model_where_all_say_the_same_or_nobody_counts() -> None:
    same = grid([[3, 3], [3, 3]])
    assert fit("calibrated_mean", same, model="ordinal").score.tolist() == [3.0, 3.0]
    nobody = fit("calibrated_mean", same.reweighted(np.zeros(4)), model="ordinal")
    assert np.isnan(nobody.score).all()
    assert WarningCode.EMPTY in nobody.codes
    best = fit("calibrated_mean", grid([[5, 1], [5, 1], [5, 2]]), model="ordinal")
    assert 3 < best.score[0] <= 5  # always the best value, and finite all the same
    assert np.isfinite(best.fit.parameters["latent"]).all()


def test_a_scale_of_too_many_different_ratings_is_refused() -> None:
    table = Ratings.from_arrays(np.arange(600) % 7, np.arange(600) % 5, np.linspace(0, 1, 600))
    with pytest.raises(TableError, match="at most 500 different ratings, not 600"):
        fit("calibrated_mean", table, model="ordinal")
