"""A result says the same after a journey through JSON, and methods can be laid side by side."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregation.catalogue import METHODS
from aggregation.options import OptionError
from aggregation.results import SENTENCES, AggregateResult, WarningCode, compare
from aggregation.uncertainty import (
    best_from_cov,
    best_from_replicates,
    cluster_weight_rows,
    cluster_weights,
    competition_ranks,
    rank_bounds_from_cov,
)
from tests.aggregation.worlds import random_comparisons, twenty_two_games


def test_every_code_has_a_sentence_that_says_what_to_do() -> None:
    assert set(SENTENCES) == set(WarningCode)
    assert all(len(text.split()) > 8 for text in SENTENCES.values())


def test_json_and_back_is_byte_stable() -> None:
    options = METHODS["bradley_terry"].options(replicates=5)
    text = METHODS["bradley_terry"].fit(random_comparisons(3, n=30), options).to_json()
    assert AggregateResult.from_json(text).to_json() == text


def test_running_time_is_no_part_of_the_digest() -> None:
    method = METHODS["bradley_terry"]
    first, second = method.fit(twenty_two_games()), method.fit(twenty_two_games())
    assert first.digest() == second.digest()


def test_the_digest_of_the_input_is_that_of_the_table_whenever_it_is_asked_for() -> None:
    table = twenty_two_games()
    result = METHODS["borda"].fit(table)
    renamed = replace(result, conversions=("told",))
    assert result.input_digest == renamed.input_digest == table.digest()
    assert AggregateResult.from_json(result.to_json()).input_digest == table.digest()
    assert AggregateResult("by hand", (), np.zeros(0), "points").input_digest == ""


def test_a_result_holds_its_table_no_longer_than_until_its_digest_is_known() -> None:
    table = twenty_two_games()
    result, held = METHODS["win_rate"].fit(table), weakref.ref(table)
    del table
    assert held() is not None
    assert len(result.input_digest) == 64
    gc.collect()
    assert held() is None


def test_undefined_scores_survive_json() -> None:
    result = METHODS["bradley_terry"].fit(random_comparisons(1, n=0))
    again = AggregateResult.from_json(result.to_json())
    assert np.isnan(again.score).all()
    assert WarningCode.EMPTY in again.codes


def test_equal_scores_share_the_best_rank_and_undefined_ones_have_none() -> None:
    score = np.array([2.0, 5.0, 5.0, np.nan, 1.0])
    assert competition_ranks(score).tolist() == [3, 1, 1, 0, 4]
    assert competition_ranks(score, np.array([0, 0, 1, -1, 1])).tolist() == [2, 1, 1, 0, 2]


@given(
    st.lists(
        st.sampled_from([0.0, 1.0, 1.0 + 1e-10, 1.0 + 1e-8, -3.0, 2e9, 2e9 + 1, 1e300]), max_size=9
    )
)
def test_items_that_are_all_comparable_rank_as_they_do_beside_items_nobody_saw(
    score: list[float],
) -> None:
    alone = competition_ranks(np.array(score))
    beside = competition_ranks(np.array([*score, np.nan]))
    assert [*alone.tolist(), 0] == beside.tolist()
    larger = np.maximum(np.abs(score).max(initial=0.0), 1.0)
    drops = np.diff(sorted(score)[::-1]) < -1e-9 * larger
    first = np.maximum.accumulate(np.where(drops, np.arange(len(drops)) + 2, 1))
    assert sorted(alone.tolist()) == [1, *first.tolist()][: len(score)]


def test_all_methods_see_the_same_weights() -> None:
    whole = cluster_weights(7, 100, 5)
    assert np.array_equal(np.concatenate(list(cluster_weight_rows(7, 100, 5, block=33))), whole)
    assert whole.mean() == pytest.approx(1.0, abs=0.1)


def test_rank_bounds_come_from_differences() -> None:
    score = np.array([1.0, 0.9, -2.0])
    shared = (
        np.full((3, 3), 100.0) + np.eye(3) * 0.01
    )  # a large common error that differences don't feel
    low, high = rank_bounds_from_cov(score, shared, 0.95, np.zeros(3, dtype=np.int64))
    assert low.tolist() == [1, 1, 3]
    assert high.tolist() == [2, 2, 3]


def test_rank_bounds_of_many_items_are_those_of_each_pair() -> None:
    rng = np.random.default_rng(0)
    K = 700  # rows are treated in blocks
    score, component = rng.normal(size=K), rng.integers(0, 2, K)
    score[5] = np.nan
    root = rng.normal(size=(K, K)) / 40
    cov = root @ root.T
    low, high = rank_bounds_from_cov(score, cov, 0.9, component)
    for i in (0, 5, 350, 699):
        se = np.sqrt(np.diagonal(cov) + cov[i, i] - 2 * cov[i])
        above = (score - score[i]) / np.maximum(se, 1e-12) if i != 5 else np.full(K, np.nan)
        mates = component == component[i]
        assert low[i] == (0 if i == 5 else 1 + (mates & (above > 1.6448536)).sum())
        surely_worse = (mates & (above < -1.6448536)).sum()
        assert high[i] == (0 if i == 5 else (mates & np.isfinite(score)).sum() - surely_worse)


def test_p_best_is_a_share_of_replicates() -> None:
    assert best_from_replicates(np.array([[1, 2], [3, 1], [2, 2], [5, np.nan]])).tolist() == [
        0.625,
        0.375,
    ]
    chance = best_from_cov(np.array([0.0, 0.0]), np.eye(2), np.random.default_rng(0))
    assert chance == pytest.approx([0.5, 0.5], abs=0.03)


def test_methods_are_compared_by_item_whatever_their_order() -> None:
    table = twenty_two_games()
    one = METHODS["bradley_terry"].fit(table)
    two = METHODS["win_rate"].fit(table)
    side = compare([one, two], top=2)
    assert side.rank.shape == (2, 4)
    assert side.kendall[0, 0] == 1.0
    assert side.spread.tolist() == np.abs(side.rank[0] - side.rank[1]).tolist()
    assert side.jaccard[0, 1] == 1.0


def test_an_option_out_of_range_or_unknown_is_refused() -> None:
    options = METHODS["bradley_terry"].options
    with pytest.raises(OptionError, match="at least 0"):
        options(penalty=-1.0)
    with pytest.raises(OptionError, match="Unknown option 'pealty'"):
        options.parse({"pealty": "1"})
    with pytest.raises(OptionError, match="allowed are: half, drop"):
        options.parse({"ties": "maybe"})
    with pytest.raises(OptionError, match="needs a number"):
        options.parse({"penalty": "much"})
    assert options.parse({"anchor": "none", "penalty": "0.5"}) == options(penalty=0.5)


def test_the_options_of_another_method_are_refused() -> None:
    with pytest.raises(TypeError, match="BradleyTerryOptions"):
        METHODS["bradley_terry"].fit(twenty_two_games(), METHODS["win_rate"].options())
