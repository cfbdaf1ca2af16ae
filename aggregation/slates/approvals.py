"""Approval sets of weighted voters, the common ground of the rules for slates."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aggregation.tables import Ballots

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Approvals:
    """V distinct approval sets over M items.

    approved  bool[V, M]
    weight    float64[V], how many voters hold the set (> 0); a voter who approves nothing counts
    """

    approved: Bools
    weight: Floats

    @classmethod
    def of(cls, sets: Sequence[Iterable[int]], n_items: int, weight: Any = None) -> Self:
        """From lists of approved items, one voter each unless weighted."""
        approved = np.zeros((len(sets), n_items), dtype=np.bool_)
        for voter, chosen in enumerate(sets):
            approved[voter, list(chosen)] = True
        return cls(approved, np.ones(len(sets)) if weight is None else np.asarray(weight, float))

    @classmethod
    def from_ballots(cls, ballots: Ballots, tiers: int = 1) -> Self:
        """An item is approved where it stands in one of the first `tiers` tiers of a ballot."""
        levels, weight = ballots.completed().profile
        kept = weight > 0
        approved = (levels[kept] >= 0) & (levels[kept] < tiers)
        return cls(approved, weight[kept]).merged()

    def merged(self) -> Self:
        """The same voters with equal sets put together."""
        if not self.approved.size:
            return type(self)(self.approved[:1], np.array([self.weight.sum()])[: len(self.weight)])
        sets, which = np.unique(self.approved, axis=0, return_inverse=True)
        total = np.bincount(which.ravel(), self.weight, minlength=len(sets))
        return type(self)(sets, total.astype(np.float64))

    def take(self, items: Longs) -> Self:
        """Only these items, renumbered."""
        return type(self)(self.approved[:, items], self.weight).merged()

    @property
    def n_items(self) -> int:
        return int(self.approved.shape[1])

    @property
    def total(self) -> float:
        """Number of voters, by weight."""
        return float(self.weight.sum())

    @property
    def support(self) -> Floats:
        """Weight of the voters who approve of each item."""
        return np.asarray(self.weight @ self.approved, dtype=np.float64)


def public_order(ids: Sequence[object], seed: int) -> Longs:
    """Places of the items in an order anybody can recompute: SHA-256 of "seed|id", ascending."""
    keys = [hashlib.sha256(f"{seed}|{item!s}".encode()).hexdigest() for item in ids]
    places = np.empty(len(keys), dtype=np.int64)
    places[sorted(range(len(keys)), key=lambda k: (keys[k], str(ids[k])))] = np.arange(len(keys))
    return places
