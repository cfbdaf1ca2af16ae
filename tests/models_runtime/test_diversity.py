"""The Vendi score against its definition, its limits and its properties; near-duplicates."""

import math
import random
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_runtime.diversity import effective_number, vendi_score
from models_runtime.diversity.duplicates import (
    NearPair,
    edit_distance,
    near_duplicates,
    normalised_edit_distance,
)
from models_runtime.novelty import Rule, fault_of, vectors_of

ORDERS = (0.0, 0.5, 1.0, 2.0, 7.5, math.inf)


def by_definition(vectors: Any, order: float) -> float:
    """The trace of a matrix power, without eigenvalues of our own choosing."""
    rows = np.array(vectors, dtype=float)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    kernel = rows @ rows.T / len(rows)
    if order == 1:
        values = np.linalg.svd(kernel, compute_uv=False)
        values = values[values > 1e-12]
        return float(np.exp(-(values * np.log(values)).sum()))
    return float(np.trace(np.linalg.matrix_power(kernel, int(order))) ** (1 / (1 - order)))


@pytest.mark.parametrize("order", ORDERS)
def test_equal_texts_are_one_and_orthogonal_ones_are_n(order: float) -> None:
    assert vendi_score([[0.6, 0.8]] * 5, order=order) == pytest.approx(1)
    assert vendi_score(np.eye(4).tolist(), order=order) == pytest.approx(4)


def test_two_vectors_at_a_known_angle() -> None:
    """cos 60° = 1/2 gives eigenvalues 3/4 and 1/4."""
    pair = [[1.0, 0.0], [0.5, math.sqrt(3) / 2]]
    assert vendi_score(pair, order=0) == 2
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert vendi_score(pair, order=1) == pytest.approx(math.exp(entropy))
    assert vendi_score(pair, order=2) == pytest.approx(1 / (9 / 16 + 1 / 16))
    assert vendi_score(pair, order=math.inf) == pytest.approx(4 / 3)


def test_groups_of_equal_things_count_by_their_shares() -> None:
    """Three of one kind, one of another: Hill's numbers of (3/4, 1/4)."""
    kinds = [[1.0, 0.0]] * 3 + [[0.0, 2.0]]
    for order in ORDERS:
        hill = effective_number([0.75, 0.25], order=order)
        assert vendi_score(kinds, order=order) == pytest.approx(hill)


vectors = st.integers(2, 6).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(-5, 5), min_size=width, max_size=width).filter(any),
        min_size=1,
        max_size=7,
    )
)


@given(vectors, st.sampled_from(ORDERS), st.randoms())
@settings(max_examples=60, deadline=None)
def test_it_knows_no_order_no_scale_and_no_copies_of_the_whole(
    rows: list[list[float]], order: float, random: Any
) -> None:
    score = vendi_score(rows, order=order)
    mixed = random.sample(rows, len(rows))
    longer = [[3 * value for value in row] for row in rows]
    assert vendi_score(mixed, order=order) == pytest.approx(score)
    assert vendi_score(longer, order=order) == pytest.approx(score)
    assert vendi_score(rows * 3, order=order) == pytest.approx(score)
    assert 1 - 1e-9 <= score <= len(rows) + 1e-9


@given(vectors)
@settings(max_examples=60, deadline=None)
def test_two_of_a_kind_are_one_with_weight_two(rows: list[list[float]]) -> None:
    weighted = vendi_score(rows, weights=[2.0, *[1.0] * (len(rows) - 1)])
    assert vendi_score([rows[0], *rows]) == pytest.approx(weighted)


@given(vectors, st.sampled_from((1.0, 2.0, 3.0)))
@settings(max_examples=60, deadline=None)
def test_it_is_what_the_definition_says(rows: list[list[float]], order: float) -> None:
    assert vendi_score(rows, order=order) == pytest.approx(by_definition(rows, order), rel=1e-6)


@given(vectors)
@settings(max_examples=40, deadline=None)
def test_higher_orders_never_count_more_and_one_is_a_limit(rows: list[list[float]]) -> None:
    scores = [vendi_score(rows, order=order) for order in ORDERS]
    assert scores == sorted(scores, reverse=True) or np.diff(scores).max() < 1e-9
    assert vendi_score(rows, order=1 + 1e-6) == pytest.approx(scores[2], rel=1e-4)
    assert vendi_score(rows, order=500) == pytest.approx(scores[-1], rel=0.02)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: vendi_score([]),
        lambda: vendi_score([[1.0], [1.0, 2.0]]),
        lambda: vendi_score([[0.0, 0.0]]),
        lambda: vendi_score([[math.nan, 1.0]]),
        lambda: vendi_score([[1.0]], order=-1),
        lambda: vendi_score([[1.0]], order=math.nan),
        lambda: vendi_score([[1.0]], weights=[0.0]),
    ],
)
def test_what_has_no_score_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        wrong()


def slowly(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            above, row[j] = row[j], min(above + (letter != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]


@given(st.text("abé😀", max_size=80), st.text("abé😀", max_size=80))
@settings(max_examples=150, deadline=None)
def test_edits_are_counted_as_the_table_does(a: str, b: str) -> None:
    assert edit_distance(a, b) == slowly(a, b) == edit_distance(b, a)


def test_edit_distances_by_hand() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert normalised_edit_distance("kitten", "sitting") == pytest.approx(3 / 7)
    assert normalised_edit_distance("", "") == 0
    assert normalised_edit_distance("", "ab") == 1


@given(st.lists(st.text("ab", max_size=14), max_size=5), st.sampled_from((0.0, 0.1, 0.3, 1.0)))
@settings(max_examples=100, deadline=None)
def test_the_quick_bound_misses_no_pair(texts: list[str], most: float) -> None:
    found = {(pair.first, pair.second) for pair in near_duplicates(texts, most_edits=most)}
    places = [(i, j) for j in range(len(texts)) for i in range(j)]
    assert found == {
        (i, j) for i, j in places if normalised_edit_distance(texts[i], texts[j]) <= most + 1e-9
    }


def test_pairs_are_flagged_by_meaning_or_by_letters() -> None:
    texts = ["Ask them kindly.", "Ask them kindly!", "Do speak with your neighbours."]
    vectors = [[1.0, 0.0], [0.0, 1.0], [0.95, math.sqrt(1 - 0.95**2)]]
    letters, meaning = near_duplicates(texts, vectors)
    assert letters == NearPair(0, 1, 0.0, 1 / 16)
    assert (meaning.first, meaning.second, meaning.edits) == (0, 2, None)
    assert meaning.cosine == pytest.approx(0.95)
    assert near_duplicates(texts, vectors, least_cosine=1, most_edits=0) == []


def test_of_many_pairs_the_first_are_enough() -> None:
    found = near_duplicates(["The same."] * 50, most=10)
    assert [(pair.first, pair.second) for pair in found] == [(0, place) for place in range(1, 11)]


def test_hundreds_of_candidates_are_held_against_each_other_in_a_sweep() -> None:
    """Pair by pair in Python this took minutes; a thousand take seconds now."""
    drawn = random.Random(3)
    words = [f"{a}{b}{c}" for a in "bdfgkl" for b in "aeiou" for c in ("n", "r", "st", "")]
    texts = [" ".join(drawn.choices(words, k=80)) for _ in range(300)]
    texts[250] = f"{texts[40]}!"
    began = time.process_time()
    kept = [0]
    for place in range(1, len(texts)):
        if fault_of(texts[place], [texts[each] for each in kept], Rule()) is None:
            kept.append(place)
    pairs = near_duplicates(texts, vectors_of(texts))
    assert time.process_time() - began < 10
    assert set(range(300)) - set(kept) == {250}
    assert [(pair.first, pair.second) for pair in pairs] == [(40, 250)]


def test_limits_and_vectors_must_fit() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        near_duplicates(["a"], least_cosine=2)
    with pytest.raises(ValueError, match="every text"):
        near_duplicates(["a", "b"], [[1.0]])
