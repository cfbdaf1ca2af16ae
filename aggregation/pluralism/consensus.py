"""Statements that unite groups, and statements that split them.

Share of agreement of group g with statement s: (agrees + 1) / (votes + 2), a pass counted as a
vote without agreement. Group-informed consensus is the product of the shares over groups, high only
where every group agrees; the gap is the largest difference of shares between two groups. Statements
with fewer than `least` votes in some group get NaN: there the prior would speak.

Source: Small, Bjorkegren, Erkkilä, Shaw & Megill (2021), Polis: Scaling deliberation by mapping
high dimensional opinion spaces.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupAgreement:
    """share float64[G, S] of agreement;  consensus, gap float64[S], NaN where votes are few."""

    share: Floats
    consensus: Floats
    gap: Floats


def group_agreement(
    statement: ArrayLike,
    agreed: ArrayLike,
    group: ArrayLike,
    n_statements: int,
    n_groups: int,
    least: int = 10,
) -> GroupAgreement:
    """From votes: statement int[N], agreed bool[N], group int[N] of the voter (-1: in none)."""
    who = np.asarray(group, dtype=np.int64)
    kept = who >= 0
    cell = who[kept] * n_statements + np.asarray(statement, dtype=np.int64)[kept]
    size = n_groups * n_statements
    votes = np.bincount(cell, minlength=size).reshape(n_groups, n_statements)
    yes = np.bincount(cell, np.asarray(agreed, dtype=float)[kept], minlength=size)
    share = (yes.reshape(votes.shape) + 1) / (votes + 2)
    enough = votes.min(axis=0) >= least
    return GroupAgreement(
        share,
        np.where(enough, share.prod(axis=0), np.nan),
        np.where(enough, share.max(axis=0) - share.min(axis=0), np.nan),
    )
