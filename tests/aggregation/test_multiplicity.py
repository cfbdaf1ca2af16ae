"""What changes under another rule or another fit that is nearly as good."""

import numpy as np
import pytest
from scipy.optimize import minimize

from aggregation.catalogue import METHODS
from aggregation.diagnostics.multiplicity import across_rules, near_optimal
from aggregation.tables import Comparisons
from tests.aggregation.worlds import (
    random_comparisons,
    random_labels,
    schulze45,
    tennessee,
    twenty_two_games,
)


def test_tennessee_has_three_winners_under_four_rules() -> None:
    results = [METHODS[m].fit(tennessee()) for m in ("plurality", "borda", "irv", "schulze")]
    found = across_rules(results)
    assert dict(found.winners) == {"M": 1, "N": 2, "K": 1}
    assert (found.rules, found.pairs) == (4, 6)
    assert found.discrepancy[0] == 0


def test_ambiguous_pairs_are_counted_pair_by_pair() -> None:
    results = [METHODS[m].fit(schulze45()) for m in ("borda", "schulze", "copeland")]
    found = across_rules(results)
    by_hand = 0
    for i in range(5):
        for j in range(i):
            signs = {int(np.sign(r.rank[i] - r.rank[j])) for r in results if r.rank is not None}
            by_hand += len(signs) > 1
    assert found.ambiguous_pairs == by_hand
    assert found.pairs == 10


def test_one_rule_alone_is_never_ambiguous() -> None:
    found = across_rules([METHODS["borda"].fit(tennessee())])
    assert (found.pairs, found.ambiguous_pairs) == (0, 0)
    assert np.isnan(found.discrepancy[0])


def test_labels_that_differ_are_counted_per_unit() -> None:
    table = random_labels(3)
    majority, skilled = METHODS["majority"].fit(table), METHODS["dawid_skene"].fit(table)
    found = across_rules([majority, skilled])
    assert majority.label is not None
    assert skilled.label is not None
    assert found.units == 40
    assert found.ambiguous_units == int((majority.label != skilled.label).sum())


def loss(theta: np.ndarray[tuple[int], np.dtype[np.float64]], h: object) -> float:
    wins = np.asarray(h)
    d = theta[:, None] - theta[None, :]
    return float((wins * np.logaddexp(0, -d)).sum())


@pytest.mark.parametrize("seed", range(4))
def test_costs_equal_a_constrained_optimiser(seed: int) -> None:
    counts = random_comparisons(seed, n=60, items=5, weight=None).pair_counts()
    found = near_optimal(counts)
    assert found is not None
    h, n = counts.half_ties, counts.half_ties.sum()
    best = minimize(loss, np.zeros(5), args=(h,), method="SLSQP", options={"ftol": 1e-12}).fun
    tie = {"type": "eq", "fun": lambda t: t[1] - t[3]}
    tied = minimize(loss, np.zeros(5), args=(h,), constraints=[tie], options={"ftol": 1e-12}).fun
    assert found.cost[1, 3] == pytest.approx((tied - best) / n, abs=1e-6)
    for item in range(5):
        above = [
            {"type": "ineq", "fun": lambda t, k=k, item=item: t[item] - t[k]}
            for k in range(5)
            if k != item
        ]
        first = minimize(
            loss, np.zeros(5), args=(h,), constraints=above, options={"ftol": 1e-12}
        ).fun
        assert found.first_cost[item] == pytest.approx((first - best) / n, abs=1e-5)


def test_everything_is_possible_when_enough_may_be_lost_and_nothing_when_none() -> None:
    counts = twenty_two_games().pair_counts()
    all_, none = near_optimal(counts, epsilon=1.0), near_optimal(counts, epsilon=0.0)
    assert all_ is not None
    assert none is not None
    assert all_.ambiguous_pairs == all_.pairs == 6
    assert all_.contenders == (0, 1, 2, 3)
    assert (none.ambiguous_pairs, none.contenders) == (0, (3,))


def test_parts_that_never_met_have_no_common_fits() -> None:
    assert near_optimal(Comparisons.from_arrays([0, 2], [1, 3], [1, 1]).pair_counts()) is None
    assert near_optimal(Comparisons.from_arrays([], [], [], n_items=2).pair_counts()) is None


def test_an_item_that_always_wins_stays_finite() -> None:
    counts = Comparisons.from_arrays([0, 0, 1, 2], [1, 2, 2, 1], [1, 1, 1, 1]).pair_counts()
    found = near_optimal(counts)
    assert found is not None
    assert np.isfinite(found.first_cost).all()
    assert 0 in found.contenders
