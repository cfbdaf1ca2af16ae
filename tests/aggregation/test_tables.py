"""Tables refuse what has no meaning, count right, and merge by addition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.tables import (
    Ballots,
    Comparisons,
    Labels,
    PairCounts,
    Ratings,
    TableError,
    convert,
    factorise,
)
from aggregation.tables.conversions import (
    checklist_scores,
    pairs_from_rankings,
    rankings_from_ratings,
)
from tests.aggregation.worlds import random_ballots, random_comparisons, random_labels, tennessee


def test_an_item_is_never_compared_with_itself() -> None:
    with pytest.raises(TableError, match="Row 1 compares item 'x' with itself"):
        Comparisons.from_values(["x", "x"], ["y", "x"], [1, 1])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"weight": [1.0, -1.0]}, "row 1 is negative"),
        ({"weight": [np.nan, 1.0]}, "row 0 is not a finite"),
        ({"annotator": [0, 5], "annotator_ids": ["p"]}, "refers to 5"),
        ({"first": [0, 2]}, "'first' holds 2 in row 1"),
        ({"conf": [0.5, 0.2]}, "'conf' holds"),
        ({"weight": [1.0]}, "has 1 values, but the table has 2 rows"),
        ({"x": np.zeros((3, 1))}, "Covariates"),
    ],
)
def test_a_column_that_cannot_be_meant_is_refused_by_name(
    columns: dict[str, object], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        Comparisons.from_arrays([0, 1], [1, 0], [1, -1], **columns)  # type: ignore[arg-type]


def test_wins_and_ties_are_counted_with_weight() -> None:
    table = Comparisons.from_arrays([0, 1, 0, 2], [1, 0, 2, 0], [2, 1, 0, 0], weight=[1, 2, 3, 4])
    counts = table.pair_counts()
    assert counts.wins.tolist() == [[0, 1, 0], [2, 0, 0], [0, 0, 0]]
    assert counts.ties.tolist() == [[0, 0, 7], [0, 0, 0], [7, 0, 0]]
    assert counts.unseen_pairs == 1


@pytest.mark.parametrize("n", [1, 2**16 - 1, 2**16, 200_000])
def test_a_unit_labelled_very_often_is_counted_in_full(n: int) -> None:
    label = np.ones(n + 2, dtype=np.int32)
    label[-2:] = 0
    unit = np.zeros(n + 2, dtype=np.int32)
    unit[-1] = 1
    table = Labels.from_arrays(unit, None, label)
    assert table.counts().tolist() == [[1, n], [1, 0]]


@pytest.mark.parametrize("n", [1, 2**16 - 1, 2**16, 300_000, 2**19, 2**20 + 3])
@pytest.mark.parametrize("lost_each", [1, 2, 3, 10**9])
def test_a_pair_judged_very_often_is_counted_in_full(n: int, lost_each: int) -> None:
    won = np.full(n, 2, dtype=np.int8)
    won[lost_each - 1 :: lost_each] = -1
    others = np.array([2, 0, 1])  # so that not every row is of one pair
    a = np.concatenate([np.zeros(n, int), others])
    b = np.concatenate([np.ones(n, int), [1, 2, 2]])
    table = Comparisons.from_arrays(a, b, np.concatenate([won, [1, 1, -1]]), n_items=3)
    lost = n // lost_each
    assert table.pair_counts().wins.tolist() == [[0, n - lost, 1], [lost, 0, 0], [0, 2, 0]]


@pytest.mark.parametrize("won", [0, 1, 254, 255, 256, 509, 510, 70_000])
@pytest.mark.parametrize("lost", [0, 1, 254, 256, 257, 258, 515, 70_000])
def test_one_pair_among_many_may_be_judged_very_often(won: int, lost: int) -> None:
    rng = np.random.default_rng(won + 3 * lost)
    a = np.concatenate([rng.integers(0, 50, 6_000), np.full(won + lost, 7)])
    b = np.concatenate([(a[:6_000] + rng.integers(1, 50, 6_000)) % 50, np.full(won + lost, 9)])
    y = np.concatenate([rng.choice([-1, 1], 6_000), np.full(won, 1), np.full(lost, -1)])
    expected = np.zeros((50, 50))
    np.add.at(expected, (np.where(y > 0, a, b), np.where(y > 0, b, a)), 1)
    for strength in (1, 2):
        table = Comparisons.from_arrays(a, b, strength * y, n_items=50)
        assert np.array_equal(table.pair_counts().wins, expected)


@pytest.mark.parametrize("wrong", [-1, 50, 2**31 - 1])
@pytest.mark.parametrize("column", ["a", "b"])
def test_one_unknown_item_among_many_rows_is_refused(column: str, wrong: int) -> None:
    columns = {"a": np.zeros(9_000, dtype=np.int32), "b": np.ones(9_000, dtype=np.int32)}
    columns[column][8_765] = wrong
    with pytest.raises(TableError, match=f"'{column}' refers to {wrong}"):
        Comparisons.from_arrays(columns["a"], columns["b"], np.ones(9_000), n_items=50)


@given(st.integers(0, 2**32 - 1))
def test_dense_and_sparse_counts_agree(seed: int) -> None:
    from aggregation.tables.pair_counts import _count_sparse, count_pairs

    table = random_comparisons(seed, n=60)
    dense = count_pairs(table.a, table.b, table.y, table.weight, table.ids)
    thin = _count_sparse(table.a, table.b, table.y, table.weight, table.ids)
    np.testing.assert_allclose(thin.wins.toarray(), dense.wins)
    np.testing.assert_allclose(thin.ties.toarray(), dense.ties)
    assert thin.components[0] == dense.components[0]
    assert thin.unseen_pairs == dense.unseen_pairs


@given(st.integers(0, 2**32 - 1), st.integers(0, 240))
def test_shards_add_up_to_the_whole(seed: int, cut: int) -> None:
    table = random_comparisons(seed)
    first, second = table.take(np.arange(cut)), table.take(np.arange(cut, len(table)))
    assert (first + second).digest() == table.digest()
    merged = first.pair_counts() + second.pair_counts()
    np.testing.assert_allclose(merged.wins, table.pair_counts().wins)
    assert merged.rows == len(table)


def test_tables_of_different_people_do_not_add() -> None:
    with pytest.raises(TableError, match="same items"):
        random_comparisons(0, people=3, annotator_ids=range(9)) + random_comparisons(0, people=3)


def test_ballots_know_their_pairs() -> None:
    margins = tennessee().pair_counts().margins
    assert margins.tolist() == [
        [0, -16, -16, -16],
        [16, 0, 36, 36],
        [16, -36, 0, 66],
        [16, -36, -66, 0],
    ]


def test_what_was_not_shown_is_missing_and_what_was_shown_but_not_ranked_is_last() -> None:
    table = Ballots.from_arrays(
        [0, 1], [1], [0], shown_ptr=[0, 2], shown=[0, 1], n_items=3
    ).completed()
    assert table.pair_counts().wins.tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert table.profile[0].tolist() == [[1, 0, -1]]


def test_a_ballot_lists_an_item_once_and_only_if_it_was_shown() -> None:
    with pytest.raises(TableError, match="lists 1 twice"):
        Ballots.from_rankings([[0, 1, 1]])
    with pytest.raises(TableError, match="was not shown"):
        Ballots.from_arrays([0, 1], [1], [0], shown_ptr=[0, 1], shown=[0], n_items=2)


def test_equal_ballots_spread_half_their_length_over_their_pairs() -> None:
    table = random_ballots(1)
    pairs = pairs_from_rankings(table, equal_ballots=True)
    assert pairs.weights.sum() == pytest.approx(table.weights.sum() * table.n_items / 2)


def test_ballots_shard_like_rows() -> None:
    table = random_ballots(2)
    assert (
        table.take(np.arange(7)) + table.take(np.arange(7, len(table)))
    ).digest() == table.digest()


def test_ratings_become_rankings_per_annotator_and_group() -> None:
    ratings = Ratings.from_arrays(
        [0, 1, 2, 0, 1], [0, 0, 0, 1, 1], [1, 5, 5, 2, 1], group=[0, 0, 0, 0, 0]
    )
    ranked = rankings_from_ratings(ratings)
    assert ranked.profile[0].tolist() == [[0, 1, -1], [1, 0, 0]]
    near = rankings_from_ratings(ratings, delta=4)
    assert near.profile[0].tolist() == [[0, 0, 0], [0, 0, -1]]


def test_a_rating_outside_its_scale_is_refused() -> None:
    with pytest.raises(TableError, match="rating 6.0 in row 0 lies outside"):
        Ratings.from_arrays([0], [0], [6], lo=1, hi=5)


def test_not_applicable_leaves_both_sums_of_a_checklist() -> None:
    table = Labels.from_arrays(
        [0, 0, 0, 1], [0, 0, 0, 0], [1, 0, -1, -1], group=[0, 1, 2, 0], n_units=2, n_classes=2
    )
    scores = checklist_scores(table, yes=1, criterion_weight=np.array([3.0, 1.0, 9.0]))
    assert scores[0] == 0.75
    assert np.isnan(scores[1])


def test_only_legal_conversions_exist() -> None:
    with pytest.raises(TableError, match="without inventing"):
        convert(random_comparisons(0), (Ballots,))
    with pytest.raises(TableError, match="without inventing"):
        convert(random_labels(0), (Ratings,))
    table, done = convert(tennessee(), (PairCounts,))
    assert isinstance(table, PairCounts)
    assert done == ("rankings into all implied pairs",)


def test_ids_do_not_depend_on_the_order_of_rows() -> None:
    codes, ids = factorise(["b", None, "a", "b"])
    assert ids == ("a", "b")
    assert codes.tolist() == [1, -1, 0, 1]
