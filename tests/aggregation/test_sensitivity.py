"""How few votes or people would change who wins: exact where claimed, true where it isn’t."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregation.catalogue import METHODS
from aggregation.diagnostics.judgments import examine_judgments
from aggregation.diagnostics.multiplicity import across_rules, near_optimal
from aggregation.diagnostics.planner import plan_for
from aggregation.diagnostics.sensitivity import (
    Removal,
    condorcet_winner,
    fewest_to_close,
    row_influence,
    sensitivity,
)
from aggregation.diagnostics.significance import under_fewer_judges
from aggregation.tables import Ballots, Comparisons, Ratings
from tests.aggregation.worlds import random_ballots, random_comparisons, random_labels, tennessee


def one_by_one(table: Ballots) -> Ballots:
    """Every voter a ballot of his own."""
    rows = np.repeat(np.arange(len(table)), table.weights.astype(int))
    whole = table.take(rows)
    return whole.reweighted(1 / whole.weights)


def by_hand(method: str, table: Any, most: int) -> int | None:
    """The smallest set of rows whose removal changes the winners, by trying all sets."""
    before = METHODS[method].fit(table).winners
    for size in range(1, most + 1):
        for gone in combinations(range(len(table)), size):
            left = np.setdiff1d(np.arange(len(table)), gone)
            after = METHODS[method].fit(table.take(left)).winners
            if after and set(after) != set(before):
                return size
    return None


def test_memphis_loses_plurality_when_sixteen_of_its_voters_stay_at_home() -> None:
    found = sensitivity(METHODS["plurality"], one_by_one(tennessee()))
    assert found is not None
    assert found.winners == ("M",)
    assert (found.votes.count, found.votes.least, found.votes.total) == (16, 16, 100)
    assert set(found.votes.winners) == {"M", "N"}
    assert found.votes.basis == "additive"


def test_nashville_cannot_lose_its_majorities_to_fewer_than_sixteen() -> None:
    """Its narrowest margin is 16 votes, over Memphis (58 to 42)."""
    for slug in ("schulze", "minimax", "copeland"):
        found = sensitivity(METHODS[slug], one_by_one(tennessee()))
        assert found is not None
        assert found.votes.least == 16
        assert found.votes.count is not None
        assert found.votes.count >= 16


@pytest.mark.parametrize("slug", ["borda", "plurality"])
@pytest.mark.parametrize("seed", range(4))
def test_additive_rules_are_exact(slug: str, seed: int) -> None:
    table = random_ballots(seed, n=9, items=3)
    table = table.reweighted(1 / table.weights)
    found = sensitivity(METHODS[slug], table)
    assert found is not None
    if found.votes.basis != "tied":
        assert found.votes.count == by_hand(slug, table, 6)


@pytest.mark.parametrize("slug", ["bradley_terry", "schulze", "win_rate"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_found_works_and_no_bound_is_wrong(slug: str, seed: int) -> None:
    table = random_comparisons(seed, n=14, items=3, people=4, weight=None)
    found = sensitivity(METHODS[slug], table)
    if found is None or found.votes.basis == "tied":
        return
    smallest = by_hand(slug, table, 4)
    assert smallest is None or found.votes.least <= smallest
    if found.votes.count is not None:
        assert smallest is None or smallest <= found.votes.count
        assert changes(METHODS[slug], table, found.votes)


def changes(method: Any, table: Any, removal: Removal) -> bool:
    left = np.setdiff1d(np.arange(len(table)), np.array(removal.removed))
    before = {table.ids[w] for w in method.fit(table).winners}
    after = {table.ids[w] for w in method.fit(table.take(left)).winners}
    return after == set(removal.winners) != before


def test_people_are_removed_with_all_they_said() -> None:
    """Two of five people decide it: without them the other side leads."""
    a = np.zeros(25, dtype=int)
    y = np.concatenate([np.ones(10), -np.ones(9), np.ones(3), -np.ones(3)]).astype(int)
    who = np.concatenate([np.repeat([0, 1], 5), np.repeat([2, 3, 4], 3), np.repeat(5, 6)])
    table = Comparisons.from_arrays(a, a + 1, y, annotator=who, annotator_ids="abcdef")
    found = sensitivity(METHODS["bradley_terry"], table)
    assert found is not None
    assert found.people is not None
    assert found.votes.count == 1  # 13 to 12: one vote fewer is a tie
    assert found.people.count == 1
    assert found.people.removed[0] in "ab"
    assert found.people.total == 6


def test_influence_is_what_leaving_a_row_out_does() -> None:
    """Against refits without each row: same order at the top, nearly the same size."""
    table = random_comparisons(3, n=120, items=4, weight=None)
    method = METHODS["bradley_terry"]
    options = method.options(penalty=1e-2, ci="none")
    whole = method.fit(table, options).score
    told = row_influence(table, 0, 1)
    true = np.empty(len(table))
    for row in range(len(table)):
        score = method.fit(table.take(np.arange(len(table)) != row), options).score
        true[row] = (whole[0] - whole[1]) - (score[0] - score[1])
    assert np.corrcoef(told, true)[0, 1] > 0.995
    assert np.abs(told - true).max() < 0.1 * np.abs(true).max()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-8, 12).map(lambda q: q / 4), min_size=1, max_size=8))
def test_the_largest_contributions_go_first(values: list[float]) -> None:
    contribution = np.array(values)
    gap = float(contribution.sum())
    found = fewest_to_close(contribution, gap)
    smallest = next(
        (
            size
            for size in range(len(values) + 1)
            for gone in combinations(values, size)
            if gap - sum(gone) <= 1e-9
        ),
        None,
    )
    assert found == smallest


def test_a_condorcet_winner_beats_everyone() -> None:
    assert condorcet_winner(tennessee().pair_counts().margins) == 1
    assert condorcet_winner(np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]])) is None


def test_where_there_is_no_winner_there_is_no_answer() -> None:
    assert sensitivity(METHODS["majority"], random_labels(1)) is None
    empty = Comparisons.from_arrays([], [], [], n_items=3)
    assert sensitivity(METHODS["bradley_terry"], empty) is None
    apart = Comparisons.from_arrays([0, 2], [1, 3], [1, 1])
    assert sensitivity(METHODS["bradley_terry"], apart) is None


def test_a_million_items_are_looked_at_or_declined() -> None:
    n = 1_000_000
    items = np.arange(n - 1)
    table = Comparisons.from_arrays(
        items, items + 1, np.ones(n - 1, dtype=np.int8), n_items=n, annotator=items % 5
    )
    examined = examine_judgments(table)
    assert examined.pairs is not None
    assert examined.pairs.left_out == n - len(examined.pairs.ids)
    rates = METHODS["win_rate"].fit(table)
    assert plan_for(rates, n) is None
    assert across_rules([rates, rates]).pairs == 0
    assert under_fewer_judges(METHODS["win_rate"].fit, table) == ()
    assert near_optimal(table.pair_counts()) is None


def test_a_tie_needs_nobody_to_go() -> None:
    table = Comparisons.from_arrays([0, 1], [1, 0], [1, 1])
    found = sensitivity(METHODS["bradley_terry"], table)
    assert found is not None
    assert (found.votes.count, found.votes.basis) == (0, "tied")
    assert found.people is None


def test_a_landslide_has_no_removal() -> None:
    table = Comparisons.from_arrays([0] * 6, [1] * 6, [1] * 6, annotator=[0, 0, 1, 1, 2, 2])
    found = sensitivity(METHODS["win_rate"], table)
    assert found is not None
    assert found.votes.count is None
    assert found.votes.basis == "nothing"


def test_ratings_lose_their_highest_first() -> None:
    table = Ratings.from_arrays([0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2], [9.0, 5, 5, 6, 6, 6])
    found = sensitivity(METHODS["mean"], table)
    assert found is not None
    assert (found.votes.count, found.votes.removed) == (1, (0,))
