"""Where disagreement comes from: people with themselves, within their group, or between groups.

Two votes disagree when they favour different sides of the same pair in the same context. Three
rates are told apart, and what each adds:

    within annotators  the same person asked twice: carelessness, or changing one's mind (noise)
    within groups      two people of one group; what it adds to the first is ambiguity
    between groups     people of different groups; what it adds to the second is pluralism

A rate D of independent symmetric flips has a flip rate of (1 - sqrt(1 - 2D)) / 2. That reading is
offered for the first two rates only: between people who want different things it would call a
minority noise (two opposed groups .8/.2 that never err look like 20 % flips). Where D is above
one half there is no signal, and no flip rate.

Every pair of people weighs the same on a pair of items, however often each judged it. Ties say
nothing about sides and are left out. Memberships come from the same votes, so the step from within
to between groups is somewhat too large; its interval, from reweighted annotators with memberships
held fixed, doesn't show that. Rates without evidence (nobody judged twice, one group) are NaN.

Sources: Natarajan et al. (2013), Learning with Noisy Labels, for flips; Rubin (1981) for weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aggregation.tables import Comparisons
from aggregation.uncertainty import cluster_weight_rows

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Rate:
    """A number with its interval; NaN where there is no evidence. `pairs`: pairs of votes or people
    behind it.
    """

    value: float
    lo: float
    hi: float
    pairs: float


@dataclass(frozen=True)
class NoiseBudget:
    """Rates of disagreement, what each level adds, and flip rates that may be read from them."""

    within_annotators: Rate
    within_groups: Rate
    between_groups: Rate
    ambiguity: Rate
    pluralism: Rate
    flips_within_annotators: float
    flips_within_groups: float

    @property
    def one_group(self) -> bool:
        """No pluralism to be seen: the interval of what groups add reaches zero, or is unknown."""
        return not self.pluralism.lo > 0


def flip_rate(disagreement: float) -> float:
    """(1 - sqrt(1 - 2D)) / 2, NaN above one half (no signal) or where D is unknown."""
    if not 0 <= disagreement <= 0.5:
        return float("nan")
    return float((1 - np.sqrt(1 - 2 * disagreement)) / 2)


def noise_budget(
    table: Comparisons,
    people: ArrayLike,
    gamma: ArrayLike,
    *,
    replicates: int = 200,
    seed: int = 0,
    level: float = 0.95,
    voice: ArrayLike | None = None,
) -> NoiseBudget:
    """Split the disagreement in a table.

    people  int[A], cluster code of each annotator (as `GroupVotes.people`);  gamma  float[A, G + 1]
    their memberships, random votes last. Annotators who aren't among `people` are left out. `voice`
    int[N] names the row of gamma for each row of the table, -1 for none; it is needed where a
    person stands in `people` more than once.
    """
    codes = np.asarray(people, dtype=np.int64)
    rows = _rows_of_gamma(table, codes) if voice is None else np.asarray(voice, dtype=np.int64)
    cells = _Cells.of(table, codes, np.asarray(gamma, dtype=float), rows)
    _, count = table.clusters
    value = cells.rates(np.ones(len(cells.gamma)))
    drawn = [
        cells.rates(row[cells.people])
        for block in cluster_weight_rows(seed, replicates, max(count, 1))
        for row in block
    ]
    sizes = cells.evidence(np.ones(len(cells.gamma)))
    several = len(np.unique(codes[cells.who])) > 1 and len(drawn) > 1
    spread = np.array(drawn) if several else np.full((2, 5), np.nan)
    tail = (1 - level) / 2
    rates = []
    for c, pairs in enumerate((*sizes, sizes[1], sizes[2])):
        lo, hi = np.nan, np.nan
        if np.isfinite(spread[:, c]).all():
            lo, hi = np.quantile(spread[:, c], [tail, 1 - tail])
        rates.append(Rate(float(value[c]), float(lo), float(hi), float(pairs)))
    own, same, mixed, ambiguity, pluralism = rates
    flips = flip_rate(own.value), flip_rate(same.value)
    return NoiseBudget(own, same, mixed, ambiguity, pluralism, *flips)


def _rows_of_gamma(table: Comparisons, people: Longs) -> Longs:
    codes, count = table.clusters
    place = np.full(max(count, 1), -1, dtype=np.int64)
    place[people] = np.arange(len(people))
    return np.asarray(place[codes])


@dataclass(frozen=True, eq=False)
class _Cells:
    """Per annotator and judged pair: votes for each side; sorted by pair.

    who  int64[C] row of gamma;  pair  int64[C];  up, down  float64[C]
    """

    people: Longs
    gamma: Floats
    who: Longs
    pair: Longs
    up: Floats
    down: Floats

    @classmethod
    def of(cls, table: Comparisons, people: Longs, gamma: Floats, rows: Longs) -> "_Cells":
        kept = (table.y != 0) & (table.weights > 0) & (rows >= 0)
        a, b = table.a[kept].astype(np.int64), table.b[kept].astype(np.int64)
        where = np.zeros(len(a), dtype=np.int64) if table.group is None else table.group[kept] + 1
        K = max(table.n_items, 1)
        question = (where.astype(np.int64) * K + np.minimum(a, b)) * K + np.maximum(a, b)
        _, question = np.unique(question, return_inverse=True)
        A = max(len(people), 1)
        key, cell = np.unique(question * A + rows[kept], return_inverse=True)
        first = (table.y[kept] > 0) == (a < b)
        up = np.bincount(cell[first], minlength=len(key)).astype(np.float64)
        down = np.bincount(cell[~first], minlength=len(key)).astype(np.float64)
        return cls(people, gamma, key % A, key // A, up, down)

    def rates(self, omega: Floats) -> Floats:
        """Three rates and two differences when annotator a counts omega[a] times."""
        differing, total = self._counts(omega)
        with np.errstate(invalid="ignore", divide="ignore"):
            D = np.where(total > 1e-9, differing / total, np.nan)
        return np.array([*D, D[1] - D[0], D[2] - D[1]])

    def evidence(self, omega: Floats) -> Floats:
        return self._counts(omega)[1]

    def _counts(self, omega: Floats) -> tuple[Floats, Floats]:
        n = self.up + self.down
        q, weight = self.up / np.maximum(n, 1.0), omega[self.who]
        own = float(weight @ (self.up * self.down)), float(weight @ (n * (n - 1) / 2))
        m = self.gamma[self.who, :-1] * weight[:, None]
        S, Q = self._by_pair(m), self._by_pair(m * q[:, None])
        twice = 2 * q * (1 - q)  # an annotator "against himself" is taken out again
        same = float((Q * (S - Q)).sum() - 0.5 * (m**2 * twice[:, None]).sum())
        same_total = float(0.5 * (S**2).sum() - 0.5 * (m**2).sum())
        every, rest = S.sum(axis=1), Q.sum(axis=1)
        one = m.sum(axis=1)
        mixed = float((rest * (every - rest)).sum() - 0.5 * (one**2 * twice).sum())
        mixed_total = float(0.5 * (every**2).sum() - 0.5 * (one**2).sum())
        differing = np.array([own[0], same, mixed - same])
        return differing, np.array([own[1], same_total, mixed_total - same_total])

    def _by_pair(self, rows: Floats) -> Floats:
        if not len(rows):
            return np.zeros((0, rows.shape[1]))
        starts = np.flatnonzero(np.diff(self.pair, prepend=-1))
        return np.asarray(np.add.reduceat(rows, starts, axis=0))
