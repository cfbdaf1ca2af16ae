"""Rules on ratings: vectors worked out by hand, and what nobody can gain."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.catalogue import METHODS
from aggregation.methods.scalars.uniform_phantom import phantom
from aggregation.results import WarningCode
from aggregation.tables import Ratings
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
