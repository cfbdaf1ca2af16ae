"""Whether voters of a ranked rule could gain by voting otherwise than they think.

For each ballot that was cast, a coalition of s of its voters casts another ballot instead. They
gain if, by the ballot they meant, everybody who wins now is at least as good for them as everybody
who won before, and somebody is strictly better (Kelly's comparison of sets of winners). Up to FULL
items every strict order is tried; beyond that for every item they like better than a winner: that
item first and the winners last (compromising and burying), and each of the two alone.

Every reasonable rule can be manipulated for some votes (Gibbard 1973, Satterthwaite 1975), so what
matters is by how many people: `count` is the smallest coalition found, an upper bound on the least
(exact for single voters up to FULL items). That a search is hard in the worst case protects nobody
here. With votes cast at random a coalition of order sqrt(n) sways most rules (Mossel, Procaccia &
Rácz 2013), so `per_root` = count / sqrt(n) says how safe an election is beyond chance. Pure.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Method
from aggregation.tables import Ballots

Longs = NDArray[np.int64]
Watch = Callable[[int], object]
FULL = 5  # items up to which all strict orders are tried
MOST_FITS = 3_000


@dataclass(frozen=True)
class Strategy:
    """`count` voters of `ballot` (best first, tied items together) cast `cast` instead; then
    `winners` win.
    """

    ballot: tuple[tuple[Any, ...], ...]
    cast: tuple[tuple[Any, ...], ...]
    count: float
    winners: tuple[Any, ...]


@dataclass(frozen=True)
class Manipulation:
    """What was found.

    winners   who wins as the votes are;  count  the smallest coalition that can gain, None: none
    per_root  count / sqrt(voters);  strategies  the smallest one for each ballot that has any
    exposed   share of the voters (by weight) who hold such a ballot
    complete  False: the search ended at MOST_FITS before everything was tried
    """

    winners: tuple[Any, ...]
    voters: float
    count: float | None
    per_root: float
    exposed: float
    strategies: tuple[Strategy, ...]
    fits: int
    complete: bool


def manipulation(
    method: Method,
    ballots: Ballots,
    options: Any = None,
    *,
    most_fits: int = MOST_FITS,
    watch: Watch | None = None,
) -> Manipulation:
    """Search for coalitions of like-minded voters who gain. Ballots of most voters come first."""
    levels, weight = ballots.completed().profile
    tiers: Longs = levels[weight > 0].astype(np.int64)
    weight = weight[weight > 0]
    seen = np.flatnonzero((tiers >= 0).any(axis=0))
    search = _Search(method, options, tiers, weight, ballots, most_fits, watch or _unwatched)
    if not len(tiers) or len(seen) < 2:
        return Manipulation((), float(weight.sum()), None, float("nan"), 0.0, (), 0, True)
    before = search.winners(tiers, weight)
    found = []
    for row in np.argsort(-weight, kind="stable"):
        strategy = search.smallest(int(row), before)
        if strategy is not None:
            found.append((int(row), strategy))
    total = float(weight.sum())
    count = min((s.count for _, s in found), default=None)
    return Manipulation(
        tuple(ballots.ids[w] for w in before),
        total,
        count,
        float("nan") if count is None else count / total**0.5,
        sum(float(weight[row]) for row, _ in found) / total,
        tuple(sorted((s for _, s in found), key=lambda s: s.count)),
        search.fits,
        search.fits < most_fits,
    )


def _unwatched(done: int) -> None:
    """Nobody asked how far the search is."""


@dataclass
class _Search:
    method: Method
    options: Any
    tiers: Longs
    weight: NDArray[np.float64]
    ballots: Ballots
    most_fits: int
    watch: Watch
    fits: int = 0

    def winners(self, tiers: Longs, weight: NDArray[np.float64]) -> tuple[int, ...]:
        self.fits += 1
        self.watch(min(self.fits, self.most_fits))
        rankings = [_order(row) for row in tiers]
        table = Ballots.from_rankings(rankings, weight=weight, ids=self.ballots.ids)
        return self.method.fit(table, self.options).winners

    def smallest(self, row: int, before: tuple[int, ...]) -> Strategy | None:
        """The smallest coalition of this ballot's voters found to gain: sizes 1, 2, 4 … up to all
        of them, then bisected.
        """
        meant = self.tiers[row]
        if not before or not _would_rather(meant, before):
            return None
        sizes = _sizes(float(self.weight[row]))
        for place, size in enumerate(sizes):
            for cast in _alternatives(meant, before):
                won = self._after(row, cast, size)
                if won is None:
                    return None
                if _gain(meant, before, won):
                    low = sizes[place - 1] if place else 0.0
                    return self._bisected(row, before, cast, low, size, won)
        return None

    def _bisected(
        self,
        row: int,
        before: tuple[int, ...],
        cast: Longs,
        low: float,
        high: float,
        won: tuple[int, ...],
    ) -> Strategy:
        while high - low > 1:
            middle = float(np.floor((low + high) / 2))
            now = self._after(row, cast, middle)
            if now is None:
                break
            if _gain(self.tiers[row], before, now):
                high, won = middle, now
            else:
                low = middle
        named = self._named
        winners = tuple(self.ballots.ids[w] for w in won)
        return Strategy(named(self.tiers[row]), named(cast), high, winners)

    def _after(self, row: int, cast: Longs, size: float) -> tuple[int, ...] | None:
        """Who wins when `size` voters cast another ballot; None when the search is over."""
        if self.fits >= self.most_fits:
            return None
        weight = self.weight.copy()
        weight[row] -= size
        tiers = np.vstack([self.tiers, cast[None, :]])
        weight = np.append(weight, size)
        return self.winners(tiers[weight > 0], weight[weight > 0])

    def _named(self, row: Longs) -> tuple[tuple[Any, ...], ...]:
        return tuple(tuple(self.ballots.ids[i] for i in tier) for tier in _order(row))


def _order(row: Longs) -> list[list[int]]:
    """A row of tiers as lists of tied items, best first."""
    return [np.flatnonzero(row == tier).tolist() for tier in np.unique(row[row >= 0])]


def _sizes(weight: float) -> list[float]:
    sizes = [1.0] if weight >= 1 else [weight]
    while sizes[-1] < weight:
        sizes.append(min(sizes[-1] * 2, weight))
    return sizes


def _would_rather(meant: Longs, before: tuple[int, ...]) -> bool:
    """Whether somebody shown is better than a winner, so that there is anything to gain."""
    worst = max(int(meant[w]) for w in before)
    return min(int(meant[w]) for w in before) >= 0 and bool(((meant >= 0) & (meant < worst)).any())


def _gain(meant: Longs, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Everybody in `after` at least as good as everybody in `before`, and somebody better."""
    old, new = meant[list(before)], meant[list(after)]
    if not len(new) or (new < 0).any() or (old < 0).any():
        return False
    return bool(new.max() <= old.min() and new.min() < old.max())


def _alternatives(meant: Longs, before: tuple[int, ...]) -> Iterator[Longs]:
    """Ballots worth trying instead, over the same items."""
    shown = np.flatnonzero(meant >= 0)
    if len(shown) <= FULL:
        for order in permutations(range(len(shown))):
            cast = np.full(len(meant), -1, dtype=np.int64)
            cast[shown] = order
            if (cast != meant).any():
                yield cast
        return
    worst = max(int(meant[w]) for w in before)
    for better in np.flatnonzero((meant >= 0) & (meant < worst)):
        for first, last in ((True, True), (True, False), (False, True)):
            key = meant.astype(np.float64)
            if first:
                key[better] = -1
            if last:
                key[list(before)] = np.where(np.array(before) == better, key[list(before)], np.inf)
            cast = np.full(len(meant), -1, dtype=np.int64)
            cast[shown] = np.unique(key[shown], return_inverse=True)[1]
            yield cast
