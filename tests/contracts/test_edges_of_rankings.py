"""What scores from comparisons and ballots, and their errors, are where the data say little."""

from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from aggregation.catalogue import METHODS
from aggregation.diagnostics.sensitivity import sensitivity
from aggregation.methods.ranking import irt
from aggregation.methods.ranking._annotator_cells import AnnotatorCells, loss
from aggregation.methods.ranking._outcome_models import Davidson, HalfTies, OutcomeModel, Probit
from aggregation.methods.ranking.noisy_bradley_terry import noisy_model
from aggregation.methods.social_choice import _tally
from aggregation.results import AggregateResult, WarningCode
from aggregation.tables import Ballots, Comparisons, Ratings, TableError
from aggregation.warning_codes import SENTENCES
from tests.aggregation.worlds import random_ballots, random_comparisons, random_ratings

PAIRED = ["bradley_terry", "styled_bradley_terry", "thurstone", "davidson", "rao_kupper"]
PAIRED.append("strength_logit")


def fit(slug: str, table: Any, **options: Any) -> AggregateResult:
    return METHODS[slug].fit(table, METHODS[slug].options(**options))


def errors(slug: str, table: Any, **options: Any) -> Any:
    se = fit(slug, table, **options).se
    assert se is not None
    return se


def by_one(table: Any) -> Any:
    return replace(table, annotator=np.zeros_like(table.annotator))


def unsided(table: Comparisons) -> Comparisons:
    """Without sides, whose effect is one for all parts."""
    return replace(table, first=np.zeros_like(table.a, dtype=np.int8))


def tied(table: Comparisons) -> Comparisons:
    """The same questions, every answer a tie, with weights that don't add up exactly."""
    weight = np.random.default_rng(0).random(len(table))
    return replace(table, y=np.zeros_like(table.y), weight=weight)


def beside(one: Comparisons, two: Comparisons) -> Comparisons:
    """Two worlds that share neither items nor annotators."""
    assert one.annotator is not None
    assert two.annotator is not None
    assert one.first is not None
    assert two.first is not None
    return Comparisons.from_arrays(
        np.concatenate([one.a, two.a + one.n_items]),
        np.concatenate([one.b, two.b + one.n_items]),
        np.concatenate([one.y, two.y]),
        annotator=np.concatenate([one.annotator, two.annotator + len(one.annotator_ids)]),
        first=np.concatenate([one.first, two.first]),
        weight=np.concatenate([one.weights, two.weights]),
    )


# --- Standard errors: of the kind that was asked for, or of another by its name ------------------


@pytest.mark.parametrize("slug", PAIRED)
def test_where_all_tie_the_curvature_gives_the_errors_and_says_so(slug: str) -> None:
    table = tied(random_comparisons(1))
    result = fit(slug, table)
    np.testing.assert_allclose(result.score, 0.0, atol=1e-12)
    assert result.ci_method == "hessian"
    assert (errors(slug, table) > 0.01).all()
    np.testing.assert_allclose(errors(slug, table), errors(slug, table, ci="hessian"))
    assert WarningCode.CI_REPLACED not in result.codes
    assert WarningCode.CI_REPLACED in fit(slug, table, ci="cluster").codes


@pytest.mark.parametrize("slug", PAIRED)
@pytest.mark.parametrize("ties", ["all", "some"])
def test_one_annotator_has_no_error_over_annotators(slug: str, ties: str) -> None:
    table = by_one(random_comparisons(1))
    judged = tied(table) if ties == "all" else table
    assert fit(slug, judged).ci_method == "cluster"
    assert np.isnan(errors(slug, judged)).all()


@pytest.mark.parametrize("slug", ["bradley_terry", "styled_bradley_terry", "thurstone"])
def test_a_part_in_which_scores_cancel_has_no_error_of_zero(slug: str) -> None:
    """A part that ties all, or that one person judged, between others with errors as ever."""
    one, two = (unsided(random_comparisons(seed, items=seed + 2)) for seed in (1, 2))
    alone = errors(slug, one)
    for quiet in (tied(two), by_one(two)):
        se = errors(slug, beside(one, quiet))
        assert np.isnan(se[3:]).all()
        assert (se[:3] > 0.5 * alone).all()


def test_rankings_that_cancel_within_every_person_have_errors_by_the_curvature() -> None:
    turned = Ballots.from_rankings([[0, 1], [1, 0]] * 2, annotator=[0, 0, 1, 1])
    assert fit("plackett_luce", turned).ci_method == "hessian"
    curved = errors("plackett_luce", turned, ci="hessian")
    assert np.isfinite(curved).all()
    np.testing.assert_allclose(errors("plackett_luce", turned), curved)
    assert np.isnan(errors("plackett_luce", by_one(turned))).all()
    assert fit("plackett_luce", random_ballots(1)).ci_method == "cluster"


def test_ballots_that_choose_nothing_have_no_error_and_it_is_said() -> None:
    """The likelihood is flat, so §1.4's finite error, as of Bradley–Terry, would be invented."""
    table = random_ballots(1)
    flat = replace(table, tier=np.zeros_like(table.tier))
    result = fit("plackett_luce", flat)
    np.testing.assert_allclose(result.score, 0.0, atol=1e-12)
    assert np.isnan(errors("plackett_luce", flat)).all()
    assert WarningCode.ALL_TIES in result.codes


@pytest.mark.parametrize("slug", ["bradley_terry", "styled_bradley_terry", "thurstone", "davidson"])
def test_the_kind_of_errors_is_what_was_computed(slug: str) -> None:
    table = random_comparisons(1)
    nobody = replace(table, annotator=None, annotator_ids=())
    kinds = {"auto": "cluster", "cluster": "cluster", "hessian": "hessian", "none": "none"}
    for asked, given in kinds.items():
        result = fit(slug, table, ci=asked)
        assert result.ci_method == given
        assert WarningCode.CI_REPLACED not in result.codes
    assert not np.allclose(errors(slug, table), errors(slug, table, ci="hessian"), rtol=0.02)
    assert fit(slug, nobody).ci_method == "hessian"
    unknown = fit(slug, nobody, ci="cluster")  # nobody knows who judged: every judgment for itself
    assert unknown.ci_method == "sandwich"
    assert WarningCode.CI_REPLACED in unknown.codes


@pytest.mark.parametrize("slug", ["bradley_terry", "thurstone", "davidson"])
def test_counts_have_no_errors_over_annotators_and_it_is_said(slug: str) -> None:
    counts = random_comparisons(1).pair_counts()
    result = fit(slug, counts, ci="cluster")
    assert result.ci_method == "hessian"
    assert WarningCode.CI_REPLACED in result.codes
    assert WarningCode.CI_REPLACED not in fit(slug, counts).codes


def test_errors_of_thurstone_with_ties_are_scores_summed_per_annotator() -> None:
    table = random_comparisons(1)
    assert table.annotator is not None
    result = fit("thurstone", table)
    assert result.ci_method == "cluster"
    d = result.score[table.a] - result.score[table.b]
    won, lost = norm.pdf(d) / norm.cdf(d), -norm.pdf(d) / norm.cdf(-d)
    share = 0.5 + 0.5 * np.sign(table.y)
    score = table.weights * (share * won + (1 - share) * lost)
    U = np.zeros((6, 5))
    np.add.at(U, (table.annotator, table.a), score)
    np.add.at(U, (table.annotator, table.b), -score)
    C = np.asarray(fit("thurstone", table, ci="hessian").cov)
    np.testing.assert_allclose(np.asarray(result.cov), 6 / 5 * C @ U.T @ U @ C, atol=1e-9)


@pytest.mark.parametrize("model", [HalfTies(Probit()), HalfTies(Davidson(False))])
def test_half_a_win_each_has_the_derivatives_of_half_a_win_each(model: OutcomeModel) -> None:
    rng, h, none = np.random.default_rng(0), 1e-6, np.zeros(0)
    outcome, d = rng.choice([-1, 0, 1], 50), 3 * rng.normal(size=50)
    at, up, down = (model.derivatives(outcome, d + s, none) for s in (0.0, h, -h))
    np.testing.assert_allclose(at.d, (up.logp - down.logp) / (2 * h), atol=1e-7)
    np.testing.assert_allclose(at.dd, (up.d - down.d) / (2 * h), atol=1e-7)
    won, lost = (model.derivatives(np.full(50, y), d, none).logp for y in (1, -1))
    np.testing.assert_allclose(at.logp[outcome == 0], (won + lost)[outcome == 0] / 2)


# --- Models of annotators -----------------------------------------------------------------------

AWARE = ["noisy_bradley_terry", "crowd_bradley_terry", "ability_bradley_terry"]


@pytest.mark.parametrize("slug", AWARE)
@pytest.mark.parametrize("seed", [14, 17, 18])
def test_a_part_with_people_of_its_own_leaves_the_others_alone(slug: str, seed: int) -> None:
    n = 80 if seed == 17 else 40
    one, two = random_comparisons(seed, items=4, n=n), random_comparisons(seed + 100, items=3, n=n)
    both, first, second = fit(slug, beside(one, two)), fit(slug, one), fit(slug, two)
    np.testing.assert_allclose(both.score, np.concatenate([first.score, second.score]), atol=1e-6)
    assert both.fit.penalised == pytest.approx(first.fit.penalised + second.fit.penalised)
    np.testing.assert_allclose(abilities(both)[:6], abilities(first), atol=1e-5)


def abilities(result: AggregateResult) -> Any:
    assert result.annotators is not None
    return result.annotators.ability


@pytest.mark.parametrize("slug", AWARE)
def test_a_part_that_one_person_judged_is_bradley_terry_there(slug: str) -> None:
    one, two = random_comparisons(1, items=4), random_comparisons(2, items=3, people=1)
    both = fit(slug, beside(one, two))
    np.testing.assert_allclose(both.score[4:], fit(slug, two).score, atol=1e-8)
    np.testing.assert_allclose(both.score[:4], fit(slug, one).score, atol=1e-6)
    assert np.isfinite(abilities(both)[:6]).all()
    assert np.isnan(abilities(both)[6])
    assert both.fit.boundary_params == fit(slug, one).fit.boundary_params


@pytest.mark.parametrize("seed", [0, 18, 117])
def test_random_starts_of_noisy_bradley_terry_find_nothing_better(seed: int) -> None:
    table = random_comparisons(seed, items=4 if seed < 100 else 3, n=40 if seed < 100 else 80)
    cells, model = AnnotatorCells.of(table, sides=True), noisy_model(2, 1)
    cells, *_ = cells.apart()[0]
    bounds = [(None, None)] * cells.K + [b for b in model.bounds for _ in range(cells.J)]
    rng = np.random.default_rng(seed)
    found = fit("noisy_bradley_terry", table).fit.penalised
    for _ in range(12):
        x = [rng.normal(size=cells.K), rng.uniform(0.1, 1, cells.J), 2 * rng.normal(size=cells.J)]
        rival = minimize(
            loss, np.concatenate(x), args=(cells, model, np.full(cells.K, 0.1)), jac=True,
            method="L-BFGS-B", bounds=bounds,
        )  # fmt: skip
        assert -rival.fun <= found + 1e-5


def test_the_sentence_on_several_optima_is_true_of_models_with_one_start() -> None:
    assert "several starts" not in SENTENCES[WarningCode.LOCAL_OPTIMUM_RISK]


# --- Voting rules and means ---------------------------------------------------------------------


def test_borda_with_nothing_but_ties_is_a_tie_however_often_items_are_shown() -> None:
    table = tied(random_comparisons(1))
    assert len(set(np.round(table.pair_counts().games.sum(axis=1), 9))) > 1
    result = fit("borda", table)
    assert np.ptp(result.score) == pytest.approx(0.0, abs=1e-9)
    assert result.winners == (0, 1, 2, 3, 4)


def test_borda_counts_wins_less_losses() -> None:
    """0 beats 1 twice, 1 and 2 tie ten times: 2 was in ten pairs, and lies between the others."""
    table = Comparisons.from_arrays([0, 0] + [1] * 10, [1, 1] + [2] * 10, [1, 1] + [0] * 10)
    mean = (2 + 12 + 10) / 3
    np.testing.assert_allclose(fit("borda", table).score, mean / 2 + np.array([1, -1, 0]))


@pytest.mark.parametrize("seed", range(4))
def test_how_many_ballots_turn_borda_is_exact_on_ballots_of_some_items_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rankings = [[0, 1, 2, 3], *(rng.permutation(4)[: 2 + k % 3].tolist() for k in range(7))]
    ballots, borda = Ballots.from_rankings(rankings, n_items=4), METHODS["borda"]
    found, first = sensitivity(borda, ballots), fit("borda", ballots).winners
    assert found is not None
    assert found.votes.is_exact
    if len(first) == 1:
        assert found.votes.basis == "additive"
        assert found.votes.count == next(
            k for k in range(1, 8) for gone in combinations(range(8), k)
            if fit("borda", ballots.take(np.setdiff1d(np.arange(8), gone))).winners != first
        )  # fmt: skip


def test_zscores_of_a_rating_of_weight_two_are_those_of_the_rating_twice() -> None:
    table = Ratings.from_arrays(
        [0, 1, 0, 1, 2, 0, 1, 2], [0, 0, 1, 1, 1, 2, 2, 2],
        [0.1, 0.9, 0.2, 0.4, 0.5, 0.6, 0.5, 0.1], lo=0.0, hi=1.0,
    )  # fmt: skip
    for rows in (np.arange(8), np.arange(2), np.array([0, 2, 5])):
        weight = np.ones(8)
        weight[rows] = 2
        heavy = fit("calibrated_mean", table.reweighted(weight), model="zscore")
        twice = fit("calibrated_mean", table + table.take(rows), model="zscore")
        np.testing.assert_allclose(heavy.score, twice.score, atol=1e-12)


# --- Ratings that move ---------------------------------------------------------------------------


def test_a_weight_in_trueskill_is_the_same_game_so_often_in_a_row() -> None:
    table = random_comparisons(1)
    assert table.weight is not None
    rows = np.repeat(np.arange(len(table)), table.weight.astype(int))
    heavy = fit("trueskill", table)
    played = fit("trueskill", replace(table.take(rows), weight=None))
    np.testing.assert_allclose(heavy.score, played.score)
    np.testing.assert_allclose(np.asarray(heavy.se), np.asarray(played.se))
    plain = fit("trueskill", replace(table, weight=None))
    assert np.abs(heavy.score - plain.score).max() < 3  # means once collapsed from 21-28 to 0-10


def test_trueskill_refuses_weights_that_stand_for_more_games_than_can_be_played() -> None:
    with pytest.raises(TableError, match="1,000,000,000,000 games of 1 judgments"):
        METHODS["trueskill"].fit(Comparisons.from_arrays([0], [1], [1], weight=[1e12]))


@pytest.mark.parametrize("y", [-1, 0, 1])
def test_a_weight_between_two_whole_numbers_lies_between_them(y: int) -> None:
    begun = Comparisons.from_arrays([0, 0], [1, 1], [1, 1])

    def after(weight: float) -> Any:
        result = fit("trueskill", begun + Comparisons.from_arrays([0], [1], [y], weight=[weight]))
        return np.concatenate([result.score, np.asarray(result.se)])

    steps = np.stack([after(w) for w in (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)])
    np.testing.assert_allclose(steps[0], after(1e-9), atol=1e-6)
    for column in np.diff(steps, axis=0).T:
        assert (column > 0).all() or (column < 0).all()


# --- Item response theory -----------------------------------------------------------------------


@pytest.mark.parametrize("model", ["1pl", "2pl"])
@pytest.mark.parametrize("who", [[0, 0, 0], [0, 1, 2]])
def test_shares_by_which_abilities_cannot_be_told_give_no_wild_difficulties(
    model: str, who: list[int]
) -> None:
    table = Ratings.from_arrays([0, 1, 2], who, [0.2, 0.5, 0.9], lo=0.0, hi=1.0)
    result = fit("irt", table, model=model)
    assert result.score.tolist() == sorted(result.score.tolist())
    assert np.abs(result.score).max() < 5
    assert WarningCode.SEPARATION in result.codes
    assert result.fit.boundary_params
    assert np.isfinite(result.fit.penalised)


@pytest.mark.parametrize("model", ["1pl", "2pl"])
def test_a_prior_on_discrimination_is_the_gradients_and_the_estimates_maximum(model: str) -> None:
    table, common = random_ratings(1), model == "1pl"
    answers, *_ = irt._answers(table, table.answered(), np.arange(6))
    answers = replace(answers, kept=np.ones(1 if common else 6, dtype=np.bool_))
    x = np.random.default_rng(0).uniform(0.4, 1.2, (1 if common else 6) + 6)
    h = 1e-6 * np.eye(len(x))
    numeric = [(answers.loss(x + s, common)[0] - answers.loss(x - s, common)[0]) / 2e-6 for s in h]
    np.testing.assert_allclose(answers.loss(x, common)[1], numeric, atol=1e-5)
    result = fit("irt", table, model=model)
    assert result.fit.boundary_params
    a = np.array(result.fit.parameters["discrimination"])
    found = np.concatenate([a[:1] if common else a, result.score * a])
    assert -result.fit.penalised == pytest.approx(answers.loss(found, common)[0])
    assert np.abs(answers.loss(found, common)[1]).max() < 1e-4


def test_abilities_that_explain_all_leave_discriminations_finite() -> None:
    """A third of the people know the first two answers, or none, or all."""
    grid = np.array([[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]] * 8)
    who, unit = np.indices(grid.shape)
    table = Ratings.from_arrays(unit.ravel(), who.ravel(), grid.ravel(), lo=0.0, hi=1.0)
    result = fit("irt", table)
    assert result.fit.boundary_params == ("discrimination",)
    assert max(result.fit.parameters["discrimination"]) < 19
    np.testing.assert_allclose(result.score, -result.score[::-1], atol=1e-4)
    assert result.score[0] > result.score[2]


def test_units_without_a_common_annotator_are_parts_of_a_scale() -> None:
    one, two = random_ratings(1, people=20), random_ratings(2, people=20)
    binary = [np.where(t.value > 0.5, 1.0, 0.0) for t in (one, two)]
    assert one.annotator is not None
    assert two.annotator is not None
    both = Ratings.from_arrays(
        np.concatenate([one.unit, two.unit + 6]),
        np.concatenate([one.annotator, two.annotator + 20]),
        np.concatenate(binary), lo=0.0, hi=1.0,
    )  # fmt: skip
    result = fit("irt", both)
    assert WarningCode.DISCONNECTED in result.codes
    assert result.fit.n_components == 2
    assert result.winners == ()
    assert result.component is not None
    assert result.component.tolist() == [0] * 6 + [1] * 6
    assert result.rank is not None
    for part in (slice(0, 6), slice(6, 12)):
        assert min(result.rank[part]) == 1
    linked = fit("irt", one)
    assert WarningCode.DISCONNECTED not in linked.codes


# --- Candidates that never met -------------------------------------------------------------------

ON_BALLOTS = ["approval", "bucklin", "coombs", "dowdall", "irv", "plurality", "random_dictator"]
ON_BALLOTS.append("veto")


def told(slug: str, table: Any, code: WarningCode) -> str | None:
    return next((w.detail for w in fit(slug, table).warnings if w.code == code), None)


@pytest.mark.parametrize("slug", ON_BALLOTS)
@pytest.mark.parametrize("wide", [False, True])
def test_candidates_on_no_common_ballot_are_told_of_as_by_rules_on_pairs(
    slug: str, wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wide:  # as of more candidates than a matrix holds
        monkeypatch.setattr(_tally, "DENSE_LIMIT", 2)
    apart = Ballots.from_rankings([[0, 1], [1, 0], [2, 3]], n_items=4)
    chained = Ballots.from_rankings([[0, 1], [1, 2], [2, 3]], n_items=5)
    met = Ballots.from_rankings([[0, 1], [1, 2], [2, 0]], n_items=3)
    listed = Ballots.from_rankings([[0, 1], [2]], n_items=3, everything_shown=True)
    for table in (apart, chained, met, listed):
        for code in (WarningCode.UNSEEN_PAIRS, WarningCode.DISCONNECTED):
            with monkeypatch.context() as usual:
                usual.setattr(_tally, "DENSE_LIMIT", 4096)
                expected = told("copeland", table, code)
            assert told(slug, table, code) == expected
    assert told(slug, apart, WarningCode.UNSEEN_PAIRS) == "4 pairs"
    assert told(slug, chained, WarningCode.DISCONNECTED) is None
    assert told(slug, met, WarningCode.UNSEEN_PAIRS) is None


def test_rankings_of_two_parts_have_strengths_and_ranks_of_their_own() -> None:
    one, two = random_ballots(1, items=4), random_ballots(2, items=3)
    both = Ballots.from_rankings(
        [one.item[i : i + 4].tolist() for i in one.ptr[:-1]]
        + [(two.item[i : i + 3] + 4).tolist() for i in two.ptr[:-1]],
        weight=np.concatenate([one.weights, two.weights]), n_items=7,
    )  # fmt: skip
    result = fit("plackett_luce", both)
    assert WarningCode.DISCONNECTED in result.codes
    assert result.component is not None
    assert result.component.tolist() == [0] * 4 + [1] * 3
    first, second = fit("plackett_luce", one), fit("plackett_luce", two)
    np.testing.assert_allclose(result.score, np.concatenate([first.score, second.score]), atol=1e-8)
    assert first.rank is not None
    assert second.rank is not None
    assert result.rank is not None
    assert result.rank.tolist() == [*first.rank.tolist(), *second.rank.tolist()]
    assert result.winners == ()


# --- Slates of statements -------------------------------------------------------------------------


def nobody_is_left_out(liked: Any, served_by: list[int], size: int) -> bool:
    """No `size` people have a statement that all rate at a level that none of them is served at."""
    own = liked[np.arange(len(liked)), served_by]
    return all(
        ((liked[:, c] >= level) & (own < level)).sum() < size
        for c in range(liked.shape[1])
        for level in np.unique(liked[:, c])
    )


@pytest.mark.parametrize("people", [6, 7])
def test_a_balanced_slate_has_the_representation_it_claims(people: int) -> None:
    """By hand: some way to serve people in parts of the sizes told leaves no group out."""
    seats, method = 3, METHODS["balanced_slate"]
    assert "balanced justified representation" in method.axioms
    wrong = 0
    for seed in range(25):
        liked = np.random.default_rng(seed).integers(0, 4, (people, 4)).astype(float)
        who, unit = np.indices(liked.shape)
        table = Ratings.from_arrays(unit.ravel(), who.ravel(), liked.ravel(), lo=0.0, hi=3.0)
        result = method.fit(table, method.options(seats=seats))
        assert result.axioms["BJR"] == {"holds": True}
        slate = [int(name) for name in result.fit.parameters["statements"]]
        assert tuple(sorted(set(slate))) in result.committees
        parts = [c for c, n in zip(slate, result.fit.parameters["served"], strict=True)
                 for _ in range(n)]  # fmt: skip
        assert len(parts) == people
        size = -(-people // seats)
        ways = set(permutations(parts))
        assert any(nobody_is_left_out(liked, list(way), size) for way in ways)
        wrong += not all(nobody_is_left_out(liked, list(way), size) for way in ways)
    assert wrong  # the check tells ways to serve people apart
