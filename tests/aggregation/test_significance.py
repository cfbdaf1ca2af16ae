"""Significant differences, and how many survive fewer judges."""

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.diagnostics.significance import (
    difference_variance,
    gorodkin,
    holm,
    p_values,
    preserved,
    significant_pairs,
    under_fewer_judges,
)
from aggregation.tables import Comparisons
from tests.aggregation.worlds import random_comparisons, twenty_two_games


def test_holms_textbook_example() -> None:
    """p = .01 .04 .03 .005 at .05: the first and the last are rejected (Holm–Bonferroni)."""
    assert holm(np.array([0.01, 0.04, 0.03, 0.005]), 0.05).tolist() == [True, False, False, True]
    assert holm(np.zeros(0), 0.05).tolist() == []


def test_p_value_of_the_twenty_two_games() -> None:
    """A against D: gap 1.26649, standard error .90771, so z = 1.3953 and p = .16294."""
    result = METHODS["bradley_terry"].fit(
        twenty_two_games(), METHODS["bradley_terry"].options(ci="hessian")
    )
    assert difference_variance(result)[0, 3] == pytest.approx(0.90771**2, abs=1e-5)
    assert p_values(result)[0, 3] == pytest.approx(0.16294, abs=1e-4)
    assert not significant_pairs(result).any()


def test_replicates_give_their_own_variance() -> None:
    table = random_comparisons(2)
    result = METHODS["win_rate"].fit(table, METHODS["win_rate"].options(replicates=50))
    assert result.replicates is not None
    gap = result.replicates[:, 1] - result.replicates[:, 3]
    assert difference_variance(result)[1, 3] == pytest.approx(gap.var(ddof=1))


def test_gorodkins_coefficient_is_matthews_for_two_classes() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, 60).astype(np.int8)
    y = np.where(rng.random(60) < 0.7, x, 1 - x).astype(np.int8)
    tp, tn = ((x == 1) & (y == 1)).sum(), ((x == 0) & (y == 0)).sum()
    fp, fn = ((x == 0) & (y == 1)).sum(), ((x == 1) & (y == 0)).sum()
    matthews = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn) + 0.0)
    assert gorodkin(x, y) == pytest.approx(matthews)
    assert np.isnan(gorodkin(np.zeros(4, np.int8), y[:4]))


def clear(people: int = 16) -> Comparisons:
    rng = np.random.default_rng(5)
    who = np.repeat(np.arange(people), 30)
    a = rng.integers(0, 4, len(who))
    b = (a + rng.integers(1, 4, len(who))) % 4
    strength = np.array([2.0, 1.0, -1.0, -2.0])
    y = np.where(strength[a] - strength[b] + rng.logistic(size=len(who)) > 0, 1, -1)
    return Comparisons.from_arrays(a, b, y, annotator=who)


def test_a_result_preserves_its_own_significance() -> None:
    result = METHODS["bradley_terry"].fit(clear())
    same = preserved(result, result)
    assert same.full == same.cheap == same.kept == 6
    assert (same.precision, same.recall, same.f1, same.flipped, same.tau) == (1, 1, 1, 0, 1)
    assert same.mcc == pytest.approx(1)


def test_reversed_results_flip_every_pair() -> None:
    table = clear()
    mirrored = Comparisons.from_arrays(table.b, table.a, table.y, annotator=table.annotator)
    full, cheap = METHODS["bradley_terry"].fit(table), METHODS["bradley_terry"].fit(mirrored)
    told = preserved(full, cheap)
    assert (told.kept, told.flipped, told.tau) == (0, told.full, -1)
    with pytest.raises(ValueError, match="same items"):
        preserved(full, METHODS["bradley_terry"].fit(random_comparisons(1)))


def test_fewer_judges_find_less_and_say_how_much() -> None:
    table, method = random_comparisons(4, n=600, items=6, people=24), METHODS["bradley_terry"]
    seen: list[int] = []
    rows = under_fewer_judges(method.fit, table, draws=8, watch=seen.append)
    assert [row.people for row in rows] == [6, 12, 18]
    assert seen[-1] == 1 + 3 * 8
    assert rows[0].recall < rows[2].recall
    assert rows == under_fewer_judges(method.fit, table, draws=8)
    assert all(row.recall_lo <= row.recall <= row.recall_hi for row in rows)


def test_three_judges_are_too_few_to_part() -> None:
    table = random_comparisons(4, people=3)
    assert under_fewer_judges(METHODS["bradley_terry"].fit, table) == ()
    assert under_fewer_judges(METHODS["bradley_terry"].fit, twenty_two_games()) == ()


def test_parts_that_never_met_are_not_tested_against_each_other() -> None:
    table = Comparisons.from_arrays(
        [0, 1, 0, 2, 3, 2] * 5, [1, 0, 1, 3, 2, 3] * 5, [1, -1, -1] * 10,
        annotator=np.arange(30) % 7,  # of whom no two say the same
    )  # fmt: skip
    p = p_values(METHODS["bradley_terry"].fit(table))
    assert np.isnan(p[0, 2])
    assert np.isfinite(p[0, 1])
