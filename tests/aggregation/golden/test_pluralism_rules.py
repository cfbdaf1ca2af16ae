"""Rules for groups that disagree: a worked example with four rules and four answers, and edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aggregation.pluralism import rules
from aggregation.pluralism.welfare import pooled_probabilities, regret, welfare

# Three groups and candidates A…E; nobody's favourite is everybody's second best.
U = np.array([[0.5, 3, 1, 2.5, 0], [-2, -2.5, -1, -3, 0], [3, -1, 1.5, 2.5, 1]])
SHARES = [0.45, 0.35, 0.20]
W = np.array(
    [
        [0.2988, 0.8450, 0.4138, 0.7500, 0.1924],
        [0.4354, 0.3146, 0.6746, 0.2033, 0.8721],
        [0.8257, 0.0606, 0.4995, 0.7242, 0.3900],
    ]
)
EXPECTED = {
    "plurality": ("B", {"B": 1.0}, (0.845, 0.315, 0.061), 0.061, 0.502, 0.765),
    "bradley_terry": ("D", {"D": 1.0}, (0.750, 0.203, 0.724), 0.203, 0.553, 0.669),
    "maximal_lottery": (
        "", {"B": 0.6625, "C": 0.0454, "D": 0.2921}, (0.798, 0.298, 0.274), 0.274, 0.518, 0.574,
    ),
    "maxmin_pick": ("C", {"C": 1.0}, (0.414, 0.675, 0.499), 0.414, 0.522, 0.431),
    "maxmin_lottery": (
        "", {"B": 0.0653, "C": 0.6757, "D": 0.2590}, (0.529, 0.529, 0.529), 0.529, 0.529, 0.343,
    ),
    "minimax_regret_lottery": (
        "", {"B": 0.096, "C": 0.709, "D": 0.196}, (0.521, 0.548, 0.502), 0.502, 0.526, 0.324,
    ),
}  # fmt: skip
tables = arrays(np.float64, (3, 4), elements=st.floats(-4, 4))


def test_welfare_is_the_chance_of_beating_an_even_rival() -> None:
    np.testing.assert_allclose(welfare(U), W, atol=5e-5)


def test_pooled_strengths_and_first_choices_of_the_example() -> None:
    theta = rules.bradley_terry_strengths(pooled_probabilities(U, SHARES))
    np.testing.assert_allclose(theta, [-0.1545, 0.0079, 0.0713, 0.1722, -0.0969], atol=5e-5)
    np.testing.assert_allclose(rules.first_choices(U, SHARES), [0.20, 0.45, 0, 0, 0.35])


@pytest.mark.parametrize("rule", EXPECTED)
def test_four_rules_give_four_answers(rule: str) -> None:
    pick, lottery, by_group, minimum, mean, worst = EXPECTED[rule]
    found = rules.decisions(U, SHARES)[rule]
    assert found.picks == tuple("ABCDE".index(name) for name in pick)
    np.testing.assert_allclose(
        found.lottery, [lottery.get(name, 0.0) for name in "ABCDE"], atol=6e-4
    )
    np.testing.assert_allclose(found.by_group, by_group, atol=6e-4)
    assert (found.minimum, found.mean, found.max_regret) == pytest.approx(
        (minimum, mean, worst), abs=6e-4
    )


def test_the_groups_that_bind_are_named_with_weights() -> None:
    found = rules.maxmin_lottery(welfare(U), SHARES)
    assert found.binding is not None
    # By duality the binding weights price every candidate at no more than the lottery's value.
    prices = found.binding @ welfare(U)
    assert prices.max() == pytest.approx(found.minimum, abs=1e-7)
    assert (found.binding > 0.1).all()


def test_small_games_of_the_literature() -> None:
    cycle = np.array([[1 / 2, 2 / 3, 1 / 3], [1 / 3, 1 / 2, 2 / 3], [2 / 3, 1 / 3, 1 / 2]])
    uneven = np.array([[0.5, 0.9, 0.4], [0.1, 0.5, 0.8], [0.6, 0.2, 0.5]])
    for P, p in ((cycle, [1 / 3, 1 / 3, 1 / 3]), (uneven, [0.375, 0.125, 0.5])):
        np.testing.assert_allclose(rules.maximal_lottery(P, P, [1, 1, 1]).lottery, p, atol=1e-6)
    opposed = np.array([[0.9, 0.1, 0.45], [0.1, 0.9, 0.45]])
    assert rules.maxmin_pick(opposed, [0.7, 0.3]).picks == (2,)
    lottery = rules.maxmin_lottery(opposed, [0.7, 0.3])
    np.testing.assert_allclose(lottery.lottery, [0.5, 0.5, 0.0], atol=1e-6)
    assert lottery.minimum == pytest.approx(0.5)


@pytest.mark.parametrize("k", [0.25, 0.5, 1, 2, 4])
@pytest.mark.parametrize("g", [0, 1, 2])
def test_a_misjudged_scale_moves_raw_means_but_not_the_maxmin_pick(g: int, k: float) -> None:
    scaled = np.where(np.arange(3)[:, None] == g, k * U, U)
    assert rules.maxmin_pick(welfare(scaled), SHARES).picks == (2,)
    raw = int((np.array(SHARES) @ scaled).argmax())
    if g == 2:
        assert "ABCDE"[raw] == ("B" if k <= 0.5 else "D")


def test_fairness_has_a_price_and_its_family_runs_from_mean_to_maxmin() -> None:
    table = welfare(U)
    pooled = rules.bradley_terry(pooled_probabilities(U, SHARES), table, SHARES)
    assert rules.price_of_fairness(table, SHARES, pooled) == pytest.approx(0.553 - 0.522, abs=1e-3)
    assert (
        rules.alpha_fair(table, SHARES, 0).picks == rules.utilitarian(table, SHARES).picks == (3,)
    )
    assert rules.alpha_fair(table, SHARES, 1).picks == (2,)
    for alpha in (50.0, 1000.0, float("inf")):
        assert rules.alpha_fair(table, SHARES, alpha).picks == (2,)
    with pytest.raises(ValueError, match="alpha"):
        rules.alpha_fair(table, SHARES, -1)


def test_leaving_a_group_out_shows_whom_the_choice_hangs_on() -> None:
    without = rules.leave_one_group_out(welfare(U), SHARES)
    assert [d.picks for d in without] == [(2,), (3,), (2,)]
    # The choice made without the second group is valued for that group too.
    assert without[1].minimum == pytest.approx(0.203, abs=1e-3)
    assert rules.leave_one_group_out(welfare(U)[:1], [1.0]) == ()


def test_leximin_looks_past_a_tie_for_the_worst_off() -> None:
    table = np.array([[0.4, 0.4, 0.9], [0.5, 0.6, 0.1]])
    assert rules.maxmin_pick(table, [0.5, 0.5]).picks == (1,)
    same = np.array([[0.4, 0.4], [0.6, 0.6]])
    assert rules.maxmin_pick(same, [0.5, 0.5]).picks == (0, 1)


def test_range_welfare_does_not_depend_on_a_groups_scale() -> None:
    scaled = U * np.array([[0.2], [1.0], [7.0]])
    np.testing.assert_allclose(welfare(scaled, "range"), welfare(U, "range"))
    np.testing.assert_allclose(welfare(np.zeros((2, 3)), "range"), 0.5)


@given(tables)
@settings(max_examples=60, deadline=None)
def test_a_lottery_never_does_worse_than_a_pick(u: np.ndarray) -> None:
    table = welfare(u)
    shares = [0.5, 0.3, 0.2]
    lottery, pick = rules.maxmin_lottery(table, shares), rules.maxmin_pick(table, shares)
    assert lottery.minimum >= pick.minimum - 1e-7
    assert lottery.lottery.sum() == pytest.approx(1.0)
    least = rules.minimax_regret_lottery(table, shares).max_regret
    assert least <= rules.minimax_regret_pick(table, shares).max_regret + 1e-7
    assert regret(table).min() >= 0


@given(tables, st.permutations(range(4)))
@settings(max_examples=60, deadline=None)
def test_names_of_candidates_decide_nothing(u: np.ndarray, order: list[int]) -> None:
    before, after = (
        rules.decisions(u, [0.5, 0.3, 0.2]),
        rules.decisions(u[:, order], [0.5, 0.3, 0.2]),
    )
    for rule in ("plurality", "utilitarian", "maxmin_pick", "minimax_regret_pick"):
        assert sorted(order[i] for i in after[rule].picks) == sorted(before[rule].picks)
    assert after["maxmin_lottery"].minimum == pytest.approx(
        before["maxmin_lottery"].minimum, abs=1e-7
    )


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        welfare([[np.nan, 1.0]])
    with pytest.raises(ValueError, match="Shares"):
        rules.utilitarian(W, [-1.0, 1.0, 1.0])
