"""Labels: the 1979 observers, a toy of six units, and gold from a crowd."""

import csv
import gzip
from typing import Any

import numpy as np
import pytest
from scipy.special import digamma, gammaln

from aggregation.catalogue import METHODS
from aggregation.methods.consensus import _votes as votes_
from aggregation.methods.consensus import mace
from aggregation.methods.consensus.dawid_skene import prior_counts
from aggregation.methods.consensus.glad import Model
from aggregation.results import WarningCode
from aggregation.tables import Comparisons, Labels, Ratings
from tests.aggregation.worlds import SHARED_DATA, random_labels, toy_labels

# Dawid & Skene (1979), table 1: 45 patients; three looks by observer 1, then observers 2 to 5.
OBSERVED = """
1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343
1111111 2223212 1211111 1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222
1111111 1111111 2322222 1111111 1111111 1121121 1111111 3333233 1111111 2222222 2223232 4334343
2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222
"""


def observers() -> Labels:
    rows = [
        (u, max(0, k - 2), int(x) - 1)
        for u, word in enumerate(OBSERVED.split())
        for k, x in enumerate(word)
    ]
    unit, annotator, label = np.array(rows).T
    return Labels.from_arrays(unit, annotator, label)


def fit(slug: str, table: Any, **options: Any) -> Any:
    return METHODS[slug].fit(table, METHODS[slug].options(**options))


def test_the_observers_are_all_there() -> None:
    assert len(observers()) == 315
    assert observers().n_units == 45


def test_dawid_skene_on_the_observers() -> None:
    result = fit("dawid_skene", observers(), smoothing=0.0, tol=1e-10)
    np.testing.assert_allclose(
        result.fit.parameters["class_share"], [0.3996, 0.4220, 0.1118, 0.0667], atol=1e-4
    )
    assert result.fit.loglik == pytest.approx(-192.8909, abs=1e-4)
    expected = [
        [0.8895, 0.1105, 0, 0],
        [0.0706, 0.8764, 0.0530, 0],
        [0, 0.3388, 0.6612, 0],
        [0, 0, 0.5556, 0.4444],
    ]
    np.testing.assert_allclose(result.annotators.confusion[0], expected, atol=1e-4)
    labels = "".join(str(x + 1) for x in result.label)
    assert labels == "142222132243121111222222112111131224233111212"
    assert result.fit.boundary_params
    # The reference counts 25 plain steps of EM; SQUAREM leaps over some of them.
    assert result.fit.converged
    assert 1 < result.fit.iters <= 25


def test_majority_differs_at_three_patients() -> None:
    """The reference gives a tie to the lower class, as the first largest share does here; the
    method itself leaves patient 12, the one tie, open.
    """
    result = fit("majority", observers())
    lowest = result.posterior.argmax(axis=1)
    modelled = fit("dawid_skene", observers(), smoothing=0.0).label
    assert (np.flatnonzero(lowest != modelled) + 1).tolist() == [2, 12, 36]
    assert (np.flatnonzero(result.label != lowest) + 1).tolist() == [12]
    assert result.label[11] == -1


@pytest.mark.parametrize("most", [2, 4])
@pytest.mark.parametrize("unanswered", [False, True])
def test_a_shared_first_place_is_credited_in_equal_parts(most: int, unanswered: bool) -> None:
    rng = np.random.default_rng(most)
    unit, annotator = rng.integers(0, 80, 400), rng.integers(0, 20, 400)
    label = rng.integers(-1 if unanswered else 0, most, 400)
    counts = np.zeros((80, most), dtype=np.int64)
    np.add.at(counts, (unit[label >= 0], label[label >= 0]), 1)
    credit, n = np.zeros(20), np.zeros(20, dtype=np.int64)
    for u, j, c in zip(unit.tolist(), annotator.tolist(), label.tolist(), strict=True):
        if c >= 0:
            leads = counts[u] == counts[u].max()
            credit[j] += leads[c] / leads.sum()
            n[j] += 1
    result = fit("majority", Labels.from_arrays(unit, annotator, label, n_units=80, n_classes=most))
    assert result.annotators.ability.tolist() == (credit / n).tolist()  # to the last bit
    assert result.annotators.n.tolist() == n.tolist()
    voted = counts.sum(axis=1) > 0
    shares = counts[voted] / counts[voted].sum(axis=1, keepdims=True)
    assert result.posterior[voted].tolist() == shares.tolist()
    assert np.isnan(result.posterior[~voted]).all()


def test_dawid_skene_on_the_toy_reaches_the_boundary() -> None:
    result = fit("dawid_skene", toy_labels(), smoothing=0.0, tol=1e-12)
    np.testing.assert_allclose(result.posterior[:, 1], [0.625, 0, 0.875, 0, 0, 0], atol=1e-4)
    assert result.fit.loglik == pytest.approx(-11.61360, abs=1e-4)


def test_one_coin_on_the_observers() -> None:
    result = fit("one_coin", observers(), smoothing=0.0, tol=1e-11)
    np.testing.assert_allclose(
        result.fit.parameters["class_share"], [0.4019, 0.4511, 0.1246, 0.0224], atol=1e-4
    )
    np.testing.assert_allclose(
        result.annotators.ability, [0.8854, 0.7007, 0.8115, 0.8531, 0.8089], atol=1e-4
    )
    assert result.fit.loglik == pytest.approx(-242.5060, abs=1e-4)


def test_one_coin_on_the_toy() -> None:
    result = fit("one_coin", toy_labels(), smoothing=0.0, tol=1e-13, max_iter=20_000)
    ability = result.annotators.ability
    np.testing.assert_allclose(ability, [0.7887, 0.7887, 0.5], rtol=0, atol=5.1e-5)
    np.testing.assert_allclose(
        result.posterior[:, 1], [0.933, 0.067, 0.933, 0.5, 0.067, 0.5], rtol=0, atol=5.1e-4
    )
    np.testing.assert_allclose(result.fit.parameters["class_share"], [0.5, 0.5], atol=1e-9)
    assert result.fit.loglik == pytest.approx(-12.13685, abs=5.1e-6)


def test_mace_on_the_toy() -> None:
    result = fit("mace", toy_labels(), tol=1e-13, restarts=1)
    np.testing.assert_allclose(
        result.posterior[:, 1], [0.92516, 0.07623, 0.95336, 0.43991, 0.04753, 0.43991], atol=1e-4
    )
    np.testing.assert_allclose(
        result.fit.parameters["know"], [0.54837, 0.54837, 0.11393], atol=1e-4
    )
    np.testing.assert_allclose(
        result.fit.parameters["spam"], [0.37814, 0.37814, 0.81703], atol=1e-4
    )
    assert result.fit.loglik == pytest.approx(-13.607788, abs=1e-5)


def test_mace_restarts_differ() -> None:
    votes = votes_.Votes.of(random_labels(0))
    rng = np.random.default_rng(0)
    assert not np.array_equal(mace._random(votes, rng).know, mace._random(votes, rng).know)


def test_glad_on_the_toy() -> None:
    result = fit("glad", toy_labels())
    np.testing.assert_allclose(result.annotators.ability, [0.8533, 0.8533, 0.1956], atol=1e-4)
    easiness = result.fit.parameters["log_easiness"]
    np.testing.assert_allclose(
        easiness, [1.0084, 1.0084, 1.4401, 0.3477, 1.4401, 0.3477], atol=1e-4
    )
    np.testing.assert_allclose(
        result.posterior[:, 1], [0.9844, 0.0156, 0.9997, 0.4312, 0.0003, 0.4312], atol=1e-4
    )
    assert result.fit.penalised == pytest.approx(-11.748623, abs=1e-6)


def test_glads_gradient_is_the_derivative_of_its_objective() -> None:
    model = Model.of(random_labels(3, units=8), 1.0)
    x = 1 + 0.3 * np.random.default_rng(0).normal(size=model.J + model.U)
    h = 1e-6 * np.eye(len(x))
    numeric = [(model.loss(x + s)[0] - model.loss(x - s)[0]) / 2e-6 for s in h]
    np.testing.assert_allclose(model.loss(x)[1], numeric, atol=1e-5)


def test_kos_on_the_toy() -> None:
    result = fit("kos", toy_labels())
    np.testing.assert_allclose(result.score, [0.5, 0.5, 0.5, 0, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(result.annotators.ability, [0.7071, 0.7071, 0], atol=1e-4)
    assert result.label.tolist() == [1, 0, 1, -1, 0, -1]


@pytest.mark.parametrize("slug", ["wawa", "zero_based_skill"])
def test_skills_on_the_toy(slug: str) -> None:
    result = fit(slug, toy_labels())
    np.testing.assert_allclose(result.annotators.ability, [0.8333, 0.8333, 0.6667], atol=1e-4)
    np.testing.assert_allclose(
        result.posterior[:, 1], [0.7143, 0.2857, 1, 0.3571, 0, 0.3571], atol=1e-4
    )


def test_one_sure_vote_outweighs_two_unsure_ones_in_log_odds_only() -> None:
    table = Labels.from_arrays([0, 0, 0], [0, 1, 2], [0, 1, 1], conf=[0.9, 0.6, 0.6])
    assert fit("weighted_majority", table).label.tolist() == [0]
    assert fit("weighted_majority", table, weights="confidence").label.tolist() == [1]
    odds = np.log(fit("weighted_majority", table).posterior[0])
    assert odds[0] - odds[1] == pytest.approx(2.197 - 0.811, abs=1e-3)


def test_gold_decides_who_counts() -> None:
    gold = [0, 0, 1, 1, -1]
    good, bad = [0, 0, 1, 1, 0], [1, 1, 0, 0, 1]
    table = Labels.from_arrays(list(range(5)) * 2, [0] * 5 + [1] * 5, good + bad, gold=gold)
    result = fit("gold_weighted", table)
    np.testing.assert_allclose(result.annotators.ability, [5 / 6, 1 / 6])
    assert result.label.tolist() == good
    assert WarningCode.NO_GOLD in fit("gold_weighted", toy_labels()).codes
    assert fit("boosting", table).label.tolist() == good


def test_boosting_takes_the_best_judge_first() -> None:
    gold = [0, 0, 0, 1, 1, 1]
    judges = [[0, 0, 0, 1, 1, 0], [0, 0, 1, 1, 0, 1], [1, 0, 1, 0, 1, 0]]
    table = Labels.from_arrays(
        list(range(6)) * 3, np.repeat([0, 1, 2], 6), np.ravel(judges), gold=gold
    )
    result = fit("boosting", table, rounds=1)
    assert result.fit.parameters["alpha"] == pytest.approx([np.log(5), 0, 0])
    assert result.label.tolist() == judges[0]


def test_run_off_by_hand() -> None:
    """Three judges, three answers: A and B lead round one 2:1:0; in round two B loses 1:2."""
    logits = [[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [0.0, 2.0, 1.0]]
    unit, judge = np.tile([0, 1, 2], 3), np.repeat([0, 1, 2], 3)
    result = fit("run_off", Ratings.from_arrays(unit, judge, np.ravel(logits), group=np.zeros(9)))
    np.testing.assert_allclose(result.posterior, [[2 / 3, 1 / 3, 0]])
    assert result.label.tolist() == [0]


def test_majority_keeps_ties_open() -> None:
    result = fit("majority", Labels.from_arrays([0, 0, 1], [0, 1, 0], [0, 1, 1], n_units=3))
    assert result.label.tolist() == [-1, 1, -1]
    assert {WarningCode.TIE_UNRESOLVED, WarningCode.EMPTY} <= result.codes
    assert np.isnan(result.posterior[2]).all()


def test_majority_on_pairs_has_one_unit_per_pair() -> None:
    table = Comparisons.from_arrays(
        [0, 1, 0, 1], [1, 0, 1, 2], [1, -1, 0, 0], annotator=[0, 1, 2, 0]
    )
    result = fit("majority", table)
    assert result.ids == ((0, 1), (1, 2))
    assert [result.classes[k] for k in result.label] == ["first", "tie"]
    assert result.conversions


@pytest.mark.parametrize("slug", ["dawid_skene", "one_coin"])
@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_no_step_of_em_lowers_the_objective(slug: str, smoothing: float) -> None:
    table = random_labels(7, units=60)
    values = [fit(slug, table, max_iter=k, smoothing=smoothing).fit.penalised for k in range(1, 25)]
    assert (np.diff(values) > -1e-9).all()


@pytest.mark.parametrize("table", [toy_labels(), random_labels(7, units=60), random_labels(3)])
def test_no_step_of_mace_lowers_its_bound(table: Labels) -> None:
    """Variational steps climb the evidence lower bound, which is asserted: the likelihood at mean
    logarithms less the divergences of Beta and Dirichlet from their priors. The likelihood alone
    need not climb; with these tables it does.
    """
    votes = votes_.Votes.of(table)
    n = votes.counts(np.full((votes.U, votes.C), 1 / votes.C)).sum(axis=(1, 2))
    habits, bounds, likelihoods = mace._even(votes), [], []
    T, _ = votes_.posterior(mace._evidence(votes, habits), votes.seen, None)
    for _ in range(25):
        votes_for = votes.counts(T)  # N[j, l, c], of which some are known and the rest habit
        right = np.einsum("jcc->jc", votes_for)
        spammed = habits.spam[:, None] * habits.habit
        knew = right * habits.know[:, None] / (habits.know[:, None] + spammed)
        strokes = votes_for.sum(axis=2) - knew
        habits = mace._maximise(votes, T, habits)
        T, value = votes_.posterior(mace._evidence(votes, habits), votes.seen, None)
        K, S = knew.sum(axis=1), strokes.sum(axis=1)
        np.testing.assert_allclose(K + S, n)
        beliefs = np.column_stack([K, S]) + 0.5
        bounds.append(value - divergence(beliefs, 0.5) - divergence(strokes + 10.0, 10.0))
        likelihoods.append(value)
    assert bounds[-1] > bounds[0] + 0.1
    assert (np.diff(bounds) > -1e-9).all()
    assert (np.diff(likelihoods) > -1e-9).all()
    ended = [fit("mace", table, max_iter=k, restarts=1, tol=0.0).fit.loglik for k in (1, 2, 9, 25)]
    np.testing.assert_allclose(ended, [likelihoods[k - 1] for k in (1, 2, 9, 25)])


def divergence(alpha: Any, prior: float) -> float:
    """Sum over rows of KL(Dirichlet(alpha) || Dirichlet(prior, prior …))."""
    total, C = alpha.sum(axis=1), alpha.shape[1]
    part = gammaln(total) - gammaln(prior * C) - (gammaln(alpha) - gammaln(prior)).sum(axis=1)
    return float(
        (part + ((alpha - prior) * (digamma(alpha) - digamma(total)[:, None])).sum(1)).sum()
    )


def test_the_prior_is_heavy_on_the_diagonal() -> None:
    assert prior_counts(3, 2.0)[0].tolist() == [[2, 0.5, 0.5], [0.5, 2, 0.5], [0.5, 0.5, 2]]


def test_gold_units_keep_their_class() -> None:
    table = random_labels(2, gold=True)
    for slug in ("dawid_skene", "one_coin", "glad"):
        result = fit(slug, table)
        assert table.gold is not None
        known = table.gold >= 0
        assert (result.label[known] == table.gold[known]).all()


def test_annotators_without_common_units_are_pointed_out() -> None:
    table = Labels.from_arrays([0, 0, 1, 1], [0, 1, 2, 3], [0, 1, 1, 0])
    for slug in ("dawid_skene", "one_coin", "mace", "kos"):
        assert WarningCode.LABEL_SWITCHING in fit(slug, table).codes


def test_adult_content_em_does_not_beat_the_majority() -> None:
    folder = SHARED_DATA / "adult_content_crowd"
    if not folder.exists():
        pytest.skip("the adult content data are not on this machine")
    with gzip.open(folder / "judgments.csv.gz", "rt") as stream:
        rows = list(csv.DictReader(stream))
    with gzip.open(folder / "gold.csv.gz", "rt") as stream:
        gold = {row["item"]: row["gold"] for row in csv.DictReader(stream)}
    table = Labels.from_values(*([row[c] for row in rows] for c in ("item", "annotator", "label")))

    def accuracy(result: Any) -> float:
        top = result.posterior >= np.nanmax(result.posterior, axis=1, keepdims=True) - 1e-9
        places = {item: k for k, item in enumerate(result.ids)}
        credit = [
            top[places[i], result.classes.index(g)] / top[places[i]].sum()
            for i, g in gold.items()
            if i in places
        ]
        assert len(credit) == 333
        return float(np.mean(credit))

    assert accuracy(fit("majority", table)) == pytest.approx(0.7598, abs=1e-4)
    modelled = fit("dawid_skene", table, smoothing=0.0, tol=1e-9)
    assert accuracy(modelled) == pytest.approx(0.7477, abs=1e-4)
    # -36423.43 belongs to zeros replaced by 1e-10; without that EM creeps along the boundary
    assert modelled.fit.loglik == pytest.approx(-36423.43, abs=2.0)
