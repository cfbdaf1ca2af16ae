"""The bootstrap over annotators and prompts: its weights, its width, and its promise."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from aggregation.catalogue import METHODS
from aggregation.resampling import resample
from aggregation.tables import Comparisons, Table
from aggregation.uncertainty import (
    cluster_weights,
    expanded_level,
    two_way_shrunk,
    two_way_weight_rows,
)
from aggregation.warning_codes import WarningCode
from tests.aggregation.worlds import random_ballots, random_comparisons, random_ratings

BOTH = "annotators_and_prompts"
Floats = NDArray[np.float64]


def crossed(
    seed: int, people: int = 10, prompts: int = 8, prompt_effect: float = 1.0
) -> Comparisons:
    """Everyone judges every prompt once; on each prompt the items' strengths differ."""
    rng = np.random.default_rng(seed)
    own = rng.normal(scale=prompt_effect, size=(prompts, 3))
    who, prompt = (grid.ravel() for grid in np.indices((people, prompts)))
    a = rng.integers(0, 3, len(who))
    b = (a + rng.integers(1, 3, len(who))) % 3
    y = np.where(own[prompt, a] - own[prompt, b] + rng.logistic(size=len(who)) > 0, 1, -1)
    return Comparisons.from_arrays(a, b, y, annotator=who, group=prompt, n_items=3)


def test_weights_are_products_and_pair_with_the_one_way_ones() -> None:
    who, prompt = np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1])
    blocks = list(two_way_weight_rows(3, 20, who, prompt, (3, 2), block=7))
    assert [len(block) for block in blocks] == [7, 7, 6]
    whole = np.concatenate(blocks)
    people = cluster_weights(3, 20, 3)
    factor = whole / people[:, who]
    assert np.allclose(factor[:, 0], factor[:, 1])
    assert np.allclose(factor[:, 2], factor[:, 3])
    assert not np.allclose(factor[:, 0], factor[:, 2])
    again = np.concatenate(list(two_way_weight_rows(3, 20, who, prompt, (3, 2), block=20)))
    assert np.array_equal(whole, again)


def test_grouped_counts_equal_reweighted_rows() -> None:
    """The quick way over (annotator, prompt) cells against plain reweighting of every row."""
    table, method = crossed(1), METHODS["win_rate"]
    options = method.options(replicates=12, vary=BOTH, seed=5)
    result = method.fit(table, options)
    assert result.replicates is not None
    people = cluster_weights(5, 12, 10)
    (prompts,) = two_way_weight_rows(
        5, 12, np.zeros(8, np.int32), np.arange(8, dtype=np.int32), (10, 8), block=12
    )
    assert table.annotator is not None
    assert table.group is not None
    weights = [
        people[b, table.annotator] * (prompts[b] / people[b, 0])[table.group] for b in range(12)
    ]
    plain = np.array([method.fit(table.reweighted(weight)).score for weight in weights])
    away = plain - plain.mean(axis=0)
    drawn_in = (result.replicates - plain.mean(axis=0)) / away
    assert np.allclose(drawn_in, drawn_in[0])  # the same for all replicates of an item
    assert (drawn_in[0] > 0.3).all()
    assert (drawn_in[0] <= 1).all()


def test_replicates_shrink_to_the_variance_that_both_ways_really_have() -> None:
    """A mean of 40 x 30 cells: A = 1/40, B = .49/30 and C = 2.25/1200 by construction."""
    rng = np.random.default_rng(2)
    people, prompts = rng.exponential(size=(4000, 40)), rng.exponential(size=(4000, 30))
    own, shift, noise = (
        z - z.mean() for z in (rng.normal(size=40), rng.normal(0, 0.7, 30), rng.normal(0, 9, 1200))
    )
    cells = (own[:, None] + shift[None, :]) + noise.reshape(40, 30)

    def means(first: Floats, second: Floats) -> Floats:
        weighed = np.einsum("bi,bj,ij->b", first, second, cells)
        return np.asarray((weighed / (first.sum(axis=1) * second.sum(axis=1)))[:, None])

    both = means(people, prompts)
    one, other = means(people, np.ones_like(prompts)), means(np.ones_like(people), prompts)
    shrunk = two_way_shrunk(both, one, other)
    a, b = cells.mean(axis=1).var() / 40, cells.mean(axis=0).var() / 30
    c = (cells - cells.mean(axis=1)[:, None] - cells.mean(axis=0) + cells.mean()).var() / 1200
    assert one.var() == pytest.approx(a, rel=0.1)
    assert other.var() == pytest.approx(b, rel=0.1)
    assert both.var() == pytest.approx(a + b + c, rel=0.1)
    assert shrunk.var() == pytest.approx(a + b - c, rel=0.2)


def test_shrinking_leaves_undefined_scores_and_constant_ones_alone() -> None:
    both = np.array([[1.0, np.nan, 2.0], [1.0, 3.0, 4.0], [1.0, 1.0, 6.0]])
    shrunk = two_way_shrunk(both, both, both / 2)
    assert np.array_equal(shrunk[:, :2], both[:, :2], equal_nan=True)
    assert np.isfinite(shrunk[:, 2]).all()


@pytest.mark.parametrize("slug", ["bradley_terry", "win_rate", "davidson", "borda", "mean"])
def test_every_road_to_replicates_knows_both_ways(slug: str) -> None:
    table: Table = random_comparisons(1, group=np.arange(240) % 7)
    if slug == "mean":
        table = random_ratings(2, groups=4)
    if slug == "borda":
        ballots = random_ballots(1)
        contexts = np.arange(len(ballots), dtype=np.int32) % 5
        table = replace(ballots, group=contexts, group_ids=tuple(range(5)))
    method = METHODS[slug]
    one = method.fit(table, method.options(replicates=30))
    two = method.fit(table, method.options(replicates=30, vary=BOTH))
    assert one.replicates is not None
    assert two.replicates is not None
    assert one.replicates.shape == two.replicates.shape
    assert not np.allclose(one.replicates, two.replicates, equal_nan=True)
    assert WarningCode.PROMPTS_UNKNOWN not in two.codes


def test_intervals_widen_where_prompts_matter() -> None:
    method = METHODS["bradley_terry"]
    width = {"annotators": 0.0, BOTH: 0.0}
    for seed in range(8):
        table = crossed(seed, prompt_effect=2.0)
        for vary in width:
            se = method.fit(table, method.options(replicates=100, vary=vary)).se
            assert se is not None
            width[vary] += float(se.mean())
    assert width[BOTH] > 1.4 * width["annotators"]


def test_without_prompts_only_annotators_vary_and_it_is_said() -> None:
    table, method = random_comparisons(1), METHODS["bradley_terry"]
    two = method.fit(table, method.options(replicates=20, vary=BOTH))
    one = method.fit(table, method.options(replicates=20))
    assert WarningCode.PROMPTS_UNKNOWN in two.codes
    assert one.replicates is not None
    assert two.replicates is not None
    assert np.allclose(one.replicates, two.replicates)
    assert WarningCode.PROMPTS_UNKNOWN not in method.fit(table, method.options(vary=BOTH)).codes


def test_one_annotator_still_shows_no_spread() -> None:
    table = crossed(2, people=1)
    options = METHODS["win_rate"].options(replicates=10, vary=BOTH)
    assert resample(METHODS["win_rate"].solve, table, table.pair_counts(), METHODS["win_rate"].fit(
        table), options) is None  # fmt: skip


def world(seed: int, people: int = 30, prompts: int = 30) -> Comparisons:
    """Two items; 60 % of each annotator's and each prompt's tilt is shared by nobody else."""
    rng = np.random.default_rng([11, seed])
    tilt = rng.normal(scale=0.6, size=people)[:, None] + rng.normal(scale=0.6, size=prompts)
    who, prompt = (grid.ravel() for grid in np.indices((people, prompts)))
    kept = rng.random(len(who)) < 0.4
    who, prompt = who[kept], prompt[kept]
    y = np.where(tilt[who, prompt] + rng.logistic(size=len(who)) > 0, 1, -1)
    zeros = np.zeros(len(who), dtype=int)
    return Comparisons.from_arrays(zeros, zeros + 1, y, annotator=who, group=prompt)


def test_two_way_intervals_cover_where_one_way_ones_fall_short() -> None:
    """The true share is one half by symmetry; 120 worlds leave a standard error of 2 points."""
    method, inside = METHODS["win_rate"], {"annotators": 0, BOTH: 0}
    worlds = 120
    for seed in range(worlds):
        for vary in inside:
            result = method.fit(world(seed), method.options(replicates=100, vary=vary))
            assert result.lo is not None
            assert result.hi is not None
            inside[vary] += bool(result.lo[0] <= 0.5 <= result.hi[0])
    assert inside[BOTH] / worlds >= 0.90
    assert inside["annotators"] / worlds < 0.88


def test_few_annotators_get_wider_percentiles() -> None:
    """Five clusters: sqrt(5/4) t_4(.975) = 1.11803 * 2.77645 = 3.10417, so 2 Phi - 1 = .99809."""
    assert expanded_level(0.95, 5) == pytest.approx(0.99809, abs=1e-5)
    assert expanded_level(0.95, 60) == pytest.approx(0.95637, abs=1e-4)
    assert expanded_level(0.95, 10**6) == pytest.approx(0.95, abs=1e-5)
    assert expanded_level(0.95, 1) == 0.95
    levels = [expanded_level(0.9, clusters) for clusters in range(2, 40)]
    assert levels == sorted(levels, reverse=True)


def test_bounds_are_expanded_percentiles_of_the_replicates() -> None:
    table, method = random_comparisons(1, people=6), METHODS["win_rate"]
    result = method.fit(table, method.options(replicates=80))
    assert result.replicates is not None
    assert result.lo is not None
    tail = (1 - expanded_level(0.95, 6)) / 2
    assert result.lo == pytest.approx(np.quantile(result.replicates, tail, axis=0))
