"""Bradley–Terry and win rate against published figures, rival programs and their own definition."""

import csv
import gzip
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
from scipy.special import expit, log_expit

from aggregation.catalogue import METHODS
from aggregation.methods.ranking import _meat, bradley_terry
from aggregation.methods.ranking import _strengths as strengths
from aggregation.methods.ranking._curvature import STEEP, information
from aggregation.reading import FileError, read_table
from aggregation.results import WarningCode
from aggregation.tables import Comparisons, PairCounts
from tests.aggregation.worlds import (
    SHARED_DATA,
    random_comparisons,
    sixteen_votes,
    three_items_with_ties,
    twenty_two_games,
)

BT = METHODS["bradley_terry"]
WIN_RATE = METHODS["win_rate"]


def fit(table: Any, **options: Any) -> Any:
    return BT.fit(table, BT.options(**options))


def test_twenty_two_games() -> None:
    result = fit(twenty_two_games())
    np.testing.assert_allclose(result.score, [-0.44655, 0.04240, -0.41580, 0.81994], atol=1e-5)
    np.testing.assert_allclose(np.exp(result.score), [0.6398, 1.0433, 0.6598, 2.2704], atol=1e-4)
    np.testing.assert_allclose(result.se, [0.54807, 0.48178, 0.52040, 0.62134], atol=1e-5)
    assert result.fit.loglik == pytest.approx(-13.428450, abs=1e-6)
    assert result.difference(0, 3)[1] == pytest.approx(0.90771, abs=1e-5)
    assert result.ci_method == "hessian"
    assert result.prob(0, 3).sum() == pytest.approx(1.0)


def test_twenty_two_games_as_elo_sandwich_and_ridge() -> None:
    table = twenty_two_games()
    elo = fit(table, scale="elo").score
    assert 400 / np.log(10) == pytest.approx(173.7178, abs=5e-5)  # the scale's own constant
    np.testing.assert_allclose(elo, [922.43, 1007.37, 927.77, 1142.44], atol=0.005)
    robust = fit(table, ci="sandwich").se
    np.testing.assert_allclose(robust, [0.54434, 0.48465, 0.52817, 0.62397], atol=1e-5)
    ridge = fit(table, penalty=1.0).score
    np.testing.assert_allclose(ridge, [-0.35447, 0.10226, -0.32229, 0.57450], atol=1e-5)


def test_sixteen_votes_with_ties() -> None:
    share = np.exp(fit(sixteen_votes()).score)
    np.testing.assert_allclose(
        share / share.sum(), [0.05080, 0.13115, 0.13169, 0.33689, 0.34948], atol=1e-5
    )


def test_half_ties() -> None:
    result = fit(three_items_with_ties())
    np.testing.assert_allclose(result.score, [0.69730, 0.02229, -0.71959], atol=1e-5)
    assert result.fit.loglik == pytest.approx(-19.524274, abs=1e-6)
    assert result.fit.quasi


@cache
def llmfao() -> tuple[Comparisons, dict[str, dict[str, float]], dict[Any, str]]:
    folder = SHARED_DATA / "llmfao"
    if not folder.exists():
        pytest.skip("the LLMFAO data are not on this machine")
    from aggregation import reading

    columns = reading.read_columns(folder / "judgments.csv.gz")
    people = columns.filter(pc.equal(columns["annotator_kind"], "human"))
    table = reading.table_from_columns(people)
    assert isinstance(table, Comparisons)
    names: dict[Any, str] = {int(row["id"]): row["name"] for row in _rows(folder / "models.csv.gz")}
    published: dict[str, dict[str, float]] = {}
    for row in _rows(folder / "published_scores.csv.gz"):
        published.setdefault(row["algorithm"], {})[row["item"]] = float(row["score"])
    return table, published, names


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_llmfao_published_bradley_terry() -> None:
    table, published, names = llmfao()
    assert len(table) == 8931
    result = BT.fit(table)
    share = np.exp(result.score)
    expected = [published["bradley_terry"][names[i]] for i in result.ids]
    np.testing.assert_allclose(share / share.sum(), expected, atol=1e-6)
    assert result.ci_method == "cluster"


@pytest.mark.parametrize(
    ("over", "algorithm"), [("opponents", "average_win_rate"), ("points", "counting")]
)
def test_llmfao_published_win_rate(over: str, algorithm: str) -> None:
    table, published, names = llmfao()
    result = WIN_RATE.fit(table, WIN_RATE.options(over=over))
    expected = [published[algorithm][names[i]] for i in result.ids]
    np.testing.assert_allclose(result.score, expected, atol=1e-6)


def test_football_is_disconnected_and_separated_and_says_so() -> None:
    path = SHARED_DATA / "football_internationals" / "judgments.csv.gz"
    if not path.exists():
        pytest.skip("the football data are not on this machine")
    result = BT.fit(read_table(path))
    assert {WarningCode.DISCONNECTED, WarningCode.NOT_STRONGLY_CONNECTED} <= result.codes
    assert result.fit.converged
    assert len(result.ids) == 337
    assert result.rank is not None
    best = [result.ids[k] for k in np.argsort(-result.score)[:30]]
    separated = {result.ids[k] for k in result.fit.separated}
    assert (
        len(separated) == 337 - 316 - 1
    )  # one of the 21 parts outside is a weak component of its own
    strong = [name for name in best if name not in separated]
    assert strong[:3] == ["Brazil", "Spain", "Argentina"]


def test_the_order_of_separated_items_is_that_of_their_wins() -> None:
    result = fit(Comparisons.from_arrays([0, 1], [1, 2], [1, 1]))
    assert result.rank.tolist() == [1, 2, 3]
    assert WarningCode.NOT_STRONGLY_CONNECTED in result.codes
    assert np.isfinite(result.score).all()


def half_wins(seed: int, items: int = 5) -> Any:
    """Half-wins among items that have all met, and strengths at which to differentiate."""
    rng = np.random.default_rng(seed)
    h = rng.uniform(1, 5, (items, items)) * (1 - np.eye(items))
    return h, rng.normal(size=items)


def differences(h: Any, theta: Any, ridge: Any) -> tuple[Any, Any]:
    """Gradient and minus the Hessian of the objective, by differences of it alone."""

    def value(t: Any) -> float:
        return strengths.loglik(h, t, ridge)

    s = 1e-3 * np.eye(len(theta))
    slope = [(8 * (value(theta + e) - value(theta - e)) - value(theta + 2 * e)
              + value(theta - 2 * e)) / 12e-3 for e in s]  # fmt: skip
    bend = [[(value(theta + e + f) - value(theta + e - f) - value(theta - e + f)
              + value(theta - e - f)) / 4e-6 for f in s] for e in s]  # fmt: skip
    return np.array(slope), -np.array(bend)


def test_the_objective_is_the_log_likelihood() -> None:
    h, theta = half_wins(0)
    P = expit(theta[:, None] - theta[None, :])
    assert strengths.loglik(h, theta) == pytest.approx(float((h * np.log(P)).sum()))
    far = theta + STEEP + 10  # where odds could overflow, and only differences matter
    assert strengths.loglik(h, far) == pytest.approx(strengths.loglik(h, theta))


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_the_first_steps_are_newton_steps_of_the_objective(ridge: float) -> None:
    """One step of each solver, from strengths that aren't the answer: theta + H^-1 gradient, both
    by differences. The gradient a solver reports is the one it stepped from.
    """
    h, theta = half_wins(0)
    K, part = len(h), np.zeros(len(h), dtype=np.int64)
    theta, penalty = theta - theta.mean(), np.full(len(h), ridge)
    gradient, H = differences(h, theta, penalty)
    expected = theta + np.linalg.solve(H + 1 / K, gradient)
    expected -= expected.mean()
    step = strengths._newton(h, part, penalty, theta, 1, 0)
    np.testing.assert_allclose(step.theta, expected, atol=1e-5)
    assert step.grad_inf == pytest.approx(np.abs(gradient).max(), abs=1e-6)
    batch = strengths.fit_batch(np.stack([h, 2 * h]), part, penalty, theta, max_iter=1)
    np.testing.assert_allclose(batch[0], expected, atol=1e-5)
    i, j = np.triu_indices(K, 1)
    games, won = h + h.T, h.sum(axis=1)
    thin = strengths._newton_cg(
        i, j, h[i, j], games[i, j], won, theta, part, penalty, 1, 0, games.sum(axis=1).max()
    )
    np.testing.assert_allclose(thin.theta, expected, atol=1e-5)
    assert thin.grad_inf == pytest.approx(np.abs(gradient).max(), abs=1e-6)


def test_newmans_sums_are_the_gradient_and_the_curvature_is_the_second_derivative() -> None:
    h, theta = half_wins(1, 7)
    gradient, H = differences(h, theta, np.zeros(7))
    p = np.exp(theta)
    above, below = strengths._newman_sums(h, p, np.empty((3, 7)), np.ones(3))
    np.testing.assert_allclose(above - p * below, gradient, atol=1e-7)
    np.testing.assert_allclose(information(h, theta), H, atol=1e-4)
    np.testing.assert_allclose(information(h, theta + STEEP + 10), H, atol=1e-4)


@pytest.mark.parametrize("strength", ["ignore", "weight", "soft"])
def test_what_a_row_adds_to_the_gradient_is_its_derivative(strength: str) -> None:
    table, options = random_comparisons(2, n=40), BT.options(strength=strength)
    theta = np.random.default_rng(0).normal(size=table.n_items)
    rows = bradley_terry._residual(table, options, theta)(slice(0, len(table)))
    per_item = np.bincount(table.a, rows, minlength=5) - np.bincount(table.b, rows, minlength=5)
    h = np.asarray(bradley_terry._counts(table, options).half_ties)
    gradient, _ = differences(h, theta, np.zeros(5))
    np.testing.assert_allclose(per_item, gradient, atol=1e-6)


def test_newman_and_newton_and_the_sparse_path_agree() -> None:
    rng = np.random.default_rng(1)
    K = 200
    theta = rng.normal(size=K)
    a = rng.integers(0, K, 20_000)
    b = (a + rng.integers(1, K, 20_000)) % K
    y = np.where(log_expit(theta[a] - theta[b]) > np.log(rng.random(20_000)), 1, -1)
    counts = Comparisons.from_arrays(a, b, y, n_items=K).pair_counts()
    part, none = counts.components[1], np.zeros(K)
    h = np.asarray(counts.half_ties)
    newman = strengths.fit_dense(h, part, none)
    newton = strengths._newton(h, part, none, np.zeros(K), 50, 0)
    i, j, won, lost, tied = counts.edges()
    thin = strengths.fit_sparse(i, j, won + tied / 2, lost + tied / 2, part, none)
    penalised = strengths.fit_sparse(i, j, won + tied / 2, lost + tied / 2, part, none + 0.5)
    np.testing.assert_allclose(newman.theta, newton.theta, atol=1e-7)
    np.testing.assert_allclose(thin.theta, newton.theta, atol=1e-7)
    np.testing.assert_allclose(
        penalised.theta, strengths.fit_dense(h, part, none + 0.5).theta, atol=1e-7
    )


def test_choix_and_evalica_agree() -> None:
    choix = pytest.importorskip("choix")
    evalica = pytest.importorskip("evalica")
    table = random_comparisons(4, weight=None)
    ours = fit(table).score
    wins = table.pair_counts().half_ties
    rival = choix.ilsr_pairwise_dense(wins, max_iter=2000, tol=1e-12)
    np.testing.assert_allclose(ours, rival - rival.mean(), atol=1e-6)
    winner = np.select(
        [table.y > 0, table.y < 0], [evalica.Winner.X, evalica.Winner.Y], evalica.Winner.Draw
    )
    other = evalica.bradley_terry(
        table.a.tolist(), table.b.tolist(), winner.tolist(), tolerance=1e-12, limit=5000
    )
    logs = np.log(other.scores.sort_index().to_numpy())
    np.testing.assert_allclose(ours, logs - logs.mean(), atol=1e-5)


def test_twice_the_data_halve_the_variance() -> None:
    table = random_comparisons(5)
    one, two = fit(table, ci="hessian"), fit(table + table, ci="hessian")
    np.testing.assert_allclose(two.score, one.score, atol=1e-9)
    np.testing.assert_allclose(two.se**2, one.se**2 / 2, rtol=1e-6)


def sandwich(table: Comparisons, theta: Any, C: Any, by_row: bool = False) -> Any:
    """Scores summed per cluster, written out; C is the inverse of the curvature."""
    residual = table.weights * (
        0.5 + 0.5 * np.sign(table.y) - expit(theta[table.a] - theta[table.b])
    )
    cluster, count = (np.arange(len(table)), len(table)) if by_row else table.clusters
    U = np.zeros((count, table.n_items))
    np.add.at(U, (cluster, table.a), residual)
    np.add.at(U, (cluster, table.b), -residual)
    return (1 if by_row else count / (count - 1)) * C @ U.T @ U @ C


@pytest.mark.parametrize("by_row", [False, True])
def test_the_sandwich_is_its_definition(by_row: bool) -> None:
    table = random_comparisons(6, people=5)
    result = fit(table, ci="sandwich" if by_row else "cluster")
    C = fit(table, ci="hessian").cov
    np.testing.assert_allclose(result.cov, sandwich(table, result.score, C, by_row), atol=1e-12)


@pytest.mark.parametrize("cells", [_meat.DENSE_CELLS, 0], ids=["dense", "sparse"])
@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_the_sandwich_of_many_items_in_two_parts(
    penalty: float, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_meat, "DENSE_CELLS", cells)
    monkeypatch.setattr(_meat, "LONG", 30_000)  # rows come in more than one go
    rng = np.random.default_rng(3)
    a = rng.integers(0, 300, 40_000)
    part = a // 200  # the first 200 items meet each other only, and the next 100 do
    b = np.where(part == 0, (a + rng.integers(1, 200, 40_000)) % 200, 200 + (a + 37) % 100)
    kept = a != b
    table = Comparisons.from_arrays(
        a[kept],
        b[kept],
        rng.choice([-1, 0, 1], kept.sum()),
        annotator=rng.integers(0, 30, kept.sum()),
        weight=rng.uniform(0.5, 2, kept.sum()),
        n_items=310,
    )
    result = fit(table, penalty=penalty)
    C = fit(table, ci="hessian", penalty=penalty).cov
    assert np.isnan(result.se[300:]).all()
    assert np.isfinite(result.se[:300]).all()
    expected = sandwich(table, np.nan_to_num(result.score), np.nan_to_num(C))
    np.testing.assert_allclose(result.cov[:300, :300], expected[:300, :300], rtol=1e-8, atol=1e-12)
    assert np.array_equal(result.cov, result.cov.T, equal_nan=True)


def test_strengths_so_far_apart_that_odds_overflow_have_errors_all_the_same() -> None:
    K, each = 60, 50
    winner = np.repeat(np.arange(K - 1), each)
    table = Comparisons.from_arrays(
        winner, winner + 1, np.ones(len(winner)), annotator=np.arange(len(winner)) % 7
    )
    result = fit(table, rescue=1e-9)
    assert result.score.max() > STEEP
    C = fit(table, rescue=1e-9, ci="hessian").cov
    expected = sandwich(table, result.score, C)
    np.testing.assert_allclose(result.cov, expected, rtol=1e-6, atol=1e-6 * expected.max())


@pytest.mark.parametrize("ci", ["hessian", "sandwich", "cluster", "auto"])
def test_no_items_or_no_judgments_have_no_errors(
    ci: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for n_items in (0, 3):
        table = Comparisons.from_arrays([], [], [], annotator=[], n_items=n_items)
        result = fit(table, ci=ci)
        assert result.codes == {WarningCode.EMPTY}
        assert np.isnan(result.score).all()
        assert result.se is None or np.isnan(result.se).all()
    assert "illegal value" not in capfd.readouterr().out  # as LAPACK says of an empty matrix


def test_nobody_but_one_annotator_shows_no_spread() -> None:
    result = fit(random_comparisons(6, people=1), ci="cluster")
    assert np.isnan(result.cov).all()


def test_a_part_added_elsewhere_leaves_the_others_alone() -> None:
    table = random_comparisons(7, items=4, n=80)
    more = random_comparisons(8, items=3, n=60)
    both = Comparisons.from_arrays(
        np.concatenate([table.a, more.a + 4]),
        np.concatenate([table.b, more.b + 4]),
        np.concatenate([table.y, more.y]),
        weight=np.concatenate([table.weights, more.weights]),
    )
    np.testing.assert_allclose(fit(both).score[:4], fit(table).score, atol=1e-8)


def test_an_anchor_keeps_its_score_and_has_no_error() -> None:
    result = fit(twenty_two_games(), anchor="1", anchor_value=5.0)
    assert result.score[1] == 5.0
    assert result.se[1] == pytest.approx(0.0, abs=1e-9)
    assert result.se[0] == pytest.approx(fit(twenty_two_games()).difference(0, 1)[1])


def test_soft_strength_lies_between_a_win_and_a_tie() -> None:
    table = Comparisons.from_arrays([0, 0, 0], [1, 1, 1], [1, 3, -2])
    share = fit(table, strength="soft").prob(0, 1)[0]
    assert share == pytest.approx((0.5 + 1 / 6 + 1 + 0.5 - 1 / 3) / 3)
    assert fit(table, strength="weight").prob(0, 1)[0] == pytest.approx(4 / 6)


def test_counts_grouped_by_a_database_are_a_table_too() -> None:
    table = random_comparisons(9)
    np.testing.assert_allclose(
        fit(table.pair_counts()).score, fit(table, ci="none").score, atol=1e-12
    )
    assert isinstance(table.pair_counts(), PairCounts)


def test_a_million_items_without_dense_matrices() -> None:
    rng = np.random.default_rng(0)
    K, n = 1_000_000, 5_000
    a = rng.integers(0, K, n)
    table = Comparisons.from_arrays(a, (a + 1) % K, rng.choice([-1, 0, 1], n), n_items=K)
    result = fit(table)
    assert np.isnan(result.score).sum() > 0.8 * K
    assert {WarningCode.UNSEEN_ITEMS, WarningCode.DISCONNECTED} <= result.codes


def test_a_file_that_is_no_set_of_judgments_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("colour,shape\nred,round\n")
    with pytest.raises(FileError, match="fit no kind of judgments"):
        read_table(tmp_path / "x.csv")
