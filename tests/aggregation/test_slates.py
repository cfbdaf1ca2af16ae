"""Slates against brute force, their options, and what they do with hostile input."""

import gzip
from csv import DictReader
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.options import OptionError
from aggregation.results import AggregateResult, WarningCode
from aggregation.slates import certificates, thiele
from aggregation.slates.approvals import Approvals, public_order
from aggregation.slates.certificates import ejr_plus, group_fair_share, priceable
from aggregation.slates.equal_shares import payments
from aggregation.slates.in_words import proofs, slate_lines
from aggregation.slates.item_values import item_numbers, item_values
from aggregation.slates.lotteries import (
    budget_lottery,
    dependent_rounding,
    fractional_shares,
    systematic_lottery,
)
from aggregation.slates.phragmen import phragmen
from aggregation.slates.statements import (
    balanced_representation,
    balanced_slate,
    balanced_slates,
    generative_slate,
)
from aggregation.slates.subsets import additive, fair_greedy, proportional_bounds
from aggregation.tables import Ballots, TableError
from aggregation.wording import headline
from tests.aggregation.worlds import SHARED_DATA


def votes(seed: int, items: int = 6, most: int = 12) -> Approvals:
    rng = np.random.default_rng(seed)
    approved = rng.random((int(rng.integers(1, most)), items)) < 0.4
    return Approvals(approved, rng.integers(1, 4, len(approved)).astype(float)).merged()


def elect(slug: str, ballots: Ballots, **options: Any) -> AggregateResult:
    return METHODS[slug].fit(ballots, METHODS[slug].options(**options))


# --- Rivals ------------------------------------------------------------------------------------


def test_the_integer_program_finds_the_slates_that_scoring_all_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for seed in range(12):
        profile, seats = votes(seed), 2 + seed % 3
        weights = thiele.harmonic(seats)
        utility = np.random.default_rng(seed).integers(0, 4, profile.approved.shape).astype(float)
        scored = thiele.best_thiele(profile, seats, weights)
        covered = thiele.best_representation(utility, profile.weight, seats)
        with monkeypatch.context() as patch:
            patch.setattr(thiele, "ALL_SCORED", 0)
            solved = thiele.best_thiele(profile, seats, weights)
            represented = thiele.best_representation(utility, profile.weight, seats)
        for one, other in ((scored, solved), (covered, represented)):
            assert other.value == pytest.approx(one.value)
            assert other.gap == 0.0
            assert set(other.slates.committees) <= set(one.slates.committees)
            if other.slates.complete:
                assert other.slates.committees == one.slates.committees


def test_without_time_for_the_best_slate_a_greedy_one_comes_with_its_gap() -> None:
    """40 voters over 60 items: too many slates to score, and no time at all for the program."""
    rng = np.random.default_rng(0)
    profile = Approvals(rng.random((40, 60)) < 0.2, np.ones(40))
    weights = thiele.harmonic(8)
    greedy = thiele.sequential_thiele(profile, 8, weights, np.arange(60))
    found = thiele.best_thiele(profile, 8, weights, time_limit=0.0)
    assert found.value == max(thiele.thiele_value(profile, s, weights) for s in greedy.committees)
    assert found.gap > 0
    assert not found.slates.complete
    assert thiele.best_thiele(profile, 8, weights).value <= found.value + found.gap
    covered = thiele.best_representation(
        profile.approved.astype(np.float64), profile.weight, 8, 0.0
    )
    assert covered.value + covered.gap <= 40.0


def test_a_voter_pays_the_least_rate_that_buys_the_item() -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        profile = votes(int(rng.integers(1000)))
        left = rng.random(len(profile.weight))
        cost = rng.random(6) * profile.support * 0.6
        caps = payments(profile, cost, left)
        for item in range(6):
            mine = profile.approved[:, item]
            paid = profile.weight[mine] @ np.minimum(left[mine], caps[item])
            if np.isfinite(caps[item]):
                assert paid == pytest.approx(cost[item])
            else:
                assert paid < cost[item] or not mine.any()


def test_phragmen_equals_voters_who_save_money() -> None:
    for seed in range(10):
        profile = votes(seed)
        ends, _ = phragmen(profile, 3, np.arange(6), limit=0)
        assert sorted(ends[0].chosen) == _by_saving(profile, 3)


def _by_saving(profile: Approvals, seats: int) -> list[int]:
    """Money flows at speed one; the next item is bought when its supporters hold one unit."""
    chosen: list[int] = []
    money = np.zeros(len(profile.weight))
    for _ in range(seats):
        support = profile.support
        held = (profile.weight * money) @ profile.approved
        with np.errstate(divide="ignore"):
            wait = np.where(support > 0, (1 - held) / support, np.inf)
        wait[chosen] = np.nan
        item = int(np.nanargmin(np.round(wait, 9)))
        if np.isfinite(wait[item]):
            money = money + wait[item]
            money[profile.approved[:, item]] = 0.0
        chosen.append(item)
    return sorted(chosen)


def test_fair_greedy_is_optimal_for_additive_scores() -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        score = rng.integers(0, 9, 7).astype(float)
        groups = rng.choice(["a", "b", "c"], 7).tolist()
        least = proportional_bounds(groups, 4)
        found = fair_greedy(additive(score), groups, least, 4, np.arange(7))
        kept = [
            slate
            for slate in combinations(range(7), 4)
            if all(sum(groups[i] == g for i in slate) >= n for g, n in least.items())
        ]
        top = max(score[list(slate)].sum() for slate in kept)
        best = {slate for slate in kept if score[list(slate)].sum() == top}
        assert set(found.committees) == best


def test_priceability_follows_phragmen() -> None:
    for seed in range(15):
        profile = votes(seed)
        if (profile.support > 0).sum() < 3:
            continue
        ends, _ = phragmen(profile, 3, np.arange(6))
        for end in ends:
            assert priceable(profile, end.chosen).holds


def test_group_fair_share_by_flow_equals_all_groups() -> None:
    rng = np.random.default_rng(8)
    for seed in range(30):
        profile = votes(seed, items=4, most=6)
        p = rng.dirichlet(np.ones(4)) * 2
        p = np.minimum(p, 1.0)
        flow = group_fair_share(profile, p, 2).holds
        assert flow == _fair_to_all_groups(profile, p, 2)


def _fair_to_all_groups(profile: Approvals, p: Any, seats: int) -> bool:
    due = profile.weight * np.minimum(profile.approved.sum(axis=1), seats) / profile.total
    return all(
        p[profile.approved[list(group)].any(axis=0)].sum() >= due[list(group)].sum() - 1e-7
        for size in range(1, len(due) + 1)
        for group in combinations(range(len(due)), size)
    )


def test_lotteries_are_group_fair_and_every_slate_is_proportional() -> None:
    for seed in range(40):
        profile = votes(seed)
        sets = [np.flatnonzero(row).tolist() for row in profile.approved]
        ballots = Ballots.from_approvals(sets, 6, weight=profile.weight)
        result = elect("fair_lottery", ballots, seats=1 + seed % 4)
        assert result.axioms["GFS"] == {"holds": True}
        assert result.axioms["EJR+"] == {"holds": True}
        assert result.score.sum() == pytest.approx(1 + seed % 4)


# --- Lotteries ---------------------------------------------------------------------------------


def test_a_systematic_lottery_has_the_marginals() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        p = rng.random(7)
        p = np.minimum(p * 3 / p.sum(), 1.0)
        p[-1] = 0.0
        p[0] += 3 - p.sum()
        if not 0 <= p[0] <= 1:
            continue
        slates, chances = systematic_lottery(p, rng.permutation(7))
        held = np.zeros(7)
        for slate, chance in zip(slates, chances, strict=True):
            assert len(slate) == 3
            held[list(slate)] += chance
        np.testing.assert_allclose(held, p, atol=1e-9)


def test_a_lottery_by_cost_spends_the_budget_up_to_one_item() -> None:
    rng = np.random.default_rng(4)
    for seed in range(20):
        profile = votes(seed)
        cost = rng.integers(1, 6, 6).astype(float)
        left = np.full(len(profile.weight), 7.0 / profile.total)
        p = fractional_shares(profile, (), left, cost, 7.0)
        assert p @ cost == pytest.approx(7.0)
        slates, chances = budget_lottery(p, cost, np.arange(6))
        held = np.zeros(6)
        for slate, chance in zip(slates, chances, strict=True):
            held[list(slate)] += chance
            assert abs(cost[list(slate)].sum() - 7.0) < cost.max()
        np.testing.assert_allclose(held, p, atol=1e-9)
        drawn = dependent_rounding(p, rng, cost)
        assert abs(cost[list(drawn)].sum() - 7.0) < cost.max()


# --- Budgets -----------------------------------------------------------------------------------

CITY = Ballots.from_approvals([[0, 1]] * 6 + [[2, 3]] * 4, 4)
COSTS = "0: 50, 1: 50, 2: 40, 3: 40"


def test_equal_shares_keeps_money_for_the_smaller_half_of_the_town() -> None:
    """60 % own 60 of 100 and buy one item of 50; 40 % own 40 and buy one of 40."""
    fair = elect("budgeting", CITY, budget=100.0, costs=COSTS)
    assert set(fair.committees) == {(0, 2), (0, 3), (1, 2), (1, 3)}
    assert fair.fit.parameters["spent"] == 90.0
    greedy = elect("budgeting", CITY, budget=100.0, costs=COSTS, rule="greedy")
    assert greedy.committees == ((0, 1),)


@pytest.mark.parametrize(
    ("satisfaction", "rates"), [("count", (50 / 6, 10.0)), ("cost", (1 / 6, 1 / 4))]
)
def test_a_budget_tells_what_was_bought_for_how_much_by_how_many(
    satisfaction: str, rates: tuple[float, float]
) -> None:
    """Ten hold 10 each. Six pay 50 / 6 for an item of 50, four pay 10 for one of 40; where an item
    is worth what it costs, the rate is per coin: 1/6 and 1/4. It is told of the first slate.
    """
    told = elect("budgeting", CITY, budget=100.0, costs=COSTS, satisfaction=satisfaction)
    assert told.committees[0] == (0, 2)
    assert told.fit.parameters["held"] == 10.0
    assert told.fit.parameters["purchases"] == [
        {"item": "0", "rho": pytest.approx(rates[0]), "cost": 50.0, "payers": 6.0},
        {"item": "2", "rho": pytest.approx(rates[1]), "cost": 40.0, "payers": 4.0},
    ]
    greedy = elect("budgeting", CITY, budget=100.0, costs=COSTS, rule="greedy")
    assert "purchases" not in greedy.fit.parameters


def test_a_drawn_slate_tells_of_its_own_purchases() -> None:
    drawn = elect("budgeting", CITY, budget=100.0, costs=COSTS, ties="draw", seed=3)
    (slate,) = drawn.committees
    bought = {each["item"] for each in drawn.fit.parameters["purchases"]}
    assert bought == {str(drawn.ids[item]) for item in slate}


def test_the_larger_half_alone_fails_the_certificate_and_a_witness_is_named() -> None:
    fair = elect("budgeting", CITY, budget=100.0, costs=COSTS)
    assert fair.axioms == {"EJR+ with costs": {"holds": True}}
    greedy = elect("budgeting", CITY, budget=100.0, costs=COSTS, rule="greedy")
    found = greedy.axioms["EJR+ with costs"]
    assert not found["holds"]
    assert found["witness"] == {"item": "2", "weight": 4.0, "money": 40.0}
    assert found["slate"] == ["0", "1"]
    (said, holds), *_ = proofs(greedy)
    assert not holds
    assert "share of the money" in said


def test_with_equal_costs_the_certificate_is_the_one_for_seats() -> None:
    for seed in range(60):
        profile = votes(seed)
        rng = np.random.default_rng(seed)
        seats = int(rng.integers(1, 5))
        slate = rng.choice(6, seats, replace=False)
        plain = certificates.ejr_plus(profile, slate, seats).holds
        for by_cost in (False, True):
            priced = certificates.ejr_plus_with_costs(
                profile, slate, np.ones(6), float(seats), by_cost
            )
            assert priced.holds == plain, seed


@pytest.mark.parametrize("by_cost", [False, True])
def test_the_certificate_with_costs_is_that_of_trying_every_group(by_cost: bool) -> None:
    for seed in range(40):
        profile = votes(seed)
        rng = np.random.default_rng(seed)
        cost = rng.integers(1, 6, 6).astype(float)
        slate = np.flatnonzero(rng.random(6) < 0.4)
        worth = cost if by_cost else np.ones(6)
        held = profile.approved[:, slate] @ worth[slate]
        fails = False
        for item in set(range(6)) - set(slate.tolist()):
            support = np.flatnonzero(profile.approved[:, item])
            for size in range(1, len(support) + 1):
                for group in combinations(support.tolist(), size):
                    money = 9.0 * profile.weight[list(group)].sum() / profile.total
                    most = held[list(group)].max()
                    need = most + cost[item] if by_cost else (most + 1) * cost[item]
                    fails = fails or need * (1 - 1e-9) <= money
        found = certificates.ejr_plus_with_costs(profile, slate, cost, 9.0, by_cost)
        assert found.holds != fails, seed


@pytest.mark.parametrize("satisfaction", ["count", "cost"])
@pytest.mark.parametrize("rule", ["equal_shares", "lottery"])
def test_equal_shares_gives_every_group_what_its_money_could_buy(
    rule: str, satisfaction: str
) -> None:
    rng = np.random.default_rng(3)
    for seed in range(30):
        profile = votes(seed)
        sets = [np.flatnonzero(row).tolist() for row in profile.approved]
        text = ", ".join(f"{i}: {c}" for i, c in enumerate(rng.integers(1, 8, 6)))
        result = elect(
            "budgeting",
            Ballots.from_approvals(sets, 6, weight=profile.weight),
            budget=9.0,
            costs=text,
            rule=rule,
            satisfaction=satisfaction,
        )
        assert result.axioms["EJR+ with costs"]["holds"], (seed, result.committees)


@pytest.mark.parametrize("rule", ["equal_shares", "phragmen", "greedy"])
@pytest.mark.parametrize("completion", ["raise", "greedy", "none"])
def test_no_slate_costs_more_than_the_budget(rule: str, completion: str) -> None:
    rng = np.random.default_rng(1)
    for seed in range(8):
        profile = votes(seed)
        sets = [np.flatnonzero(row).tolist() for row in profile.approved]
        ballots = Ballots.from_approvals(sets, 6)
        cost = rng.integers(0, 8, 6)
        text = ", ".join(f"{i}: {c}" for i, c in enumerate(cost))
        result = elect(
            "budgeting", ballots, budget=9.0, costs=text, rule=rule, completion=completion
        )
        for slate in result.committees:
            assert cost[list(slate)].sum() <= 9.0


def test_a_larger_budget_buys_no_fewer_free_items() -> None:
    """Free items that somebody likes are bought by every rule; free items nobody likes by none."""
    ballots = Ballots.from_approvals([[0], [1]], 3)
    for rule in ("equal_shares", "phragmen", "greedy", "lottery"):
        result = elect("budgeting", ballots, budget=0.0, costs="0: 0, 2: 0", rule=rule)
        assert result.committees == ((0,),), rule


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"costs": "0: -1"}, "must be 0 or more"),
        ({"costs": "0: nan"}, "must be 0 or more"),
        ({"costs": "0: dear"}, "no number"),
        ({"costs": "0"}, "ITEM: VALUE"),
        ({"costs": "9: 1"}, "no item here"),
        ({"costs": "0: 1, 0: 2"}, "twice"),
        ({"costs": "{"}, "no JSON"),
    ],
)
def test_a_bad_cost_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        elect("budgeting", CITY, **options)


def test_values_may_be_pairs_or_json() -> None:
    assert item_values('{"a: b": "north"}', "groups") == {"a: b": "north"}
    assert item_numbers("a: b: 2,\nc: 3", "costs") == {"a: b": 2.0, "c": 3.0}


# --- Options and edges -------------------------------------------------------------------------


def test_a_promise_to_a_group_is_kept_and_its_price_is_told() -> None:
    ballots = Ballots.from_rankings([[0, 1, 2, 3]] * 5, n_items=4)
    result = elect("fair_subset", ballots, seats=2, groups="0: a, 1: a, 2: b, 3: b", least="b: 1")
    assert result.committees == ((0, 2),)
    assert result.fit.parameters == {
        "value": 20.0,
        "value_without_promises": 25.0,
        "least": {"b": 1},
    }


@pytest.mark.parametrize(
    ("least", "said"),
    [
        ("c: 1", "no group"),
        ("b: 1.5", "not a number"),
        ("b: 3", "has 2 items"),
        ("a: 2, b: 2", "of"),
    ],
)
def test_an_impossible_promise_is_named(least: str, said: str) -> None:
    ballots = Ballots.from_rankings([[0, 1, 2, 3]], n_items=4)
    with pytest.raises(OptionError, match=said):
        elect("fair_subset", ballots, seats=2, groups="0: a, 1: a, 2: b, 3: b", least=least)


@pytest.mark.parametrize("score", ["borda", "plurality", "approval", "representation", "pav"])
def test_every_utility_chooses_the_unanimous_favourites(score: str) -> None:
    ballots = Ballots.from_rankings([[[0, 1], [2, 3]]] * 3, n_items=4)
    assert elect("fair_subset", ballots, seats=2, score=score).winners[:1] == (0,)


def test_one_of_many_tied_slates_is_drawn_in_public() -> None:
    everything = Ballots.from_approvals([list(range(16))], 16)
    result = elect("sequential_pav", everything, seats=8)
    assert len(result.committees) == 1
    assert result.tie_break is not None
    assert WarningCode.TIE_UNRESOLVED in result.codes
    order = np.argsort(public_order(range(16), 0))
    assert set(result.committees[0]) == set(order[:8].tolist())
    drawn = elect("pav", Ballots.from_approvals([[0, 1, 2]], 3), seats=1, ties="draw")
    assert drawn.committees == ((int(np.argsort(public_order(range(3), 0))[0]),),)
    assert drawn.tie_break is not None
    assert drawn.tie_break["tied"] == 3


def test_long_rankings_are_read_as_approvals_and_this_is_recorded() -> None:
    ranked = Ballots.from_rankings([[0, 1, 2], [1, 0, 2]], n_items=3)
    result = elect("pav", ranked, seats=1, approved=2)
    assert result.conversions == ("rankings into approvals of the first 2 tiers",)
    assert result.committees == ((0,), (1,))
    assert elect("pav", Ballots.from_approvals([[0]], 2), seats=1).conversions == ()


def test_replicates_say_how_sure_a_seat_is() -> None:
    ballots = Ballots.from_approvals([[0]] * 9 + [[1]] * 2, 3, annotator=range(11))
    result = elect("phragmen", ballots, seats=1, replicates=50)
    assert result.p_best is not None
    assert result.p_best[0] > 0.9
    assert result.p_best.sum() == pytest.approx(1.0)


def test_weights_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(TableError, match="weight of row 1"):
        Ballots.from_approvals([[0], [1]], 2, weight=[1.0, float("nan")])


def test_looking_at_all_groups_has_its_limit() -> None:
    many = Ballots.from_approvals([list(range(21))], 21)
    with pytest.raises(TableError, match="at most 20"):
        elect("greedy_ejr", many, variant="groups")


def test_ejr_plus_is_checked_at_every_size() -> None:
    """Brute force over items, sizes and voters."""
    for seed in range(20):
        profile = votes(seed, items=5)
        for slate in combinations(range(5), 3):
            broken = any(
                profile.weight[
                    profile.approved[:, item]
                    & (profile.approved[:, list(slate)].sum(axis=1) < size)
                ].sum()
                * 3
                >= size * profile.total - 1e-9
                for item, size in product(set(range(5)) - set(slate), range(1, 4))
            )
            assert ejr_plus(profile, slate, 3).holds is not broken


# --- Statements --------------------------------------------------------------------------------


def test_balanced_slates_represent_every_group_of_their_size() -> None:
    rng = np.random.default_rng(6)
    for _ in range(40):
        people, statements = int(rng.integers(3, 10)), int(rng.integers(3, 7))
        utility = rng.integers(0, 4, (people, statements)).astype(float)
        slate = balanced_slate(utility, 3, np.arange(statements))
        every, complete = balanced_slates(utility, 3, np.arange(statements))
        assert complete
        assert all(balanced_representation(utility, each, 3).holds for each in every)
        assert balanced_representation(utility, slate, 3).holds
        assert sorted(p for group in slate.served for p in group) == list(range(people))


def test_a_slate_that_serves_only_the_majority_fails() -> None:
    utility = np.array([[3, 2, 0.0]] * 4 + [[0, 0, 3]] * 2)
    fair = balanced_slate(utility, 3, np.arange(3))
    assert balanced_representation(utility, fair, 3).holds
    served = type(fair)(statements=(0, 0), served=((0, 1, 4), (2, 3, 5)), level=(0.0, 0.0))
    found = balanced_representation(utility, served, 3)
    assert found.witness == {"item": 2, "level": 3.0, "people": 2}


def test_statements_can_come_from_anywhere() -> None:
    """A generator that writes to the people it is shown, and a judge that compares words."""

    def generate(people: Any, size: int) -> str:
        best: str = max(people, key=lambda word: sum(word[0] == other[0] for other in people))
        return best

    slate = generative_slate(
        ["ant", "ape", "bee", "asp"], 2, generate, lambda who, said: float(who[0] == said[0])
    )
    assert slate.statements == ("ant", "bee") or slate.statements == ("ant", "asp")
    assert slate.served[0] == ("ant", "ape")
    with pytest.raises(ValueError, match="not a number"):
        generative_slate(["x"], 1, generate, lambda *_: float("nan"))


# --- In words ----------------------------------------------------------------------------------


def test_a_slate_is_told_in_a_sentence() -> None:
    one = elect("pav", Ballots.from_approvals([[0, 1]] * 3, 3), seats=2)
    assert headline(one, 3, 3) == "The slate is “0” and “1”, from 3 judgments by 3 annotators."
    tied = elect("pav", Ballots.from_approvals([[0]] * 3, 3), seats=2)
    assert headline(tied, 3, 3) == (
        "2 slates are equally good, from 3 judgments by 3 annotators: “0” is on all of them."
    )
    drawn = elect("fair_lottery", Ballots.from_approvals([[0], [1]], 2), seats=1)
    assert headline(drawn, 2, 2).endswith("they have no item in common.")
    assert slate_lines(drawn) == [("“0”", "50.0%"), ("“1”", "50.0%")]
    nothing = elect("budgeting", Ballots.from_approvals([[0]], 2), budget=0.0)
    assert headline(nothing, 1, 1).startswith("Nothing is elected")


def test_a_failed_certificate_names_whom_it_concerns() -> None:
    cover = elect(
        "chamberlin_courant", Ballots.from_approvals([[0, 1]] * 8 + [[2], [3]], 4), seats=3
    )
    assert proofs(cover)[1] == (
        "A group has fewer seats than it deserves for an item it shares (EJR+ fails). "
        "For “1” this concerns 8 voters.",
        False,
    )
    assert proofs(cover)[0][1]


# --- Real votes --------------------------------------------------------------------------------

SEATTLE = SHARED_DATA / "polis_conversations" / "seattle15.judgments.csv.gz"


@pytest.mark.skipif(not SEATTLE.exists(), reason="the conversation isn't beside the repository")
def test_a_conversation_elects_ten_statements_that_stand_for_everybody() -> None:
    """339 people, 54 statements, 1,358 approvals: too many slates to score, few enough to solve."""
    with gzip.open(SEATTLE, "rt", encoding="utf-8") as stream:
        rows = [(int(r["participant"]), int(r["statement"]), r["vote"]) for r in DictReader(stream)]
    people = sorted({person for person, _, _ in rows})
    liked: dict[int, set[int]] = {person: set() for person in people}
    for person, statement, said in rows:
        if said == "1":
            liked[person].add(statement)
    ballots = Ballots.from_approvals([sorted(liked[person]) for person in people], 54)
    exact = elect("pav", ballots, seats=10, time_limit=60.0)
    assert exact.fit.parameters["gap"] == 0.0
    quick = elect("sequential_pav", ballots, seats=10)
    assert quick.fit.parameters["value"] <= exact.fit.parameters["value"] + 1e-9
    for slug in ("pav", "equal_shares", "greedy_ejr", "fair_lottery"):
        assert elect(slug, ballots, seats=10).axioms["EJR+"] == {"holds": True}
