"""Plackett–Luce and the models of who judged, against independent optimisers and their own
derivatives.
"""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from aggregation.catalogue import METHODS
from aggregation.methods.ranking import _annotator_cells as cells_
from aggregation.methods.ranking import plackett_luce as pl
from aggregation.methods.ranking.ability_bradley_terry import positive_model, real_model
from aggregation.methods.ranking.crowd_bradley_terry import crowd_model
from aggregation.methods.ranking.noisy_bradley_terry import noisy_model
from aggregation.reading import read_columns
from aggregation.results import WarningCode
from aggregation.tables import Ballots, Comparisons
from tests.aggregation.worlds import (
    SHARED_DATA,
    random_ballots,
    random_comparisons,
    twenty_two_games,
)


def fit(slug: str, table: Any, **options: Any) -> Any:
    return METHODS[slug].fit(table, METHODS[slug].options(**options))


def five_rankings() -> Ballots:
    return Ballots.from_rankings(
        [[0, 1, 2, 3], [1, 0, 3, 2], [0, 2, 1, 3], [3, 0, 1, 2], [1, 2, 0]]
    )


def test_plackett_luce() -> None:
    result = fit("plackett_luce", five_rankings())
    np.testing.assert_allclose(result.score, [0.69221, 0.55084, -0.50888, -0.73418], atol=1e-5)
    assert result.ci_method == "hessian"


def test_choix_agrees_on_plackett_luce() -> None:
    choix = pytest.importorskip("choix")
    table = random_ballots(3)
    plain = Ballots.from_arrays(table.ptr, table.item, table.tier, n_items=5)
    data = [plain.item[plain.ptr[b] : plain.ptr[b + 1]].tolist() for b in range(len(plain))]
    rival = choix.opt_rankings(5, data, tol=1e-12)
    np.testing.assert_allclose(fit("plackett_luce", plain).score, rival - rival.mean(), atol=1e-6)


def test_rankings_of_two_are_bradley_terry() -> None:
    games = twenty_two_games()
    rows = [
        [int(a), int(b)] if y > 0 else [int(b), int(a)]
        for a, b, y in zip(games.a, games.b, games.y, strict=True)
    ]
    one, two = fit("plackett_luce", Ballots.from_rankings(rows)), fit("bradley_terry", games)
    np.testing.assert_allclose(one.score, two.score, atol=1e-9)
    np.testing.assert_allclose(one.se, two.se, atol=1e-7)


def test_the_derivatives_of_plackett_luce() -> None:
    table = Ballots.from_rankings(
        [[0, [1, 2], 3], [[3, 1], 0], [2, 0, 1]], weight=[1, 2, 3], n_items=4
    )
    stages = pl.Stages.of(table)
    theta, h = np.random.default_rng(0).normal(size=4), 1e-5
    at = pl.evaluate(stages, theta)
    numeric = [
        (pl.evaluate(stages, theta + h * e).value - pl.evaluate(stages, theta - h * e).value)
        / (2 * h)
        for e in np.eye(4)
    ]
    np.testing.assert_allclose(stages.per_item(at.scores), numeric, atol=1e-8)
    for e in np.eye(4):
        up, down = (stages.per_item(pl.evaluate(stages, theta + s * h * e).scores) for s in (1, -1))
        np.testing.assert_allclose(
            pl.hessian_times(stages, at, e), -(up - down) / (2 * h), atol=1e-8
        )
    products = [pl.hessian_times(stages, at, e) for e in np.eye(4)]
    np.testing.assert_allclose(pl._hessian(stages, at), products, atol=1e-14)


@pytest.mark.parametrize("listed", [3, 40], ids=["few of all items", "all items"])
def test_a_hessian_that_is_formed_leads_to_the_same_strengths_as_one_that_is_not(
    listed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.permutation(40)[:listed].tolist() for _ in range(200)]
    table = Ballots.from_rankings(rows, weight=rng.exponential(size=200), n_items=40)
    monkeypatch.setattr(pl, "DENSE_WORK", 0)
    products = fit("plackett_luce", table, ci="hessian")
    monkeypatch.setattr(pl, "DENSE_WORK", 10**6)
    formed = fit("plackett_luce", table, ci="hessian")
    np.testing.assert_allclose(formed.score, products.score, atol=1e-8)
    np.testing.assert_allclose(formed.se, products.se, rtol=1e-8)


@pytest.mark.parametrize("items", [0, 3])
@pytest.mark.parametrize("options", [{}, {"ci": "hessian"}, {"replicates": 20}])
def test_ballots_that_list_nothing_give_no_strengths_and_no_complaint(
    items: int, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    result = fit("plackett_luce", Ballots.from_rankings([[], []], n_items=items), **options)
    assert np.isnan(result.score).all()
    assert len(result.score) == items
    assert WarningCode.EMPTY in result.codes
    assert capfd.readouterr().err == ""


def test_a_hundred_equal_ballots_are_separated_but_their_likelihood_is_one() -> None:
    """The penalty leaves strengths some 10^18 times apart; a likelihood above 0 would be no
    probability, and a sum over all ballots would lose the weakest of them.
    """
    table = Ballots.from_rankings([[1, 2, 4, 3, 0]] * 100, ids="abcde")
    result = fit("plackett_luce", table)
    assert WarningCode.SEPARATION in result.codes
    assert np.argsort(-result.score).tolist() == [1, 2, 4, 3, 0]
    assert -1.0 < result.fit.loglik < 0.0
    assert result.fit.converged

    def loss(theta: Any) -> Any:
        z = theta[[1, 2, 4, 3, 0]]
        suffix = np.logaddexp.accumulate(z[::-1])[::-1]
        return -100 * (z - suffix).sum() + 0.5e-3 * theta @ theta

    rival = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(result.score, rival.x - rival.x.mean(), atol=1e-3)


def test_formula_one_equals_an_independent_optimiser() -> None:
    path = SHARED_DATA / "f1_race_rankings" / "judgments.csv.gz"
    if not path.exists():
        pytest.skip("the Formula 1 data are not on this machine")
    rows = [r for r in read_columns(path).to_pylist() if r["rank"] is not None]
    assert len(rows) == 16_628
    best: dict[tuple[str, str], int] = {}
    for row in rows:  # shared cars: the better place counts
        key = (row["race_id"], row["driver"])
        best[key] = min(best.get(key, 999), row["rank"])
    drivers = sorted({driver for _, driver in best})
    code = {driver: k for k, driver in enumerate(drivers)}
    races: dict[str, list[tuple[int, int]]] = {}
    for (race, driver), rank in best.items():
        races.setdefault(race, []).append((rank, code[driver]))
    orders = [[driver for _, driver in sorted(race)] for race in races.values()]
    result = fit("plackett_luce", Ballots.from_rankings(orders, ids=drivers), penalty=0.5)

    K, longest = len(drivers), max(map(len, orders))
    padded = np.full((len(orders), longest), K)
    for r, order in enumerate(orders):
        padded[r, : len(order)] = order

    def loss(theta: Any) -> tuple[float, Any]:
        z = np.append(theta, -np.inf)[padded]
        real = padded < K
        suffix = np.logaddexp.accumulate(z[:, ::-1], axis=1)[:, ::-1]
        value = (np.where(real, z, 0.0) - np.where(real, suffix, 0.0)).sum()
        inverse = np.cumsum(np.where(real, np.exp(-np.where(real, suffix, 0.0)), 0.0), axis=1)
        gradient = np.bincount(
            padded.ravel(),
            (real - np.where(real, np.exp(np.where(real, z, 0.0)), 0.0) * inverse).ravel(),
        )
        gradient = np.pad(gradient, (0, max(0, K + 1 - len(gradient))))[:K]
        return -value + 0.25 * theta @ theta, -gradient + 0.5 * theta

    rival = minimize(
        loss,
        np.zeros(K),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 5000, "gtol": 1e-9, "ftol": 1e-16},
    )
    np.testing.assert_allclose(result.score, rival.x - rival.x.mean(), atol=1e-6)
    assert {"lewis-hamilton", "juan-manuel-fangio"} & {
        drivers[k] for k in np.argsort(-result.score)[:10]
    }


# --- Who judged ---------------------------------------------------------------------------------


def fifty_votes() -> Comparisons:
    """Annotator 0 always follows the order, 1 too, 2 reverses it, with a few exceptions each."""
    rows = [
        (k, i, j)
        for i in range(4)
        for j in range(i + 1, 4)
        for k, n in ((0, 3), (1, 2))
        for _ in range(n)
    ]
    rows += [(2, j, i) for i in range(4) for j in range(i + 1, 4) for _ in range(2)]
    rows += [(0, 1, 0), (0, 2, 1), (0, 3, 2), (1, 1, 0), (1, 3, 2), (1, 2, 0), (2, 0, 3), (2, 1, 2)]
    who, winner, loser = np.array(rows).T
    return Comparisons.from_arrays(winner, loser, np.ones(len(rows)), annotator=who)


def test_crowd_bradley_terry() -> None:
    table = fifty_votes()
    assert len(table) == 50
    result = fit("crowd_bradley_terry", table, penalty=0.1, prior_right=1.0, prior_wrong=1.0)
    np.testing.assert_allclose(result.score, [2.0283, 0.7964, -0.6834, -2.1413], rtol=0, atol=6e-5)
    ability = result.annotators.ability
    np.testing.assert_allclose(ability, [1.0, 0.9158, 0.0998], rtol=0, atol=6e-5)
    assert result.fit.penalised == pytest.approx(-21.204672, abs=6e-7)
    assert result.fit.boundary_params == ("eta of 0",)
    assert WarningCode.LOCAL_OPTIMUM_RISK in result.codes


@pytest.mark.parametrize(
    "model", [crowd_model(2, 1.5), positive_model(0.7), real_model(0.7), noisy_model(2, 1.5)]
)
def test_gradients_are_derivatives(model: cells_.AnnotatorModel) -> None:
    cells = cells_.AnnotatorCells.of(random_comparisons(1, n=80, people=3), sides=True)
    rng = np.random.default_rng(0)
    P = len(model.start)
    e = rng.uniform(0.2, 0.8, (P, cells.J))
    x = np.concatenate([rng.normal(size=cells.K), e.ravel()])
    ridge = np.full(cells.K, 0.3)
    h = 1e-6 * np.eye(len(x))
    numeric = [
        (cells_.loss(x + s, cells, model, ridge)[0] - cells_.loss(x - s, cells, model, ridge)[0])
        / 2e-6
        for s in h
    ]
    np.testing.assert_allclose(cells_.loss(x, cells, model, ridge)[1], numeric, atol=1e-5)


def planted(seed: int, sharpness: list[float], bias: float = 0.0) -> tuple[Comparisons, Any]:
    rng = np.random.default_rng(seed)
    theta = np.array([1.5, 0.5, -0.5, -1.5])
    n = 600 * len(sharpness)
    who = np.repeat(np.arange(len(sharpness)), 600)
    a = rng.integers(0, 4, n)
    b = (a + rng.integers(1, 4, n)) % 4
    first = rng.choice([-1, 1], n)
    p = 1 / (1 + np.exp(-np.array(sharpness)[who] * (theta[a] - theta[b])))
    lazy = (who == len(sharpness) - 1) & (bias > 0)
    p = np.where(lazy, np.where(first > 0, 1 / (1 + np.exp(-bias)), 1 / (1 + np.exp(bias))), p)
    y = np.where(rng.random(n) < p, 1, -1)
    return Comparisons.from_arrays(a, b, y, annotator=who, first=first), theta


def test_abilities_are_found_again() -> None:
    table, theta = planted(0, [2.0, 1.0, 0.4])
    result = fit("ability_bradley_terry", table)
    scale = np.linalg.lstsq(theta[:, None], result.score, rcond=None)[0][0]
    np.testing.assert_allclose(result.score / scale, theta, atol=0.25)
    np.testing.assert_allclose(result.annotators.ability * scale, [2.0, 1.0, 0.4], atol=0.35)


def test_a_reversed_annotator_has_a_negative_ability() -> None:
    table, _ = planted(1, [1.0, 1.0, -1.0])
    result = fit("ability_bradley_terry", table, reversed=True)
    alpha = result.annotators.ability
    assert alpha[2] / alpha[0] == pytest.approx(-1.0, abs=0.25)
    assert result.rank.tolist() == [1, 2, 3, 4]


def test_an_annotator_who_clicks_left_is_found() -> None:
    table, _ = planted(2, [1.5, 1.5, 1.0], bias=2.0)
    result = fit("noisy_bradley_terry", table)
    g, q = result.annotators.ability, result.annotators.bias
    assert g[2] < 0.2 < 0.8 < min(g[0], g[1])
    assert q[2] == pytest.approx(2.0, abs=0.4)
    assert result.rank.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "slug", ["crowd_bradley_terry", "ability_bradley_terry", "noisy_bradley_terry"]
)
def test_an_independent_optimiser_finds_nothing_better(slug: str) -> None:
    table = random_comparisons(5, n=120, people=3, items=4)
    result = fit(slug, table)
    models: dict[str, tuple[Any, float]] = {
        "crowd_bradley_terry": (crowd_model(2, 1), 0.1),
        "ability_bradley_terry": (positive_model(1.0), 0.01),
        "noisy_bradley_terry": (noisy_model(2, 1), 0.1),
    }
    model, penalty = models[slug]
    cells = cells_.AnnotatorCells.of(table, sides=slug == "noisy_bradley_terry")
    ridge = np.full(4, penalty)
    rng = np.random.default_rng(0)
    bounds = [(None, None)] * 4 + [b for b in model.bounds for _ in range(cells.J)]
    for _ in range(5):
        x = np.concatenate(
            [
                rng.normal(size=4),
                *(np.full(cells.J, s) + 0.1 * rng.random(cells.J) for s in model.start),
            ]
        )
        x = np.clip(
            x,
            *np.array(
                [(-np.inf if a is None else a, np.inf if b is None else b) for a, b in bounds]
            ).T,
        )
        rival = minimize(
            lambda z: cells_.loss(z, cells, model, ridge)[0], x, method="SLSQP", bounds=bounds
        )
        assert -rival.fun <= result.fit.penalised + 1e-5


@pytest.mark.parametrize(
    "slug", ["crowd_bradley_terry", "ability_bradley_terry", "noisy_bradley_terry"]
)
def test_one_annotator_is_bradley_terry_with_blank_abilities(slug: str) -> None:
    table = random_comparisons(5, people=1)
    result = fit(slug, table)
    penalty = METHODS[slug].options().penalty
    np.testing.assert_allclose(result.score, fit("bradley_terry", table, penalty=penalty).score)
    assert np.isnan(result.annotators.ability).all()
    assert WarningCode.SINGLE_ANNOTATOR in result.codes
