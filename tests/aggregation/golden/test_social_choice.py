"""Voting rules on three classic profiles, values computed with pref_voting and by hand."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.catalogue import METHODS
from aggregation.methods.social_choice import _kemeny_orders as orders
from aggregation.methods.social_choice import banks_set, nash, stable_voting
from aggregation.results import WarningCode
from aggregation.tables import Ballots, PairCounts
from tests.aggregation.worlds import cycle, random_ballots, schulze45, tennessee

TN, S45, CY = tennessee(), schulze45(), cycle()


def fit(slug: str, table: Any, **options: Any) -> Any:
    return METHODS[slug].fit(table, METHODS[slug].options(**options))


def winners(slug: str, table: Any, **options: Any) -> str:
    result = fit(slug, table, **options)
    return "".join(sorted(str(result.ids[w]) for w in result.winners))


@pytest.mark.parametrize(
    ("slug", "tn", "s45", "cy"),
    [
        ("plurality", "M", "C", "A"),
        ("borda", "N", "E", "AB"),
        ("copeland", "N", "E", "ABC"),
        ("minimax", "N", "E", "A"),
        ("schulze", "N", "E", "A"),
        ("ranked_pairs", "N", "A", "A"),
        ("kemeny", "N", "E", "A"),
        ("bucklin", "N", "C", "B"),
        ("smith_set", "N", "ABCDE", "ABC"),
        ("uncovered_set", "N", "ACE", "ABC"),
        ("veto", "CN", "E", "B"),
        ("coombs", "N", "E", "A"),
        ("baldwin", "N", "E", "A"),
        ("nanson", "N", "E", "A"),
        ("split_cycle", "N", "AE", "A"),
        ("schwartz_set", "N", "ABCDE", "ABC"),
        ("stable_voting", "N", "A", "A"),
        ("banks_set", "N", "ACE", "ABC"),
        ("slater", "N", "CE", "ABC"),
    ],
)
def test_winners(slug: str, tn: str, s45: str, cy: str) -> None:
    assert winners(slug, TN) == "".join(sorted(tn))
    assert winners(slug, S45) == s45
    assert winners(slug, CY) == cy


@pytest.mark.parametrize(
    ("slug", "table", "score"),
    [
        ("borda", TN, [126, 194, 173, 107]),
        ("borda", S45, [98, 92, 89, 69, 102]),
        ("borda", CY, [10, 10, 7]),
        ("copeland", TN, [-3, 3, 1, -1]),
        ("copeland", S45, [0, 0, 0, -2, 2]),
        ("minimax", TN, [-16, 0, -36, -66]),
        ("minimax", S45, [-5, -13, -11, -21, -3]),
        ("minimax", CY, [-1, -3, -5]),
        ("random_dictator", TN, [0.42, 0.26, 0.15, 0.17]),
        ("random_dictator", CY, [4 / 9, 3 / 9, 2 / 9]),
        ("maximal_lottery", TN, [0, 1, 0, 0]),
        ("maximal_lottery", S45, [3 / 11, 0, 1 / 11, 0, 7 / 11]),
        ("maximal_lottery", CY, [5 / 9, 1 / 9, 3 / 9]),
        ("random_dictator", S45, [10 / 45, 8 / 45, 12 / 45, 7 / 45, 8 / 45]),
        ("dowdall", CY, [4 + 2 / 2 + 3 / 3, 3 + 4 / 2 + 2 / 3, 2 + 3 / 2 + 4 / 3]),
        ("approval", TN, [42, 26, 15, 17]),
    ],
)
def test_scores(slug: str, table: Ballots, score: list[float]) -> None:
    np.testing.assert_allclose(fit(slug, table).score, score, atol=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_split_cycle_keeps_the_winners_of_schulze_and_ranked_pairs(seed: int) -> None:
    """Both pick from its winners, and it from the Smith set (Holliday & Pacuit 2023)."""
    table = random_ballots(seed % 1000, n=15)
    undefeated = set(fit("split_cycle", table).winners)
    assert undefeated
    assert undefeated <= set(fit("smith_set", table).winners)
    assert set(fit("schulze", table).winners) <= undefeated
    assert set(fit("ranked_pairs", table).winners) <= undefeated


def majorities(seed: int, items: int = 6) -> Any:
    """Signs of majorities among which some pairs are tied."""
    rng = np.random.default_rng(seed)
    M = np.triu(rng.choice([-1, 0, 1], (items, items), p=[0.4, 0.2, 0.4]), 1)
    return M - M.T


def on_majorities(slug: str, M: Any, **options: Any) -> Any:
    ties = (M == 0) & ~np.eye(len(M), dtype=np.bool_)
    return fit(slug, PairCounts.from_matrices(M > 0, ties), **options)


@given(st.integers(0, 2**32 - 1))
def test_the_schwartz_set_answers_every_chain_of_defeats(seed: int) -> None:
    M = majorities(seed)
    reaches = M > 0
    for k in range(len(M)):
        reaches = reaches | (reaches[:, [k]] & reaches[[k], :])
    answered = [bool((reaches[i] | ~reaches[:, i]).all()) for i in range(len(M))]
    result = on_majorities("schwartz_set", M)
    assert result.winners == tuple(np.flatnonzero(answered))
    assert set(result.winners) <= set(on_majorities("smith_set", M).winners)


@given(st.integers(0, 2**32 - 1))
def test_the_banks_set_has_the_tops_of_all_chains_nobody_tops(seed: int) -> None:
    M = majorities(seed)
    chains = [
        chain
        for size in range(1, len(M) + 1)
        for chain in permutations(range(len(M)), size)
        if all(M[a, b] > 0 for k, a in enumerate(chain) for b in chain[k + 1 :])
    ]
    tops = {c[0] for c in chains if not (M[:, list(c)] > 0).all(axis=1).any()}
    result = on_majorities("banks_set", M)
    assert set(result.winners) == tops
    assert not result.warnings or WarningCode.NP_HARD_TRUNCATED not in result.codes
    if not (M == 0)[np.triu_indices(len(M), 1)].any():
        assert tops <= set(on_majorities("uncovered_set", M).winners)


def test_an_item_for_which_the_chains_run_out_has_no_score(monkeypatch: Any) -> None:
    """A beats B, B beats C, C beats A, all beat D: A tops a chain with B in the second step only.
    D is out at once, as no chain below D is rid of anybody.
    """
    monkeypatch.setattr(banks_set, "STATES", 0)
    wins = np.array([[0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1], [0, 0, 0, 0]])
    result = fit("banks_set", PairCounts.from_matrices(wins))
    assert np.isnan(result.score).all()
    warning = next(w for w in result.warnings if w.code is WarningCode.NP_HARD_TRUNCATED)
    assert "4 items" in warning.detail
    monkeypatch.setattr(banks_set, "STATES", 1)
    np.testing.assert_array_equal(
        fit("banks_set", PairCounts.from_matrices(wins)).score, [1, 1, 1, 0]
    )


@given(st.integers(0, 2**32 - 1))
def test_slater_reverses_the_fewest_majorities_of_all_orders(seed: int) -> None:
    M = majorities(seed, 5)
    reversed_by = {
        p: sum(M[b, a] > 0 for k, a in enumerate(p) for b in p[k + 1 :])
        for p in permutations(range(5))
    }
    fewest = min(reversed_by.values())
    best = [p for p, n in reversed_by.items() if n == fewest]
    result = on_majorities("slater", M)
    assert result.fit.parameters["reversed"] == fewest
    assert set(result.winners) == {p[0] for p in best}
    np.testing.assert_allclose(
        result.score, [np.mean([4 - p.index(i) for p in best]) for i in range(5)]
    )
    assert result.fit.parameters["unique"] == (len(best) == 1)


def test_the_size_of_a_majority_means_nothing_to_slater() -> None:
    """Kemeny has one best order of the 45 ballots; by signs, two items can be first."""
    assert fit("slater", S45).fit.parameters == {"reversed": 2, "gap": 0.0, "unique": False}
    M = np.asarray(S45.pair_counts().margins)
    assert fit("slater", S45).digest() != fit("kemeny", S45).digest()
    np.testing.assert_allclose(on_majorities("slater", np.sign(M)).score, fit("slater", S45).score)


@pytest.mark.parametrize(
    ("slug", "rule"),
    [
        ("schwartz_set", "gocha"),
        ("banks_set", "banks"),
        ("slater", "slater"),
        ("smith_set", "top_cycle"),
        ("uncovered_set", "uc_gill"),
    ],
)
def test_pref_voting_agrees(slug: str, rule: str) -> None:
    c1_methods = pytest.importorskip("pref_voting.c1_methods")
    graphs = pytest.importorskip("pref_voting.weighted_majority_graphs")
    for seed in range(25):
        M = majorities(seed)
        edges = [(int(i), int(j), 1) for i, j in zip(*np.nonzero(M > 0), strict=True)]
        rival = getattr(c1_methods, rule)(graphs.MarginGraph(list(range(len(M))), edges))
        assert list(on_majorities(slug, M).winners) == sorted(rival), seed


def margins_with_ties(seed: int, items: int = 5, most: int = 4) -> Any:
    M = np.triu(np.random.default_rng(seed).integers(-most, most + 1, (items, items)), 1)
    return M - M.T


def stable_winners(M: Any, without: int | None = None) -> set[int]:
    kept = [i for i in range(len(M)) if i != without]
    among = np.maximum(M[np.ix_(kept, kept)], 0)
    return {kept[w] for w in fit("stable_voting", PairCounts.from_matrices(among)).winners}


@given(st.integers(0, 2**32 - 1))
def test_a_winner_without_an_item_it_beats_gives_way_to_another_such_only(seed: int) -> None:
    """Stability for winners with tie-breaking (Holliday & Pacuit 2023), with tied pairs too."""
    M = margins_with_ties(seed)
    items = range(len(M))
    claims = {a for b in items for a in stable_winners(M, without=b) if M[a, b] > 0}
    winners = stable_winners(M)
    undefeated = fit("split_cycle", PairCounts.from_matrices(np.maximum(M, 0))).winners
    assert winners
    assert winners <= set(undefeated)
    if claims:
        assert winners <= claims


def test_pref_voting_agrees_on_stable_voting() -> None:
    rules = pytest.importorskip("pref_voting.margin_based_methods")
    graphs = pytest.importorskip("pref_voting.weighted_majority_graphs")
    for seed in range(40):
        M = margins_with_ties(seed, items=6, most=2 + seed % 7)
        edges = [(int(i), int(j), int(M[i, j])) for i, j in zip(*np.nonzero(M > 0), strict=True)]
        rival = rules.stable_voting(graphs.MarginGraph(list(range(len(M))), edges))
        assert stable_winners(M) == set(rival), seed


def test_too_many_elections_leave_all_that_are_undefeated(monkeypatch: Any) -> None:
    M = np.asarray(S45.pair_counts().margins)
    assert len(fit("stable_voting", S45).winners) == 1
    monkeypatch.setattr(stable_voting, "ELECTIONS", 1)
    result = fit("stable_voting", PairCounts.from_matrices(np.maximum(M, 0)))
    assert result.winners == (0, 4)
    assert {WarningCode.NP_HARD_TRUNCATED, WarningCode.TIE_UNRESOLVED} <= result.codes


def test_coombs_is_counted_by_hand() -> None:
    """M is last for 58 of 100 and leaves; of the rest N is first for 68."""
    assert fit("coombs", TN).score.argmin() == 0
    np.testing.assert_allclose(fit("veto", TN).score, [-58, 0, 0, -42])


def test_random_dictator_on_forty_five_ballots() -> None:
    np.testing.assert_allclose(
        fit("random_dictator", S45).lottery, [0.222, 0.178, 0.267, 0.156, 0.178], atol=5e-4
    )


@pytest.mark.parametrize(
    ("table", "lottery"),
    [(TN, [0, 1, 0, 0]), (S45, [1 / 3, 0, 1 / 3, 0, 1 / 3]), (CY, [1 / 3, 1 / 3, 1 / 3])],
)
def test_the_bipartisan_set_is_who_can_be_drawn_when_only_majorities_count(
    table: Ballots, lottery: list[float]
) -> None:
    """Support of the maximal lottery on the signs of the margins: N; A, C, E; all."""
    result = fit("maximal_lottery", table, game="majority")
    np.testing.assert_allclose(result.lottery, lottery, atol=1e-9)


def test_instant_run_off_depends_on_what_happens_to_tied_losers() -> None:
    """The reference table gives A for S45 under "parallel universes"; that cell is wrong.

    By hand, first places A B C D E: 10 8 12 7 8. D leaves, and his 7 ballots DCEBA go to C:
    10 8 19 8 (A B C E), so B and E tie for the fewest. In one universe B leaves (8 BEDAC to E):
    A 10, C 19, E 16; A leaves (5 ACBED to C, 5 ADECB to E): C 24, E 21. In the other E leaves
    (8 EBADC to B): A 10, B 16, C 19; A leaves (5 ACBED to C, 5 ADECB to C): C 29, B 16. C wins in
    both. A wins only where B and E leave together: all their 16 ballots then rank A before C
    (A 26, C 19), and that is pref_voting's "Instant Runoff", not its "Instant Runoff PUT".
    """
    assert winners("irv", TN) == "K"
    assert winners("irv", CY) == "A"
    assert winners("irv", S45) == "C"
    assert winners("irv", S45, ties="together") == "A"


@pytest.mark.parametrize(
    ("table", "margins"),
    [
        (
            S45,
            [
                [0, -5, 7, 15, -1],
                [5, 0, -13, 21, -9],
                [-7, 13, 0, -11, 3],
                [-15, -21, 11, 0, -17],
                [1, 9, -3, 17, 0],
            ],
        ),
        (CY, [[0, 3, -1], [-3, 0, 5], [1, -5, 0]]),
    ],
)
def test_margins(table: Ballots, margins: list[list[int]]) -> None:
    found = np.asarray(table.pair_counts().margins)
    assert found.tolist() == margins


def test_schulze_order_of_forty_five_ballots() -> None:
    result = fit("schulze", S45)
    assert "".join(result.ids[k] for k in np.argsort(-result.score)) == "EACBD"


@pytest.mark.parametrize(
    ("table", "order", "disagreements"), [(TN, "NCKM", 207), (S45, "EBADC", 190), (CY, "ABC", 10)]
)
def test_kemeny_orders(table: Ballots, order: str, disagreements: int) -> None:
    result = fit("kemeny", table)
    assert "".join(result.ids[k] for k in np.argsort(-result.score)) == order
    pairs = table.weights.sum() * table.n_items * (table.n_items - 1) / 2
    assert (pairs - result.fit.parameters["agreement"]) / 2 == disagreements
    assert result.fit.parameters["unique"]


@given(st.integers(0, 2**32 - 1))
def test_kemeny_by_subsets_is_kemeny_by_trying_all_orders(seed: int) -> None:
    rng = np.random.default_rng(seed)
    M = np.triu(rng.integers(-3, 4, (5, 5)), 1).astype(float)
    M -= M.T
    every = {
        p: sum(M[p[i], p[j]] for i in range(5) for j in range(i + 1, 5))
        for p in permutations(range(5))
    }
    best = max(every.values())
    optimal = [p for p, value in every.items() if value == best]
    found = orders._by_subsets(M)
    assert found.value == best
    assert found.unique == (len(optimal) == 1)
    assert set(found.firsts) == {p[0] for p in optimal}
    below = [np.mean([4 - p.index(i) for p in optimal]) for i in range(5)]
    np.testing.assert_allclose(found.below, below)


@pytest.mark.parametrize("items", [15, 20])
def test_kemeny_by_program_reaches_at_least_every_other_order(items: int) -> None:
    rng = np.random.default_rng(items)
    M = np.triu(2 * rng.integers(-6, 6, (items, items)) + 1, 1).astype(float)
    M -= M.T
    found = orders._by_program(M, 20.0)
    greedy = orders._by_insertion(M)
    order = np.argsort(-found.below)
    assert found.gap == 0
    assert found.value == np.triu(M[np.ix_(order, order)], 1).sum()
    assert found.value >= greedy.value
    if items <= 16:
        assert found.value == orders._by_subsets(M).value


@given(st.integers(0, 2**32 - 1))
def test_every_condorcet_rule_elects_the_condorcet_winner(seed: int) -> None:
    table = random_ballots(seed % 1000, n=15)
    margins = np.asarray(table.pair_counts().margins)
    unbeaten = np.flatnonzero(((margins > 0).sum(axis=1)) == table.n_items - 1)
    for slug in (
        "copeland",
        "minimax",
        "schulze",
        "ranked_pairs",
        "kemeny",
        "smith_set",
        "uncovered_set",
        "baldwin",
        "nanson",
        "split_cycle",
        "schwartz_set",
        "banks_set",
        "slater",
        "stable_voting",
    ):
        result = fit(slug, table)
        if len(unbeaten):
            assert result.winners == (unbeaten[0],), slug
    lottery = fit("maximal_lottery", table).lottery
    assert (lottery @ margins).min() >= -1e-7 * np.abs(margins).max()
    if len(unbeaten):
        assert lottery[unbeaten[0]] == pytest.approx(1.0)


def test_lotteries_treat_equals_alike() -> None:
    """Two equal clones of A in the circle: the lottery of maximal entropy gives both the same."""
    table = Ballots.from_rankings(
        [[[0, 1], 2, 3], [2, 3, [0, 1]], [3, [0, 1], 2]], weight=[4, 3, 2]
    )
    lottery = fit("maximal_lottery", table).lottery
    assert lottery[0] == pytest.approx(lottery[1], abs=1e-6)
    assert lottery[:2].sum() == pytest.approx(5 / 9, abs=1e-6)


@pytest.mark.parametrize(
    ("beta", "eta", "expected", "rounds"),
    [
        (1.0, 0.5, [0.34741, 0.34326, 0.30933], 40),
        (0.1, 0.5, [0.50358, 0.28028, 0.21614], 531),
        (0.01, 0.2, [0.57342, 0.12389, 0.30269], 12_557),
    ],
)
def test_regularised_nash_lotteries(
    beta: float, eta: float, expected: list[float], rounds: int
) -> None:
    """The reference's rounds are a ceiling only: what it measured to stop isn't written down. Here
    the rounds end once pi is within 1e-11 of its fixed point, which takes 31, 457 and 12,168.
    """
    result = fit("nash", CY, beta=beta, eta=eta)
    np.testing.assert_allclose(result.score, expected, rtol=0, atol=6e-6)
    assert result.fit.converged
    assert result.fit.grad_inf < 1e-11
    assert result.fit.iters <= rounds


def test_self_play_converges_on_average_to_the_maximal_lottery() -> None:
    """From the method's own start, nearly even; the distance is that of O(1/rounds)."""
    result = fit("nash", CY, solver="sppo", eta=0.05, max_iter=20_000)
    np.testing.assert_allclose(result.score, [5 / 9, 1 / 9, 3 / 9], atol=1.5e-2)
    assert result.fit.iters == 20_000


def test_self_play_goes_round_while_its_average_settles() -> None:
    """The reference starts "from a tilt" that it doesn't write down: log-weights .3, 0 and -.3 give
    all of its six figures. The last round is what sums of 20,000 and of 19,999 rounds differ by.
    """
    P, tilt, rounds = nash.win_chances(CY.pair_counts()), np.array([0.3, 0.0, -0.3]), 20_000

    def average(n: int) -> Any:
        options = METHODS["nash"].options(solver="sppo", eta=0.05, max_iter=n)
        return np.exp(nash._self_play(P, tilt, options)[0])

    mean = average(rounds)
    np.testing.assert_allclose(mean, [0.5571, 0.1092, 0.3337], rtol=0, atol=5.1e-5)
    last = rounds * mean - (rounds - 1) * average(rounds - 1)
    np.testing.assert_allclose(last, [0.305, 0.266, 0.428], rtol=0, atol=5.1e-4)


def test_solvers_of_the_regularised_game_agree() -> None:
    one, two = fit("nash", S45, beta=0.5), fit("nash", S45, beta=0.5, solver="inpo", eta=0.1)
    np.testing.assert_allclose(one.score, two.score, atol=1e-9)


@pytest.mark.parametrize("solver", ["egpo", "inpo"])
def test_games_resampled_side_by_side_are_those_resampled_one_by_one(
    solver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One item of six is on no ballot, most pairs meet on few, and some ballots tie."""
    rng = np.random.default_rng(0)
    rows: list[Any] = [rng.permutation(5)[:3].tolist() for _ in range(40)]
    rows += [[[0, 1], 2], [[3, 4], 0]]
    table = Ballots.from_rankings(rows, annotator=np.arange(len(rows)), n_items=6)
    together = fit("nash", table, solver=solver, replicates=100)
    monkeypatch.setattr(nash, "SIDE_BY_SIDE", 0)
    apart = fit("nash", table, solver=solver, replicates=100)
    assert np.isnan(together.se).tolist() == [False] * 5 + [True]
    for name in ("score", "se", "lo", "hi", "p_best"):
        one, other = getattr(together, name), getattr(apart, name)
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9, err_msg=name)


def test_ballots_that_compare_nothing_can_be_resampled_too() -> None:
    result = fit("nash", Ballots.from_rankings([[0], [1]], annotator=[0, 1]), replicates=20)
    assert WarningCode.EMPTY in result.codes
    assert result.score.tolist() == [0.5, 0.5]


def test_equal_margins_are_locked_in_every_sequence() -> None:
    wins = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    result = fit("ranked_pairs", PairCounts.from_matrices(wins))
    assert result.winners == (0, 1, 2)
    assert WarningCode.TIE_UNRESOLVED in result.codes


def test_too_many_sequences_are_said_to_be_cut_off_and_every_followed_one_is_whole() -> None:
    rng = np.random.default_rng(0)
    table = Ballots.from_rankings([rng.permutation(40).tolist() for _ in range(15)])
    result = fit("ranked_pairs", table)
    assert WarningCode.NP_HARD_TRUNCATED in result.codes
    # 15 ballots leave no pair tied, so each sequence ends in a strict order of all 40
    assert result.score.sum() == pytest.approx(40 * 39 / 2)


def test_pairs_nobody_compared_are_counted() -> None:
    result = fit("copeland", PairCounts.from_matrices([[0, 2, 0], [0, 0, 1], [0, 0, 0]]))
    warning = next(w for w in result.warnings if w.code is WarningCode.UNSEEN_PAIRS)
    assert "1 pairs" in warning.detail
    assert np.isfinite(result.score).all()


def test_a_hundred_candidates_are_quick() -> None:
    rng = np.random.default_rng(0)
    table = Ballots.from_rankings([rng.permutation(100).tolist() for _ in range(50)])
    for slug in ("schulze", "minimax", "copeland", "ranked_pairs"):
        assert fit(slug, table).elapsed_s < 2.0, slug


def test_without_votes_everyone_wins() -> None:
    empty = PairCounts.from_matrices(np.zeros((3, 3)))
    for slug in ("copeland", "minimax", "schulze", "ranked_pairs", "kemeny"):
        result = fit(slug, empty)
        assert result.winners == (0, 1, 2), slug
        assert {WarningCode.EMPTY, WarningCode.TIE_UNRESOLVED} <= result.codes
    np.testing.assert_allclose(fit("maximal_lottery", empty).lottery, [1 / 3] * 3)
