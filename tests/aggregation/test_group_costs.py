"""What each choice costs whom: by hand, against the report's own welfare, and at the edges."""

from dataclasses import replace

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.diagnostics.group_costs import FEWEST, PRIOR, group_costs, strengths, worth
from aggregation.results import AggregateResult
from aggregation.tables import Comparisons, TableError


def two_camps(
    north: int = 30, south: int = 10, votes: int = 12, seed: int = 0, people: int | None = None
) -> Comparisons:
    """Items A B C; the north likes A > B > C, the south C > B > A, everyone with some noise."""
    rng = np.random.default_rng(seed)
    liked = {"north": [2.0, 0.8, -2.0], "south": [-2.0, 0.8, 2.0]}
    rows = []
    who = 0
    for camp, size in (("north", north), ("south", south)):
        for _ in range(size):
            for _ in range(votes):
                a, b = rng.choice(3, 2, replace=False)
                gap = liked[camp][a] - liked[camp][b] + rng.logistic()
                rows.append((a, b, 1 if gap > 0 else -1, who, camp == "south"))
            who += 1
    a, b, y, annotator, group = (np.array(column) for column in zip(*rows, strict=True))
    return Comparisons.from_arrays(
        a, b, y, annotator=annotator, group=group.astype(int), ids=["A", "B", "C"],
        group_ids=["north", "south"],
    )  # fmt: skip


def ruled(table: Comparisons, *slugs: str) -> list[AggregateResult]:
    return [METHODS[slug].fit(table) for slug in slugs]


def test_strengths_solve_their_equations_and_worth_is_a_chance() -> None:
    wins = np.array([[0, 5, 2], [1, 0, 4], [0, 2, 0.0]])
    theta = strengths(wins)
    p = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
    gradient = (wins - (wins + wins.T) * p).sum(axis=1) - PRIOR * theta
    np.testing.assert_allclose(gradient, 0, atol=1e-9)
    off = p[~np.eye(3, dtype=bool)].reshape(3, 2)
    np.testing.assert_allclose(worth(wins), off.mean(axis=1))


def test_the_majority_pays_nothing_and_the_minority_is_named() -> None:
    table = two_camps()
    found = group_costs(table, ruled(table, "bradley_terry", "win_rate", "minimax"))
    assert [(g.name, g.people, g.favourite) for g in found.groups] == [
        ("north", 30, "A"),
        ("south", 10, "C"),
    ]
    first = found.choices[0]
    assert first.items == (("A", 1.0),)
    assert first.rules == ("bradley_terry", "win_rate", "minimax")
    assert found.groups[first.worst].name == "south"
    assert first.shares[0].cost == 0.0
    assert first.shares[1].cost > 0.4
    assert first.shares[1].cost_lo > 0.3
    assert first.shares[1].cost_lo <= first.shares[1].cost <= first.shares[1].cost_hi


def test_maxmin_picks_what_nobody_hates() -> None:
    table = two_camps()
    found = group_costs(table, ruled(table, "bradley_terry"))
    maxmin = found.choices[-1]
    assert maxmin.is_maxmin
    assert maxmin.items == (("B", 1.0),)
    least = [min(row[k] for row in found.worth) for k in range(3)]
    assert least.index(max(least)) == 1


def test_a_lottery_costs_what_its_items_cost_on_average() -> None:
    table = two_camps()
    result = METHODS["nash"].fit(table)
    assert result.lottery is not None
    found = group_costs(table, [result], replicates=0)
    W = np.array(found.worth)
    chosen = found.choices[0]
    p = np.array([dict(chosen.items).get(name, 0.0) for name in "ABC"])
    np.testing.assert_allclose(p, result.lottery, atol=1e-8)
    np.testing.assert_allclose([share.worth for share in chosen.shares], W @ p)
    np.testing.assert_allclose([share.cost for share in chosen.shares], W.max(axis=1) - W @ p)
    assert all(np.isnan(share.cost_lo) for share in chosen.shares)


def test_names_of_items_and_groups_change_nothing_else() -> None:
    table = two_camps()
    order = np.array([2, 0, 1])
    renamed = replace(
        table,
        a=order[table.a].astype(np.int32),
        b=order[table.b].astype(np.int32),
        ids=("B", "C", "A"),
    )
    one = group_costs(table, ruled(table, "borda"), replicates=50)
    two = group_costs(renamed, ruled(renamed, "borda"), replicates=50)
    assert one.choices[0].items == two.choices[0].items
    for x, y in zip(one.choices[0].shares, two.choices[0].shares, strict=True):
        assert (x.worth, x.cost_lo) == pytest.approx((y.worth, y.cost_lo))


def test_small_groups_are_not_spoken_of() -> None:
    table = two_camps(north=30, south=FEWEST - 1)
    with pytest.raises(TableError, match="Fewer than two groups"):
        group_costs(table, ruled(table, "bradley_terry"))
    both = two_camps(north=8, south=FEWEST)
    assert group_costs(both, ruled(both, "bradley_terry"), replicates=0).unheard == 0


def test_equal_groups_cost_each_other_nothing_certain() -> None:
    """One camp split at random: whatever is chosen, no group's cost is more than noise."""
    table = two_camps(north=40, south=0, votes=6, seed=3)
    rng = np.random.default_rng(0)
    side = rng.integers(0, 2, 40).astype(np.int32)
    split = replace(table, group=side[table.annotator], group_ids=("x", "y"))
    found = group_costs(split, ruled(split, "bradley_terry"))
    assert all(share.cost_lo < 0.005 for share in found.choices[0].shares)


def test_too_many_items_are_refused_with_what_to_do() -> None:
    table = Comparisons.from_arrays([0], [1], [1], annotator=[0], group=[0], n_items=101)
    with pytest.raises(TableError, match="Score systems"):
        group_costs(table, [])
