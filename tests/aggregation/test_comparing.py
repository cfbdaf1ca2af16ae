"""Which ranks of rules side by side are marked as different."""

import numpy as np
import pytest

from aggregation.comparing import strays


def marks(*ranks: list[int]) -> list[list[int]]:
    """Places of the marked items, rule by rule."""
    return [np.flatnonzero(row).tolist() for row in strays(np.array(ranks, dtype=np.int64))]


def test_a_rule_that_swaps_two_items_is_marked_at_both() -> None:
    assert marks([1, 2, 3], [1, 2, 3], [2, 1, 3]) == [[], [], [0, 1]]


def test_a_set_of_winners_agrees_with_every_order_of_the_others() -> None:
    assert marks([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 2, 2]) == [[], [], []]


def test_a_shared_rank_stands_for_no_more_places_than_its_sharers_fill() -> None:
    assert marks([1, 2, 3, 4], [1, 2, 3, 4], [3, 1, 1, 3]) == [[], [], [0, 2]]


@pytest.mark.parametrize("ranks", [[[0, 0]], [[1, 2]], [[1, 2], [0, 0], [0, 1]]])
def test_a_rank_that_is_undefined_or_alone_is_not_marked(ranks: list[list[int]]) -> None:
    assert not strays(np.array(ranks[:1], dtype=np.int64)).any()
    assert not (strays(np.array(ranks, dtype=np.int64)) & (np.array(ranks) == 0)).any()


def test_without_rules_or_items_nothing_is_marked() -> None:
    assert strays(np.zeros((0, 3), dtype=np.int64)).shape == (0, 3)
    assert strays(np.zeros((2, 0), dtype=np.int64)).shape == (2, 0)
