"""Rules for slates on two profiles of the literature; values from abcvoting 2.19.2 and by hand."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.catalogue import METHODS
from aggregation.results import AggregateResult, WarningCode
from aggregation.slates import certificates
from aggregation.slates.approvals import Approvals
from aggregation.slates.equal_shares import equal_shares
from aggregation.slates.lotteries import dependent_rounding
from aggregation.slates.phragmen import phragmen
from aggregation.slates.statements import balanced_representation, balanced_slate, round_sizes
from aggregation.slates.subsets import additive, fair_greedy
from aggregation.slates.thiele import harmonic, thiele_value
from aggregation.tables import Ballots, Ratings
from tests.aggregation.worlds import random_ballots, tennessee

E9 = Ballots.from_approvals([[0, 1, 2, 3]] * 6 + [[4, 5]] * 3, 6)
E8 = Ballots.from_approvals([[0, 1, 2]] * 4 + [[0, 1, 3], [3, 4, 5], [4, 5, 6], [6]], 7)
V9 = Approvals.from_ballots(E9)
EVEN = np.arange(7)


def elect(slug: str, ballots: Ballots, **options: Any) -> AggregateResult:
    return METHODS[slug].fit(ballots, METHODS[slug].options(**options))


def slates(slug: str, ballots: Ballots, **options: Any) -> set[str]:
    found = elect(slug, ballots, **options).committees
    return {"".join(str(ballots.ids[c]) for c in slate) for slate in found}


TWO_AND_ONE = {f"{a}{b}{c}" for a, b in combinations("0123", 2) for c in "45"}


@pytest.mark.parametrize(
    ("slug", "options"),
    [
        ("pav", {}),
        ("sequential_pav", {}),
        ("phragmen", {}),
        ("equal_shares", {}),
        ("equal_shares", {"completion": "raise"}),
        ("equal_shares", {"completion": "none"}),
        ("greedy_ejr", {}),
        ("greedy_ejr", {"variant": "groups"}),
    ],
)
def test_two_thirds_of_the_voters_get_two_of_three_seats(slug: str, options: Any) -> None:
    result = elect(slug, E9, seats=3, **options)
    assert slates(slug, E9, seats=3, **options) == TWO_AND_ONE
    np.testing.assert_allclose(result.score, [0.5] * 6)
    assert WarningCode.TIE_UNRESOLVED in result.codes
    assert result.axioms["EJR+"] == {"holds": True}


def test_best_coverage_needs_one_of_each_group_only() -> None:
    every = {"".join(map(str, c)) for c in combinations(range(6), 3)}
    covering = {s for s in every if set(s) & set("0123") and set(s) & set("45")}
    assert slates("chamberlin_courant", E9, seats=3) == covering
    assert slates("chamberlin_courant", E9, seats=3, exact=False) == covering


def test_values_on_nine_voters() -> None:
    assert thiele_value(V9, [0, 1, 4], harmonic(3)) == pytest.approx(12.0)
    assert elect("pav", E9, seats=3).fit.parameters == {"value": 12.0, "gap": 0.0}
    ends, complete = phragmen(V9, 3, EVEN[:6])
    assert complete
    for end in ends:
        np.testing.assert_allclose(end.load, 1 / 3)
    bought, _ = equal_shares(V9, np.ones(6), 3.0, EVEN[:6])
    assert {tuple(round(each.rho, 12) for each in end.purchases) for end in bought} == {
        (round(1 / 6, 12), round(1 / 6, 12), round(1 / 3, 12))
    }
    assert elect("phragmen", E9, seats=3).fit.parameters["load"] == pytest.approx(1 / 3)
    assert elect("equal_shares", E9, seats=3, completion="none").fit.parameters["bought"] == 3


def test_equal_shares_tells_rate_cost_and_payers_of_what_it_bought_in_order() -> None:
    """Nine voters hold a third each; A–E approve 0, E–H approve 1, D and I approve 2.

    0 costs its five 1/5 each, which is less than 1/4, what 1 would cost its four; D and E keep
    1/3 - 1/5 = 2/15. For 1, E gives these 2/15, F, G and H (1 - 2/15) / 3 = 13/45 each. D and I
    have 2/15 + 1/3 = 7/15 < 1, so that nobody can buy 2: Phragmén fills the seat.
    """
    ballots = Ballots.from_approvals([[0]] * 3 + [[0, 2], [0, 1]] + [[1]] * 3 + [[2]], 3)
    told = elect("equal_shares", ballots, seats=3).fit.parameters
    assert (told["bought"], told["held"]) == (2, pytest.approx(1 / 3))
    assert told["purchases"] == [
        {"item": "0", "rho": pytest.approx(1 / 5), "cost": 1.0, "payers": 5.0},
        {"item": "1", "rho": pytest.approx(13 / 45), "cost": 1.0, "payers": 4.0},
    ]


def test_budgets_raised_until_seats_are_filled_are_told_with_what_they_bought() -> None:
    """The same voters: 2 needs I's whole budget b and D's b - 1/5 (D pays that much for 0), so
    2 b - 1/5 >= 1, b >= 3/5 = 1/3 * 9/5; budgets of 1/3 * 1.01^60 = .6056 are the first to do.

    With these E has .4056 left for 1, more than the 1/4 that its four pay each. D has .4056 for 2,
    so that I pays 1 - .4056 = .5944.
    """
    ballots = Ballots.from_approvals([[0]] * 3 + [[0, 2], [0, 1]] + [[1]] * 3 + [[2]], 3)
    told = elect("equal_shares", ballots, seats=3, completion="raise").fit.parameters
    held = 1.01**60 / 3
    assert (told["bought"], told["held"]) == (2, pytest.approx(held))
    paid = [(each["item"], each["rho"], each["payers"]) for each in told["purchases"]]
    assert paid == [
        ("0", pytest.approx(1 / 5), 5.0),
        ("1", pytest.approx(1 / 4), 4.0),
        ("2", pytest.approx(1 - (held - 1 / 5)), 2.0),
    ]


def test_most_approvals_leave_a_third_of_the_voters_without_a_seat() -> None:
    result = elect("fair_subset", E9, seats=3, score="approval")
    assert result.committees == tuple(combinations(range(4), 3))
    assert WarningCode.TIE_UNRESOLVED in result.codes
    for slate in result.committees:
        assert not certificates.justified_representation(V9, slate, 3).holds


def test_satisfaction_approval_divides_a_vote_among_the_approved() -> None:
    """By hand: 0 and 1 get 4/3 + 1/3, 2 gets 4/3, 6 gets 1/3 + 1, and 3, 4, 5 get 2/3 each."""
    result = elect("fair_subset", E8, seats=4, score="satisfaction")
    assert result.committees == ((0, 1, 2, 6),)
    assert result.fit.parameters["value"] == pytest.approx(5 / 3 + 5 / 3 + 4 / 3 + 4 / 3)


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("pav", {"0146", "0156"}),
        ("sequential_pav", {"0146", "0156"}),
        ("phragmen", {"0124", "0125", "0126"}),
        ("equal_shares", {"0124", "0125", "0126"}),
    ],
)
def test_slates_on_eight_voters(slug: str, expected: set[str]) -> None:
    assert slates(slug, E8, seats=4) == expected


def test_certificates_of_three_slates() -> None:
    top, split, few = [0, 1, 2], [0, 1, 4], [0, 4, 5]
    assert not certificates.justified_representation(V9, top, 3).holds
    for check in (
        certificates.justified_representation,
        certificates.pjr,
        certificates.ejr,
        certificates.ejr_plus,
    ):
        assert check(V9, split, 3).holds
    assert certificates.priceable(V9, split).holds
    assert certificates.justified_representation(V9, few, 3).holds
    for check in (certificates.pjr, certificates.ejr, certificates.ejr_plus):
        assert not check(V9, few, 3).holds
    witness = certificates.ejr_plus(V9, few, 3).witness
    assert witness == {"item": 1, "deserves": 2, "weight": 6.0}
    assert certificates.fjr(V9, split, 3).holds
    assert certificates.core(V9, split, 3).holds
    # Three voters deserve one seat and have none with {0, 1, 2}; six deserve two and have one each
    # with {0, 4, 5}.
    assert certificates.core(V9, top, 3).witness == {"items": [4], "weight": 3.0}
    assert certificates.fjr(V9, top, 3).witness == {"items": [4], "approved": 1, "weight": 3.0}
    assert certificates.core(V9, few, 3).witness == {"items": [0, 1], "weight": 6.0}
    assert certificates.fjr(V9, few, 3).witness == {"items": [0, 1], "approved": 2, "weight": 6.0}


@given(st.integers(0, 2**32 - 1))
def test_the_core_implies_fjr_and_fjr_implies_ejr(seed: int) -> None:
    """Against trying all groups of voters; and Peters, Pierczynski & Skowron (2021), section 3."""
    rng = np.random.default_rng(seed)
    approved = rng.random((7, 5)) < 0.45
    votes = Approvals(approved, np.ones(7))
    seats = int(rng.integers(1, 4))
    slate = sorted(rng.choice(5, seats, replace=False).tolist())
    held = approved[:, slate].sum(axis=1)
    stable = full = True
    for size in range(1, 8):
        for group in map(list, combinations(range(7), size)):
            for bundle in bundles(5, size * seats // 7):
                gets = approved[np.ix_(group, bundle)].sum(axis=1)
                stable &= not (gets > held[group]).all()
                full &= not held[group].max() < gets.min()
    assert certificates.core(votes, slate, seats).holds == stable
    assert certificates.fjr(votes, slate, seats).holds == full
    assert full or not stable
    assert certificates.ejr(votes, slate, seats).holds or not full


def bundles(items: int, most: int) -> list[list[int]]:
    return [list(b) for size in range(1, most + 1) for b in combinations(range(items), size)]


def test_a_lottery_shares_the_seat_that_nobody_can_buy() -> None:
    result = elect("fair_lottery", Ballots.from_approvals([[0], [0], [1], [2]], 3), seats=2)
    assert result.committees == ((0, 1), (0, 2))
    assert result.committee_probs == pytest.approx((0.5, 0.5))
    np.testing.assert_allclose(result.score, [1.0, 0.5, 0.5])
    assert result.axioms["GFS"] == {"holds": True}


def test_dependent_rounding_keeps_size_and_means() -> None:
    p = np.array([1, 0.5, 0.5, 0.3, 0.7])
    rng = np.random.default_rng(0)
    drawn = np.zeros((20_000, 5))
    for row in drawn:
        row[list(dependent_rounding(p, rng))] = 1
    assert set(drawn.sum(axis=1)) == {3.0}
    np.testing.assert_allclose(drawn.mean(axis=0), p, atol=0.012)


def test_one_seat_is_promised_to_the_second_group() -> None:
    score = np.array([10.0, 9, 8, 7, 3, 2])
    groups = ["first"] * 4 + ["second"] * 2
    found = fair_greedy(additive(score), groups, {"second": 1}, 3, np.arange(6))
    assert found.committees == ((0, 1, 4),)
    ballots = Ballots.from_approvals([[c] for c in range(6)], 6, weight=score)
    of = ", ".join(f"{item}: {group}" for item, group in enumerate(groups))
    result = elect("fair_subset", ballots, seats=3, score="approval", groups=of, least="second: 1")
    assert result.committees == ((0, 1, 4),)
    assert result.fit.parameters["value"] == 22.0
    assert result.fit.parameters["value_without_promises"] == 27.0


# --- The single transferable vote ---------------------------------------------------------------


def test_transferable_votes_for_two_seats() -> None:
    """By hand: 42 of 100 is more than a third, and the 8 2/3 beyond it take N to 34 2/3."""
    result = elect("stv", tennessee(), seats=2)
    assert slates("stv", tennessee(), seats=2) == {"MN"}
    assert result.fit.parameters["quota"] == pytest.approx(100 / 3)
    assert not result.conversions


def test_votes_of_the_last_pass_on_and_ties_are_followed_both_ways() -> None:
    """A has 5 of 9 votes (q = 3) and passes on 2 of them to B. Now B, C and D have 2 each, nobody's
    ballots go on, and whoever of the three is left sits down.
    """
    ballots = Ballots.from_rankings(
        [[0, 1], [2], [3]], weight=[5.0, 2.0, 2.0], n_items=4, ids=tuple("ABCD")
    )
    assert slates("stv", ballots, seats=2) == {"AB", "AC", "AD"}


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_solid_coalitions_get_what_their_votes_pay_for(seed: int, seats: int) -> None:
    ballots = random_ballots(seed % 10_000, n=9)
    result = elect("stv", ballots, seats=seats)
    levels, weight = ballots.profile
    quota = weight.sum() / (seats + 1)
    for size in range(1, 5):
        for some in map(list, combinations(range(5), size)):
            rest = [c for c in range(5) if c not in some]
            solid = levels[:, some].max(axis=1) < levels[:, rest].min(axis=1)
            earned = min(size, int(np.ceil(weight[solid].sum() / quota - 1e-9)) - 1)
            for slate in result.committees:
                assert len(set(slate) & set(some)) >= earned


@given(st.integers(0, 2**32 - 1))
def test_one_transferable_seat_is_the_instant_run_off(seed: int) -> None:
    """Ballots with gaps and shared places too. Where all who are left tie, the run-off lets all of
    them win; here one of them leaves.
    """
    rng = np.random.default_rng(seed)
    ranked = [rng.permutation(4)[: rng.integers(1, 5)].tolist() for _ in range(6)]
    ballots = Ballots.from_rankings([*ranked, [[0, 1], 2]], n_items=4, weight=rng.uniform(1, 2, 7))
    run_off = METHODS["irv"].fit(ballots)
    assert elect("stv", ballots, seats=1).winners == run_off.winners
    tied = ballots.reweighted(np.ones(7))
    assert set(elect("stv", tied, seats=1).winners) <= set(METHODS["irv"].fit(tied).winners)


def test_pref_voting_agrees_on_transferable_votes() -> None:
    profiles = pytest.importorskip("pref_voting.profiles")
    rules = pytest.importorskip("pref_voting.proportional_methods")
    compared = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        orders = [rng.permutation(5).tolist() for _ in range(7)]
        weight = rng.integers(1, 40, 7)
        ours = elect("stv", Ballots.from_rankings(orders, weight=weight.astype(float)), seats=2)
        if len(ours.committees) > 1:
            continue
        profile = profiles.Profile(orders, weight.tolist()).to_profile_with_ties()
        assert sorted(rules.stv_wig(profile, num_seats=2)) == list(ours.committees[0]), seed
        compared += 1
    assert compared > 30


def test_statements_serve_equal_parts_of_the_people() -> None:
    assert round_sizes(7, 3) == [3, 2, 2]
    liked = np.array([[9, 1, 2], [8, 1, 2], [7, 1, 3], [1, 6, 2], [1, 5, 2], [2, 2, 2.0]])
    slate = balanced_slate(liked, 2, np.arange(3))
    assert slate.statements == (0, 1)
    assert slate.served == ((0, 1, 2), (3, 4, 5))
    assert slate.level == (7.0, 2.0)
    assert balanced_representation(liked, slate, 2).holds
    person, statement = np.indices(liked.shape)
    ratings = Ratings.from_arrays(statement.ravel(), person.ravel(), liked.ravel())
    result = METHODS["balanced_slate"].fit(ratings, METHODS["balanced_slate"].options(seats=2))
    assert result.committees == ((0, 1),)
    np.testing.assert_allclose(result.score, [0.5, 0.5, 0.0])
    assert result.fit.parameters["served"] == [3, 3]
    assert result.fit.parameters["level"] == [7.0, 2.0]
    assert result.axioms["BJR"] == {"holds": True}
