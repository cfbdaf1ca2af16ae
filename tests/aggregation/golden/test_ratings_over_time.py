"""Elo, Glicko-2 and TrueSkill against their authors' examples; Rank Centrality, HodgeRank,
utilities.
"""

from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.methods.ranking import thurstone_utilities as utilities
from aggregation.methods.ranking.glicko2 import Ratings, rate_period
from aggregation.results import WarningCode
from aggregation.tables import Comparisons, PairCounts
from tests.aggregation.worlds import (
    cycle,
    games,
    random_comparisons,
    sixteen_votes,
    twenty_two_games,
)


def fit(slug: str, table: Any, **options: Any) -> Any:
    return METHODS[slug].fit(table, METHODS[slug].options(**options))


def test_elo_depends_on_the_order() -> None:
    circle = Comparisons.from_arrays([0, 1, 2], [1, 2, 0], [1, 1, 1])
    forward = fit("elo", circle, k=32, permutations=0)
    backward = fit("elo", circle.take(np.array([2, 1, 0])), k=32, permutations=0)
    np.testing.assert_allclose(forward.score, [998.497, 1000.736, 1000.767], atol=5e-4)
    np.testing.assert_allclose(backward.score, [1001.503, 999.233, 999.264], atol=5e-4)
    assert WarningCode.ORDER_DEPENDENT in forward.codes
    assert forward.score.sum() == pytest.approx(3000)


@pytest.mark.parametrize(
    ("k", "expected"),
    [
        (4, [992.1031, 999.9772, 999.9773, 1003.8862, 1004.0562]),
        (30, [945.593, 998.782, 998.849, 1024.080, 1032.697]),
    ],
)
def test_elo_on_sixteen_votes(k: float, expected: list[float]) -> None:
    score = fit("elo", sixteen_votes(), k=k, permutations=0).score
    np.testing.assert_allclose(score, expected, rtol=0, atol=5.1e-5 if k == 4 else 5.1e-4)


def test_elo_over_many_orders_forgets_the_order() -> None:
    table = random_comparisons(1)
    one = fit("elo", table, permutations=400)
    two = fit("elo", table.take(np.arange(len(table))[::-1]), permutations=400, seed=9)
    np.testing.assert_allclose(one.score, two.score, atol=4 * one.se.max() / np.sqrt(200))
    assert WarningCode.RANDOMISED in one.codes


def test_glickmans_example() -> None:
    state = Ratings(
        np.array([1500.0, 1400, 1550, 1700]), np.array([200.0, 30, 100, 300]), np.full(4, 0.06)
    )
    after = rate_period(state, Comparisons.from_arrays([0, 0, 0], [1, 2, 3], [1, -1, -1]), 0.5)
    assert after.rating[0] == pytest.approx(1464.0507, abs=5.1e-5)
    assert after.deviation[0] == pytest.approx(151.5165, abs=5.1e-5)
    assert after.volatility[0] == pytest.approx(0.0599960, abs=5.1e-8)


def test_an_idle_item_of_the_method_becomes_less_certain() -> None:
    pair = Comparisons.from_arrays([0], [1], [1], n_items=3)
    result = fit("glicko2", pair, deviation=200.0)
    assert result.se[2] == pytest.approx(200.2714, abs=5.1e-5)
    assert result.score[2] == 1500.0


def one_rating(
    mine: tuple[float, float, float], met: list[tuple[float, float, float]], tau: float
) -> tuple[float, float, float]:
    """Steps 2 to 8 of Glickman's description for one player: (rating, RD, volatility) after a
    period of games (rating, RD, result); the volatility by bisection.
    """
    unit = 173.7178
    mu, phi, sigma = (mine[0] - 1500) / unit, mine[1] / unit, mine[2]
    if not met:
        return mine[0], unit * float(np.hypot(phi, sigma)), sigma
    precision = push = 0.0
    for rating, deviation, result in met:
        g = 1 / np.sqrt(1 + 3 * (deviation / unit) ** 2 / np.pi**2)
        expected = 1 / (1 + np.exp(-g * (mu - (rating - 1500) / unit)))
        precision += g * g * expected * (1 - expected)
        push += g * (result - expected)
    v, delta, a = 1 / precision, push / precision, np.log(sigma**2)

    def f(x: float) -> float:
        spread = phi**2 + v + np.exp(x)
        return float(np.exp(x) * (delta**2 - spread) / (2 * spread**2) - (x - a) / tau**2)

    low, high = a - 20.0, a + 20.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) > 0 else (low, middle)
    sigma = float(np.exp(low / 2))
    phi = 1 / np.sqrt(1 / (phi**2 + sigma**2) + precision)
    return 1500 + unit * (mu + phi**2 * push), unit * phi, sigma


def test_glicko_over_three_periods_is_glickmans_description() -> None:
    """Through the method; the same count by hand gives Glickman's own example."""
    met = [(1400.0, 30.0, 1.0), (1550.0, 100.0, 0.0), (1700.0, 300.0, 0.0)]
    example = one_rating((1500.0, 200.0, 0.06), met, 0.5)
    np.testing.assert_allclose(example, [1464.0507, 151.5165, 0.0599960], rtol=0, atol=5.1e-5)
    table = random_comparisons(6, n=45, group=np.repeat([0, 1, 2], 15), weight=None)
    state = [(1500.0, 350.0, 0.06)] * table.n_items
    for period in range(3):
        rows = table.take(np.repeat([0, 1, 2], 15) == period)
        games_of: list[list[tuple[float, float, float]]] = [[] for _ in state]
        for a, b, y in zip(rows.a, rows.b, np.sign(rows.y), strict=True):
            games_of[a].append((*state[b][:2], (1 + y) / 2))
            games_of[b].append((*state[a][:2], (1 - y) / 2))
        state = [one_rating(mine, met, 0.5) for mine, met in zip(state, games_of, strict=True)]
    result = fit("glicko2", table, periods="group")
    np.testing.assert_allclose(result.score, [mine[0] for mine in state], atol=1e-5)
    np.testing.assert_allclose(result.se, [mine[1] for mine in state], atol=1e-5)
    np.testing.assert_allclose(
        result.fit.parameters["volatility"], [mine[2] for mine in state], atol=1e-8
    )


def test_an_idle_item_becomes_less_certain() -> None:
    state = Ratings(np.full(3, 1500.0), np.array([200.0, 200, 200]), np.full(3, 0.06))
    after = rate_period(state, Comparisons.from_arrays([0], [1], [1], n_items=3), 0.5)
    assert after.deviation[2] == pytest.approx(200.2714, abs=5.1e-5)


@pytest.mark.parametrize(
    ("draw", "y", "expected"),
    [
        (0.1, 1, [29.396, 7.171, 20.604, 7.171]),
        (0.1, 0, [25.0, 6.458, 25.0, 6.458]),
        (0.0, 1, [29.205, 7.195, 20.795, 7.195]),
    ],
)
def test_trueskill(draw: float, y: int, expected: list[float]) -> None:
    result = fit("trueskill", Comparisons.from_arrays([0], [1], [y]), draw=draw)
    found = [result.score[0], result.se[0], result.score[1], result.se[1]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=5.1e-4)


def test_an_upset_moves_more_than_an_expected_win() -> None:
    table = games((0, 1, 6, 0))
    before = fit("trueskill", table).score[1]
    upset = fit("trueskill", table + Comparisons.from_arrays([1], [0], [1])).score[1] - before
    usual = fit("trueskill", table + Comparisons.from_arrays([0], [1], [1])).score[1] - before
    assert upset > -usual > 0


def test_rank_centrality() -> None:
    result = fit("rank_centrality", twenty_two_games())
    np.testing.assert_allclose(result.score, [-0.48105, 0.03631, -0.36752, 0.81226], atol=1e-5)
    pi = np.exp(result.score)
    np.testing.assert_allclose(pi / pi.sum(), [0.13436, 0.22540, 0.15051, 0.48972], atol=1e-5)


def test_rank_centrality_is_blank_where_the_walk_ends() -> None:
    result = fit("rank_centrality", games((0, 1, 2, 0), (2, 3, 1, 1)))
    assert np.isnan(result.score[:2]).all()
    np.testing.assert_allclose(result.score[2:], 0.0, atol=1e-12)
    assert WarningCode.NOT_STRONGLY_CONNECTED in result.codes


def test_hodge_rank() -> None:
    result = fit("hodge_rank", twenty_two_games())
    np.testing.assert_allclose(result.score, [-0.20323, 0.03548, -0.19032, 0.35806], atol=1e-5)
    assert result.fit.parameters["cyclicity"] == pytest.approx(0.008295, abs=1e-6)
    assert fit("hodge_rank", cycle()).fit.parameters["cyclicity"] == pytest.approx(27 / 35)
    assert "rankings into all implied pairs" in fit("hodge_rank", cycle()).conversions


def test_hodge_rank_without_dense_matrices() -> None:
    table = random_comparisons(2)
    far = Comparisons.from_arrays(
        table.a * 1000, table.b * 1000, table.y, weight=table.weights, n_items=5000
    )
    thin, dense = fit("hodge_rank", far), fit("hodge_rank", table)
    np.testing.assert_allclose(thin.score[::1000], dense.score, atol=1e-8)
    assert thin.fit.parameters["cyclicity"] == pytest.approx(dense.fit.parameters["cyclicity"])


def four_utilities() -> PairCounts:
    P = np.zeros((4, 4))
    P[np.triu_indices(4, 1)] = [0.8, 0.9, 0.95, 0.7, 0.85, 0.75]
    return PairCounts.from_matrices(P + np.tril(1 - P.T, -1))


def test_utilities_with_variances() -> None:
    """The reference values were found with the penalty ridge * sum (log s)^2 and ridge 1e-6. The
    method writes the ridge as a Gaussian prior does, ridge/2 * sum (log s)^2, so 2e-6 is the same
    problem. The optimum is flat, so nearly: the third digit of the reference is 1e-3 off (with half
    the ridge it would be 1e-2 off).
    """
    result = fit("thurstone_utilities", four_utilities(), ridge=2e-6)
    np.testing.assert_allclose(result.score, [1.573, 0.068, -0.526, -1.116], rtol=0, atol=2e-3)
    assert result.fit.parameters["cross_entropy"] == pytest.approx(0.43665, abs=1e-5)
    assert result.fit.parameters["accuracy"] == 1.0
    assert result.score.std() == pytest.approx(1.0)


def test_the_gradient_of_utilities_is_a_derivative() -> None:
    counts = four_utilities()
    rates = utilities._rates(counts, counts)
    x, h = np.random.default_rng(0).normal(size=8), 1e-6
    ridge = np.full(4, 0.1)
    value = [
        [utilities._loss(x + s * h * e, rates, 4, 6.0, 0.2, ridge)[0] for s in (1, -1)]
        for e in np.eye(8)
    ]
    numeric = np.subtract(*np.transpose(value)) / (2 * h)
    np.testing.assert_allclose(utilities._loss(x, rates, 4, 6.0, 0.2, ridge)[1], numeric, atol=1e-7)


def test_rates_are_means_over_both_presentation_orders() -> None:
    table = Comparisons.from_arrays([0] * 5, [1] * 5, [1, 1, 1, 1, -1], first=[1, 1, 1, 1, -1])
    rates = utilities._rates(table, table.pair_counts())
    assert rates.rate[0] == pytest.approx((1 + 0) / 2)
