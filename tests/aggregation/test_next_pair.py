"""Which question next: the values of the literature, and chances that are what they say."""

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.diagnostics.next_pair import (
    RULES,
    Posterior,
    draw_order,
    duel_chances,
    information_gain,
    optimistic_pair,
    posterior,
    question_worth,
    shares,
    unbiased_total,
    with_floor,
)
from aggregation.tables import Comparisons, PairCounts, TableError
from tests.aggregation.worlds import random_comparisons, twenty_two_games

PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


def exact() -> Posterior:
    """The maximum-likelihood fit of the 22 games, without a prior."""
    result = METHODS["bradley_terry"].fit(
        twenty_two_games(), METHODS["bradley_terry"].options(ci="hessian")
    )
    assert result.cov is not None
    return Posterior(result.ids, result.score, result.cov)


def test_information_gain_of_the_twenty_two_games() -> None:
    """AB .0730 AC .1014 AD .0661 BC .0515 BD .0971 CD .0742: ask A against C."""
    a, b = np.array(PAIRS).T
    gain = information_gain(exact(), a, b)
    assert gain == pytest.approx([0.0730, 0.1014, 0.0661, 0.0515, 0.0971, 0.0742], abs=5e-5)


def test_optimistic_pair_of_the_twenty_two_games() -> None:
    """D is best; B could be better by its bound 1.0391: ask D against B."""
    state = exact()
    variance = np.diagonal(state.cov) + state.cov[3, 3] - 2 * state.cov[3]
    sd = np.sqrt(variance[:3])
    assert sd == pytest.approx([0.9077, 0.9967, 0.9572], abs=5e-5)
    assert state.theta[:3] + sd == pytest.approx([0.4612, 1.0391, 0.5414], abs=5e-5)
    assert optimistic_pair(state.theta, state.cov) == (3, 1)


def test_posterior_is_the_ridge_fit() -> None:
    """Penalty 1: -.35447 .10226 -.32229 .57450 (choix, alpha .5)."""
    state = posterior(twenty_two_games().pair_counts())
    assert state.theta == pytest.approx([-0.35447, 0.10226, -0.32229, 0.57450], abs=5e-6)


def test_covariance_is_the_inverse_curvature() -> None:
    counts = random_comparisons(1, items=4).pair_counts()
    state = posterior(counts, penalty=0.7)
    h = counts.half_ties

    def objective(t: object) -> float:
        theta = np.asarray(t)
        d = theta[:, None] - theta[None, :]
        return float((h * np.logaddexp(0, -d)).sum() + 0.35 * theta @ theta)

    e, hessian = 1e-4, np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            s, t = np.eye(4)[i] * e, np.eye(4)[j] * e
            x = state.theta
            hessian[i, j] = (
                objective(x + s + t) - objective(x + s - t) - objective(x - s + t)
                + objective(x - s - t)
            ) / (4 * e * e)  # fmt: skip
    assert state.cov == pytest.approx(np.linalg.inv(hessian), rel=1e-3, abs=1e-5)


def test_items_nobody_judged_are_worth_most() -> None:
    counts = Comparisons.from_arrays([0, 1, 0] * 9, [1, 2, 2] * 9, [1, 1, 1] * 9, n_items=5)
    state = posterior(counts.pair_counts())
    a, b = np.array([(3, 4), (0, 3), (0, 1)]).T
    unseen, half, seen = information_gain(state, a, b)
    assert unseen > half > seen > 0


def test_duels_are_between_those_that_could_be_best() -> None:
    state = Posterior(tuple("abc"), np.array([1.0, 0.9, -5.0]), 0.1 * np.eye(3))
    chances = duel_chances(state, np.array([0, 0, 1]), np.array([1, 2, 2]))
    assert chances[0] > 0.99
    assert chances.sum() == pytest.approx(1)
    sure = Posterior(tuple("abc"), np.array([9.0, 0.0, 0.0]), 0.1 * np.eye(3))
    even = duel_chances(sure, np.array([0, 0, 1]), np.array([1, 2, 2]), draws=20_000)
    assert even == pytest.approx([0.5, 0.5, 0], abs=0.02)


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if rule.worth])
def test_shares_are_chances_and_equal_questions_share_alike(rule: str) -> None:
    state = posterior(random_comparisons(2).pair_counts())
    questions = [(0, 1), (1, 0), (2, 3), (0, 4), (4, 3, 2)]
    worth = question_worth(RULES[rule].on(state), questions)
    share = shares(worth, [frozenset(q) for q in questions], RULES[rule].sharpness)
    assert share.sum() == pytest.approx(1)
    assert (share >= 0).all()
    assert share[0] == share[1]
    assert worth[4] >= worth[2]


def test_a_rule_that_knows_nothing_treats_all_alike() -> None:
    state = Posterior(tuple("abc"), np.array([9.0, 9.0, -9.0]), 1e-9 * np.eye(3))
    worth = question_worth(RULES["dueling_bandit"].on(state), [(0, 2), (1, 2)])
    assert shares(worth, "xy", 1.0).tolist() == [0.5, 0.5]
    assert shares(np.zeros(0), "", 1.0).tolist() == []


def test_nobody_falls_below_the_floor() -> None:
    chance = with_floor(np.array([1.0, 0, 0, 0]), 0.2)
    assert chance.min() == pytest.approx(0.05)
    assert chance.sum() == pytest.approx(1)
    for wrong in (0.0, -1.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="share of chance"):
            with_floor(chance, wrong)


def test_the_first_is_drawn_as_often_as_its_chance_says() -> None:
    chance = np.array([0.5, 0.3, 0.15, 0.05])
    firsts = [int(draw_order(chance, np.random.default_rng(s)).order[0]) for s in range(6000)]
    seen = np.bincount(firsts, minlength=4) / 6000
    assert np.abs(seen - chance).max() < 4 * np.sqrt(0.25 / 6000)


def test_propensities_are_chances_among_those_left() -> None:
    chance = np.array([0.4, 0.3, 0.2, 0.1])
    drawn = draw_order(chance, np.random.default_rng(3))
    left = 1.0
    for question, propensity in zip(drawn.order, drawn.propensity, strict=True):
        assert propensity == pytest.approx(chance[question] / left)
        left -= chance[question]
    assert drawn.propensity[-1] == 1
    short = draw_order(chance, np.random.default_rng(3), depth=2)
    assert short.order.tolist() == drawn.order[:2].tolist()
    assert sorted(drawn.order.tolist()) == [0, 1, 2, 3]


def test_logged_chances_keep_averages_unbiased() -> None:
    """Questions of high value are asked far more often; the estimated total stays right."""
    rng = np.random.default_rng(0)
    value = rng.random(30) * 10
    chance = with_floor(value**3 / (value**3).sum(), 0.1)
    drawn = [draw_order(chance, np.random.default_rng(s)) for s in range(3000)]
    estimates = np.array([unbiased_total(value, each, 8) for each in drawn])
    plain = np.array([30 * value[each.order[:8]].mean() for each in drawn])
    se = estimates.std() / np.sqrt(3000)
    assert abs(estimates.mean() - value.sum()) < 4 * se
    assert plain.mean() > value.sum() + 20 * se  # what ignoring the chances would claim


def test_too_many_items_and_no_prior_are_refused() -> None:
    with pytest.raises(TableError, match="at most 2,000 items"):
        posterior(PairCounts.from_matrices(np.zeros((2001, 2001))))
    with pytest.raises(ValueError, match="positive"):
        posterior(twenty_two_games().pair_counts(), penalty=0)


def test_no_items_are_no_trouble() -> None:
    assert posterior(PairCounts.from_matrices(np.zeros((0, 0)))).theta.shape == (0,)
    single = posterior(PairCounts.from_matrices(np.zeros((1, 1))))
    assert single.cov.tolist() == [[1.0]]
    assert draw_order(np.zeros(0), np.random.default_rng(0)).order.tolist() == []
