"""The cells of the reference's table of edges: what each family answers where data decide little.

`test_methods` asserts the warnings; here are the answers.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.method import Method
from aggregation.results import AggregateResult, WarningCode
from aggregation.tables import Ballots, Comparisons, Labels, Ratings
from tests.aggregation.worlds import random_comparisons
from tests.contracts.test_methods import ALL, LABELS, ON_PAIRS, SLATES, empty, fit, natural_kind

NOT_ON_PAIRS = pytest.mark.parametrize(
    "method",
    [m for m in METHODS.values() if natural_kind(m) is not Comparisons],
    ids=[s for s, m in METHODS.items() if natural_kind(m) is not Comparisons],
)
BEGINNING = {"elo": (1000.0, None), "glicko2": (1500.0, 350.0), "trueskill": (25.0, 25 / 3)}
LOTTERIES = ("maximal_lottery", "nash", "random_dictator")
WITH_PRIOR = ("dawid_skene", "one_coin", "mace", "glad")  # models of annotators and classes
OF_ANNOTATORS = ("crowd_bradley_terry", "ability_bradley_terry", "noisy_bradley_terry")
FULL_ORDERS = (
    "borda", "dowdall", "bucklin", "baldwin", "copeland", "kemeny", "schulze", "ranked_pairs",
    "slater", "smith_set", "split_cycle",
)  # fmt: skip
READ_EMBEDDINGS = ("pal", "vpl")  # blank with NO_EMBEDDINGS here, or learned from ratings' gaps
HIS = [2, 0, 3, 1]  # one annotator's order of four items


def social(method: Method) -> bool:
    return method.family == "social_choice" and method.slug not in LOTTERIES


# --- Zero votes -----------------------------------------------------------------------------------


@ALL
def test_zero_votes(method: Method) -> None:
    result = fit(method, empty(method))
    assert WarningCode.EMPTY in result.codes
    if method.slug in BEGINNING:
        rating, spread = BEGINNING[method.slug]
        assert result.score.tolist() == [rating] * 3
        if spread is not None:
            assert result.se is not None
            np.testing.assert_allclose(result.se, spread)
    elif method.slug in LOTTERIES:
        assert result.lottery is not None
        np.testing.assert_allclose(result.lottery, 1 / 3)
    elif social(method):
        assert result.winners == (0, 1, 2)
        assert WarningCode.TIE_UNRESOLVED in result.codes
        assert np.ptp(result.score) == 0
    else:
        assert np.isnan(result.score).all()
        assert result.winners == ()
        assert result.committees == ()
        assert result.se is None or np.isnan(result.se).all()


@LABELS
def test_zero_votes_on_all_units_are_the_prior_or_blank(method: Method) -> None:
    result = fit(method, empty(method))
    assert result.posterior is not None
    assert result.label is not None
    assert result.label.tolist() == [-1, -1, -1]
    if method.slug in WITH_PRIOR:
        np.testing.assert_allclose(result.posterior, 0.5)
    else:
        assert np.isnan(result.posterior).all()


@LABELS
def test_zero_votes_on_one_unit_are_the_prior_or_blank(method: Method) -> None:
    """Two classes at 1:2; a unit that nobody labelled has no label, whatever is believed of it."""
    table = Labels.from_arrays(
        [0, 0, 0, 1, 1, 1, 2, 2], [0, 1, 2, 0, 1, 2, 0, 1], [0, 0, 1, 1, 1, 1, 1, 1], n_units=4
    )
    result = fit(method, table)
    assert result.posterior is not None
    assert result.label is not None
    assert result.label.tolist() == [0, 1, 1, -1]
    assert np.isnan(result.score[3])
    assert WarningCode.EMPTY in result.codes
    if method.slug in ("dawid_skene", "one_coin"):
        np.testing.assert_allclose(
            result.posterior[3], result.posterior[:3].mean(axis=0), rtol=1e-4
        )
    elif method.slug in WITH_PRIOR:
        np.testing.assert_allclose(result.posterior[3], 0.5)
    else:
        assert np.isnan(result.posterior[3]).all()


@LABELS
def test_gold_speaks_where_models_have_no_vote(method: Method) -> None:
    table = Labels.from_arrays([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], n_units=3)
    result = fit(method, replace(table, gold=np.array([0, 1, 1], dtype=np.int32)))
    assert result.label is not None
    assert result.label.tolist() == [0, 1, 1 if method.slug in WITH_PRIOR else -1]


# --- One annotator --------------------------------------------------------------------------------


def by_one(method: Method) -> Any:
    """Four items as one annotator sees them, in the table that the method reads."""
    kind = natural_kind(method)
    if kind is Ballots:
        return Ballots.from_rankings([HIS], annotator=[0])
    if kind is Comparisons:
        pairs = [(one, other) for k, one in enumerate(HIS) for other in HIS[k + 1 :]]
        a, b = np.array(pairs).T
        return Comparisons.from_arrays(a, b, [1] * 6, annotator=[0] * 6, x=np.zeros((6, 1)))
    if kind is Labels:
        return Labels.from_arrays([0, 1, 2, 2, 2], [0] * 5, [1, 0, 1, 1, 0], n_classes=2)
    return Ratings.from_arrays(
        range(4), [0] * 4, [0.6, 0.1, 0.9, 0.4], lo=0.0, hi=1.0, group=[0] * 4
    )


@ALL
def test_one_annotator_decides(method: Method) -> None:
    result = fit(method, by_one(method))
    assert WarningCode.SINGLE_ANNOTATOR in result.codes
    if method.slug == "rank_centrality":  # every walk ends at his first
        assert np.isnan(result.score).all()
        assert WarningCode.NOT_STRONGLY_CONNECTED in result.codes
    elif method.slug == "run_off":
        assert result.label is not None
        assert result.label.tolist() == [2]
    elif natural_kind(method) is Labels:
        his_labels(method, result)
    elif method.family == "slates":
        if method.slug != "fair_subset":  # it counts Borda points, which approval doesn't bind
            assert all(2 in slate for slate in result.committees)
        assert result.score[2] == result.score.max()
    elif method.slug in READ_EMBEDDINGS:
        assert WarningCode.NO_EMBEDDINGS in result.codes
    else:
        his_order(method, result)


@pytest.mark.parametrize("model", ["additive", "zscore", "precision"])
def test_an_annotator_who_is_followed_exactly_has_no_spread(model: str) -> None:
    method = METHODS["calibrated_mean"]
    for table in (by_one(method), all_alike(method)):
        found = fit(method, table, model=model).annotators
        assert found is not None
        assert not (found.ability > 1e6).any()


def his_labels(method: Method, result: AggregateResult) -> None:
    assert result.label is not None
    assert result.posterior is not None
    assert result.label.tolist() == [1, 0, 1]
    if method.slug != "weighted_majority":  # which adds log-odds of confidence
        np.testing.assert_allclose(result.posterior[:, 1], [1, 0, 2 / 3])
    if method.slug in (*WITH_PRIOR, "kos"):
        assert result.annotators is not None
        assert np.isnan(result.annotators.ability).all()


def his_order(method: Method, result: AggregateResult) -> None:
    scores = result.score[HIS]
    assert (np.diff(scores) <= 1e-9).all()
    if method.slug in LOTTERIES:
        assert result.lottery is not None
        assert result.lottery[2] > (0.97 if method.slug == "nash" else 1 - 1e-9)  # nash is drawn in
    elif method.slug == "veto":
        assert result.winners == (0, 2, 3)  # all but his last
    else:
        assert result.winners == (2,)
    if not social(method) or method.slug in FULL_ORDERS:
        assert method.slug in LOTTERIES or (np.diff(scores) < 0).all()
    if method.family == "scalars":
        np.testing.assert_allclose(result.score, [0.6, 0.1, 0.9, 0.4], atol=1e-6)


@pytest.mark.parametrize("slug", OF_ANNOTATORS)
def test_one_annotator_has_the_scores_of_bradley_terry_and_no_ability(slug: str) -> None:
    table = random_comparisons(1)
    alone = replace(table, annotator=np.zeros_like(table.annotator))
    result = fit(METHODS[slug], alone, penalty=0.1)
    plain = fit(METHODS["bradley_terry"], alone, penalty=0.1)
    np.testing.assert_allclose(result.score, plain.score, atol=1e-6)
    assert result.annotators is not None
    assert np.isnan(result.annotators.ability[0])


# --- All ties, unanimity --------------------------------------------------------------------------


def all_alike(method: Method) -> Any:
    """Four annotators for whom four items, all shown as often, are the same."""
    kind = natural_kind(method)
    if kind is Ballots:
        return replace(
            Ballots.from_rankings([HIS] * 4, annotator=range(4)), tier=np.zeros(16, dtype=np.int32)
        )
    if kind is Comparisons:
        a, b = np.array([(i, j) for i in range(4) for j in range(i + 1, 4)] * 4).T
        who = np.repeat(range(4), 6)
        return Comparisons.from_arrays(a, b, [0] * 24, annotator=who, x=np.zeros((24, 1)))
    unit, who = np.tile(range(4), 4), np.repeat(range(4), 4)
    if kind is Labels:
        return Labels.from_arrays(unit, who, [1] * 16, n_classes=2)
    return Ratings.from_arrays(unit, who, [0.5] * 16, lo=0.0, hi=1.0, group=who % 2)


@ALL
def test_all_ties_leave_all_items_tied(method: Method) -> None:
    result = fit(method, all_alike(method))
    if natural_kind(method) is Labels:
        unanimous(method, result)
        return
    if method.slug == "run_off":
        assert result.label is not None
        assert result.label.tolist() == [-1, -1]
        assert WarningCode.TIE_UNRESOLVED in result.codes
        return
    assert np.ptp(result.score) == pytest.approx(0, abs=1e-9)
    if method.slug in LOTTERIES:
        np.testing.assert_allclose(result.score, 1 / 4, atol=1e-6)
        return
    assert result.winners == (0, 1, 2, 3)
    if not result.committee_probs:
        assert WarningCode.TIE_UNRESOLVED in result.codes
    if result.ci_method in ("hessian", "sandwich", "cluster") and method.slug != "plackett_luce":
        assert result.se is not None
        assert np.isfinite(result.se).all()
    if method.slug in OF_ANNOTATORS:  # abilities where the prior has them
        assert result.annotators is not None
        np.testing.assert_allclose(result.annotators.ability, 1.0, atol=1e-6)
    if method.slug == "kemeny":
        assert not result.fit.parameters["unique"]


def unanimous(method: Method, result: AggregateResult) -> None:
    """The one label that was said; everybody as reliable as everybody else."""
    assert result.label is not None
    assert result.posterior is not None
    assert result.label.tolist() == [1, 1, 1, 1]
    assert (result.posterior[:, 1] > 0.95).all()
    if result.annotators is not None:
        assert np.ptp(result.annotators.ability) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("slug", WITH_PRIOR)
def test_a_single_class_is_returned(slug: str) -> None:
    table = Labels.from_arrays([0, 0, 1], [0, 1, 1], [0, 0, 0], n_classes=1)
    result = fit(METHODS[slug], table)
    assert result.label is not None
    assert result.annotators is not None
    assert result.label.tolist() == [0, 0]
    assert result.annotators.ability.tolist() == [1.0, 1.0]


# --- Perfect separation ---------------------------------------------------------------------------


@ON_PAIRS
def test_perfect_separation(method: Method) -> None:
    """0 always beats 1 and 2, and 1 beats 2; by two annotators. Only the walk is lost."""
    table = Comparisons.from_arrays(
        [0, 1, 0] * 4, [1, 2, 2] * 4, [1] * 12, annotator=[0] * 6 + [1] * 6, x=np.zeros((12, 1))
    )
    result = fit(method, table)
    if method.slug == "rank_centrality":
        assert np.isnan(result.score).all()
        assert WarningCode.NOT_STRONGLY_CONNECTED in result.codes
        return
    assert np.isfinite(result.score).all()
    assert result.score.argmax() == 0
    if method.family != "social_choice" or method.slug in FULL_ORDERS:  # others say who is first
        assert (np.diff(result.score) < 0).all()
    if method.slug in ("bradley_terry", "davidson", "rao_kupper", "thurstone", "plackett_luce"):
        assert WarningCode.SEPARATION in result.codes
        assert result.fit.separated


def test_an_item_that_is_always_first_separates_rankings() -> None:
    table = Ballots.from_rankings([[0, 1, 2], [0, 2, 1], [0, 1, 2]], annotator=[0, 1, 2])
    result = fit(METHODS["plackett_luce"], table)
    assert WarningCode.SEPARATION in result.codes
    assert result.fit.separated == (0,)
    assert np.isfinite(result.score).all()


@pytest.mark.parametrize("slug", ["dawid_skene", "one_coin"])
def test_full_agreement_is_a_boundary_that_smoothing_keeps_off(slug: str) -> None:
    unit, who = np.tile(range(6), 3), np.repeat(range(3), 6)
    table = Labels.from_arrays(unit, who, [0, 0, 0, 1, 1, 1] * 3, n_classes=2)
    bare, smoothed = (fit(METHODS[slug], table, smoothing=by) for by in (0.0, 1.0))
    assert len(bare.fit.boundary_params) >= 3
    assert smoothed.fit.boundary_params == ()
    for result, perfect in ((bare, True), (smoothed, False)):
        assert result.label is not None
        assert result.annotators is not None
        assert result.label.tolist() == [0, 0, 0, 1, 1, 1]
        assert (result.annotators.ability > 1 - 1e-9).all() == perfect


# --- Parts that never met -------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["maximal_lottery", "nash"])
def test_lotteries_are_even_over_firsts_that_never_met_and_warn(slug: str) -> None:
    table = Comparisons.from_arrays(
        [0, 0, 1, 2, 2, 3], [1, 1, 0, 3, 3, 2], [1] * 6, annotator=range(6)
    )
    result = fit(METHODS[slug], table)
    assert result.lottery is not None
    assert result.lottery[0] == pytest.approx(result.lottery[2], abs=1e-6)
    assert result.lottery[[0, 2]].min() > result.lottery[[1, 3]].max()
    assert {WarningCode.DISCONNECTED, WarningCode.UNSEEN_PAIRS} <= result.codes
    if slug == "maximal_lottery":
        np.testing.assert_allclose(result.lottery, [0.5, 0, 0.5, 0], atol=1e-9)


def test_kemeny_has_many_orders_of_parts_that_never_met() -> None:
    together, apart = ([0, 1], [1, 2]), ([0, 2], [1, 3])
    unique = [
        fit(METHODS["kemeny"], Comparisons.from_arrays(a, b, [1, 1])).fit.parameters["unique"]
        for a, b in (together, apart)
    ]
    assert unique == [True, False]


def test_abilities_of_items_without_common_people_have_no_link() -> None:
    table = Ratings.from_arrays([0, 1, 2, 3], [0, 0, 1, 1], [1, 0, 1, 0], lo=0.0, hi=1.0)
    result = fit(METHODS["irt"], table)
    assert WarningCode.DISCONNECTED in result.codes
    assert result.component is not None
    assert result.component.tolist() == [0, 0, 1, 1]
    assert result.rank is not None
    assert result.rank.tolist() == [1, 2, 1, 2]


# --- One item, no answers -------------------------------------------------------------------------


def one_item(method: Method) -> Any:
    kind = natural_kind(method)
    if kind is Comparisons:  # no pair can be made of it
        return Comparisons.from_arrays([], [], [], n_items=1)
    if kind is Ballots:
        return Ballots.from_rankings([[0], [0]], annotator=[0, 1])
    if kind is Labels:
        return Labels.from_arrays([0, 0, 0], [0, 1, 2], [1, 1, 0], n_classes=2)
    return Ratings.from_arrays([0, 0], [0, 1], [0.4, 0.8], lo=0.0, hi=1.0, group=[0, 0])


@ALL
def test_one_item_has_nothing_to_be_compared_with(method: Method) -> None:
    result = fit(method, one_item(method))
    assert WarningCode.SINGLE_ITEM in result.codes
    assert len(result.score) == 1
    assert not np.isinf(result.score).any()
    assert result.winners in ((), (0,))
    if natural_kind(method) is Comparisons:
        assert WarningCode.EMPTY in result.codes
    elif method.slug in ("mean", "median", "calibrated_mean"):
        assert result.score[0] == pytest.approx(0.6)
    elif natural_kind(method) is Labels:
        assert result.label is not None
        assert result.label.tolist() == [1]


@NOT_ON_PAIRS
def test_without_any_answer_nothing_is_known(method: Method) -> None:
    """Labels and ratings that say "not applicable", ballots that rank nothing. A comparison has no
    such answer: "cannot tell" is a tie, or left out by an option.
    """
    kind = natural_kind(method)
    if kind is Ballots:
        table: Any = Ballots.from_rankings([[], []], n_items=3)
    elif kind is Labels:
        table = Labels.from_arrays([0, 1, 2], [0, 1, 2], [-1, -1, -1], n_classes=2)
    else:
        table = Ratings.from_arrays(range(3), range(3), [np.nan] * 3, lo=0.0, hi=1.0, group=[0] * 3)
    result = fit(method, table)
    if social(method):
        assert result.winners == (0, 1, 2)
        assert WarningCode.TIE_UNRESOLVED in result.codes
    elif method.slug in LOTTERIES:
        np.testing.assert_allclose(result.score, 1 / 3)
    else:
        assert np.isnan(result.score).all()
        assert result.winners == ()
    assert WarningCode.EMPTY in result.codes


@SLATES
def test_one_annotator_has_his_set_completed_by_ties(method: Method) -> None:
    if method.consumes[0] is not Ballots or method.slug in ("budgeting", "fair_subset"):
        pytest.skip("doesn't fill seats by approvals alone")
    if method.slug == "chamberlin_courant":
        pytest.skip("one of his set is all that it gives a voter")
    result = fit(method, Ballots.from_approvals([[1, 3]], 4), seats=3)
    assert result.committees == ((0, 1, 3), (1, 2, 3))
