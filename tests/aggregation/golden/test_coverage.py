"""Intervals keep their promise: over many worlds whose annotators differ, 95 % intervals cover
about 95 %.
"""

import numpy as np
import pytest

from aggregation.catalogue import METHODS
from aggregation.tables import Comparisons

WORLDS, ITEMS, PEOPLE, VOTES = 500, 5, 60, 25
TRUTH = np.linspace(0.8, -0.8, ITEMS)


def world(seed: int) -> Comparisons:
    """Everyone judges by strengths of his own around the common ones, so votes of one person are
    alike.
    """
    rng = np.random.default_rng([7, seed])
    own = TRUTH + 0.5 * rng.normal(size=(PEOPLE, ITEMS))
    who = np.repeat(np.arange(PEOPLE), VOTES)
    a = rng.integers(0, ITEMS, len(who))
    b = (a + rng.integers(1, ITEMS, len(who))) % ITEMS
    p = 1 / (1 + np.exp(own[who, b] - own[who, a]))
    return Comparisons.from_arrays(a, b, np.where(rng.random(len(who)) < p, 1, -1), annotator=who)


def target() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What Bradley–Terry estimates here: the strengths that fit the average person's win rates."""
    rng = np.random.default_rng(0)
    own = TRUTH + 0.5 * rng.normal(size=(200_000, ITEMS))
    wins = np.array(
        [
            [(1 / (1 + np.exp(own[:, j] - own[:, i]))).mean() for j in range(ITEMS)]
            for i in range(ITEMS)
        ]
    )
    a, b = (grid.ravel() for grid in np.indices((ITEMS, ITEMS)))
    kept = a != b
    table = Comparisons.from_arrays(
        a[kept], b[kept], np.ones(kept.sum()), weight=wins.ravel()[kept]
    )
    return METHODS["bradley_terry"].fit(table).score


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "worlds"), [({"ci": "cluster"}, WORLDS), ({"replicates": 200}, 150)]
)
def test_intervals_over_annotators_cover(options: dict[str, object], worlds: int) -> None:
    method, truth = METHODS["bradley_terry"], target()
    inside, gaps = [], []
    for seed in range(worlds):
        result = method.fit(world(seed), method.options(**options))
        assert result.lo is not None
        assert result.hi is not None
        inside.append((result.lo <= truth) & (truth <= result.hi))
        gap, se = result.difference(0, 1)
        gaps.append(abs(gap - (truth[0] - truth[1])) <= 1.96 * se)
    assert 0.92 <= np.mean(inside) <= 0.98
    assert 0.90 <= np.mean(gaps) <= 0.98


@pytest.mark.slow
def test_treating_votes_as_independent_would_cover_too_little() -> None:
    method, truth = METHODS["bradley_terry"], target()
    inside = []
    for seed in range(150):
        result = method.fit(world(seed), method.options(ci="hessian"))
        assert result.lo is not None
        assert result.hi is not None
        inside.append((result.lo <= truth) & (truth <= result.hi))
    assert np.mean(inside) < 0.92
