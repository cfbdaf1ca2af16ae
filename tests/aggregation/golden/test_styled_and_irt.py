"""Covariates and item response theory: worked numbers, published estimates, and derivatives."""

from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.methods.ranking import irt
from aggregation.methods.ranking import styled_bradley_terry as styled
from aggregation.results import WarningCode
from aggregation.tables import Comparisons, Ratings
from tests.aggregation.worlds import random_comparisons, random_ratings, twenty_two_games

# LSAT section 6 (Bock & Lieberman 1970): persons per pattern 00000, 00001 … 11111 of five answers.
LSAT6 = "3 6 2 11 1 1 3 4 1 8 0 16 0 3 2 15 10 29 14 81 3 28 15 80 16 56 21 173 11 61 28 298"


def fit(slug: str, table: Any, **options: Any) -> Any:
    return METHODS[slug].fit(table, METHODS[slug].options(**options))


def style_example() -> Comparisons:
    rng = np.random.default_rng(0)
    N, K = 2000, 4
    a = rng.integers(0, K, N)
    b = (a + rng.integers(1, K, N)) % K
    s = np.array([0.6, 0.2, -0.2, -0.6])
    x = rng.normal(size=N)
    y = rng.random(N) < 1 / (1 + np.exp(-(s[a] - s[b] + 0.8 * x)))
    return Comparisons.from_arrays(
        a, b, np.where(y, 1, -1), annotator=np.arange(N) // 20, x=x[:, None]
    )


def test_style_control() -> None:
    table = style_example()
    plain = fit("bradley_terry", table).score
    np.testing.assert_allclose(plain, [0.5512, 0.1239, -0.1910, -0.4841], atol=1e-4)
    result = fit("styled_bradley_terry", table)
    np.testing.assert_allclose(result.score, [0.6490, 0.1589, -0.2306, -0.5773], atol=1e-4)
    assert result.fit.parameters["beta"]["x0"] == pytest.approx(0.7734, abs=1e-4)
    np.testing.assert_allclose(result.se, [0.0606, 0.0462, 0.0519, 0.0495], atol=1e-4)
    assert result.fit.parameters["beta_se"]["x0"] == pytest.approx(0.0538, abs=1e-4)
    model = fit("styled_bradley_terry", table, ci="hessian")
    np.testing.assert_allclose(model.se, [0.0550, 0.0528, 0.0512, 0.0545], atol=1e-4)
    assert model.fit.parameters["beta_se"]["x0"] == pytest.approx(0.0558, abs=1e-4)


@pytest.mark.parametrize("position", ["common", "annotator", "none"])
def test_the_gradient_and_the_information_of_the_design_are_derivatives(position: str) -> None:
    """With ties, weights, covariates and everyone's own leaning to a side."""
    x = np.random.default_rng(1).normal(size=(90, 2))
    table = random_comparisons(1, n=90, items=4, people=3, x=x)
    design = styled._design(table, METHODS["styled_bradley_terry"].options(position=position))
    size = 4 + 2 + {"common": 1, "annotator": 4, "none": 0}[position]
    at = np.random.default_rng(0).normal(size=size)
    assert len(design.gradient(at)) == size
    h = 1e-5 * np.eye(size)
    numeric = [(design.loglik(at + s) - design.loglik(at - s)) / 2e-5 for s in h]
    np.testing.assert_allclose(design.gradient(at), numeric, atol=1e-6)
    curved = [(design.gradient(at - s) - design.gradient(at + s)) / 2e-5 for s in h]
    np.testing.assert_allclose(design.information(at), curved, atol=1e-6)


def test_without_covariates_it_is_bradley_terry() -> None:
    one, two = (
        fit("styled_bradley_terry", twenty_two_games()),
        fit("bradley_terry", twenty_two_games()),
    )
    np.testing.assert_allclose(one.score, two.score, atol=1e-8)
    np.testing.assert_allclose(one.se, two.se, atol=1e-7)


def test_position_bias_is_found_and_removed() -> None:
    rng = np.random.default_rng(1)
    n = 4000
    a = rng.integers(0, 3, n)
    b = (a + rng.integers(1, 3, n)) % 3
    first, who = rng.choice([-1, 1], n), rng.integers(0, 4, n)
    bias = np.array([0.0, 0.0, 0.0, 2.0])[who]
    p = 1 / (1 + np.exp(-(0.5 * (b - a) + bias * first)))
    table = Comparisons.from_arrays(
        a, b, np.where(rng.random(n) < p, 1, -1), first=first, annotator=who
    )
    result = fit("styled_bradley_terry", table, position="annotator")
    np.testing.assert_allclose(result.annotators.bias, [0, 0, 0, 2], atol=0.25)
    np.testing.assert_allclose(result.score, [0.5, 0, -0.5], atol=0.15)


def test_a_covariate_that_decides_everything_is_pointed_out() -> None:
    table = random_comparisons(1, weight=None)
    decided = table.take(table.y != 0)
    told = Comparisons.from_arrays(decided.a, decided.b, decided.y, x=np.sign(decided.y)[:, None])
    result = fit("styled_bradley_terry", told)
    assert WarningCode.SEPARATION in result.codes
    assert np.isfinite(result.score).all()


def lsat6() -> Ratings:
    patterns = [[int(c) for c in f"{k:05b}"] for k in range(32)]
    answers = np.repeat(patterns, [int(n) for n in LSAT6.split()], axis=0)
    person, unit = np.indices(answers.shape)
    return Ratings.from_arrays(unit.ravel(), person.ravel(), answers.ravel(), lo=0.0, hi=1.0)


def test_lsat6_one_parameter() -> None:
    result = fit("irt", lsat6())
    np.testing.assert_allclose(
        result.fit.parameters["difficulty"],
        [-3.6153, -1.3224, -0.3176, -1.7301, -2.7802],
        rtol=0,
        atol=6e-5,
    )
    slope = result.fit.parameters["discrimination"]
    np.testing.assert_allclose(slope, 0.7551, rtol=0, atol=6e-5)
    assert result.fit.loglik == pytest.approx(-2466.938, abs=6e-4)


def test_lsat6_two_parameters() -> None:
    result = fit("irt", lsat6(), model="2pl")
    np.testing.assert_allclose(
        result.fit.parameters["discrimination"],
        [0.8257, 0.7227, 0.8909, 0.6884, 0.6569],
        rtol=0,
        atol=6e-5,
    )
    np.testing.assert_allclose(
        result.fit.parameters["difficulty"],
        [-3.3588, -1.3701, -0.2797, -1.8664, -3.1259],
        rtol=0,
        atol=6e-5,
    )
    assert result.fit.loglik == pytest.approx(-2466.653, abs=6e-4)


@pytest.mark.parametrize("common", [True, False])
def test_the_gradient_of_the_marginal_likelihood(common: bool) -> None:
    table = random_ratings(1)
    rows = table.answered()
    answers, *_ = irt._answers(table, rows, np.arange(table.n_units))
    x = np.random.default_rng(0).uniform(0.4, 1.2, (1 if common else 6) + 6)
    h = 1e-6 * np.eye(len(x))
    numeric = [(answers.loss(x + s, common)[0] - answers.loss(x - s, common)[0]) / 2e-6 for s in h]
    np.testing.assert_allclose(answers.loss(x, common)[1], numeric, atol=1e-5)


def test_a_unit_everyone_solves_stays_finite() -> None:
    table = Ratings.from_arrays(
        [0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], [1, 1, 0, 1, 0, 0], lo=0, hi=1
    )
    result = fit("irt", table)
    assert WarningCode.SEPARATION in result.codes
    assert np.isfinite(result.score).all()
    assert result.rank.tolist() == [1, 2, 3]
