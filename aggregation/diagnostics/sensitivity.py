"""How little would have to be different: the fewest votes, and the fewest people, whose removal
changes who wins.

Exact for rules that add up a score per ballot: for each rival, the ballots that favour the winner
most over it go first, and no smaller set closes the gap. For every rule that elects a Condorcet
winner (who beats everyone in pairs), the votes needed to take that from them are a lower bound.
Otherwise an upper bound is searched for: rows are removed in the order of their influence on the
gap between the winner and a rival (one Newton step of a Bradley–Terry fit for pairs; the point
difference for ballots; the shift of the means for ratings), the rule is fitted again, and the
smallest set found in that order that changes the winners is kept. It is a set that works, not
always the smallest there is.

With votes cast by independent coin flips of order sqrt(n) votes decide most elections, so the
number is also given per square root of the number of votes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Method
from aggregation.methods.ranking import bradley_terry
from aggregation.results import AggregateResult
from aggregation.tables import Ballots, Comparisons, Labels, PairCounts, Ratings, Table
from aggregation.tables.conversions import convert

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Watch = Callable[[int], object]

ADDITIVE = ("approval", "borda", "dowdall", "plurality")
RIVALS = 3  # whose chances are searched, the nearest ones
MOST_FITS = 60  # per kind of removal
MOST_BALLOTS = 2_000  # different ones, each of which is fitted alone
NAMED = 20  # removed votes or people that a result lists


@dataclass(frozen=True)
class Removal:
    """The least that has to go before somebody else wins.

    count    how many must go: exact, or the smallest number found (None: no removal found)
    least    a proven lower bound; equal to count where it is exact
    total    how many there are;  per_root = count / sqrt(total)
    winners  ids that win afterwards;  removed  rows or annotators' ids, the first NAMED of them
    basis    in a word: "additive", "condorcet", "search", "tied", "nothing"
    """

    count: int | None
    least: int
    total: int
    per_root: float
    winners: tuple[Any, ...]
    removed: tuple[Any, ...]
    basis: str

    @property
    def is_exact(self) -> bool:
        return self.count == self.least


@dataclass(frozen=True)
class Sensitivity:
    """Fewest votes and fewest people; people is None where the table doesn't say who judged."""

    winners: tuple[Any, ...]
    votes: Removal
    people: Removal | None


def sensitivity(
    method: Method,
    table: Table,
    options: Any = None,
    *,
    watch: Watch | None = None,
) -> Sensitivity | None:
    """Fewest votes and people whose removal changes the winners of `method` on `table`.

    None where the rule names no winner (labels, parts never compared) or rows can't be removed
    (counts). `watch` is called with the number of fits done, at most 2 * MOST_FITS + 1.
    """
    if isinstance(table, PairCounts | Labels):
        return None
    table = table.take(np.flatnonzero(table.weights > 0))
    if not len(table):
        return None
    chosen = _quiet(method, options)
    fits = _Fits(method, chosen, table, watch or (lambda _: None))
    result = fits.whole
    if not result.winners or len(result.ids) < 2 or result.rank is None:
        return None
    codes = np.arange(len(table), dtype=np.int64)
    votes = _fewest(fits, codes, len(table))
    people = None
    if table.annotator is not None and (table.annotator >= 0).all():
        people = _fewest(fits, table.annotator.astype(np.int64), len(table.annotator_ids))
    names = tuple(result.ids[w] for w in result.winners)
    return Sensitivity(names, votes, people and _named(people, table.annotator_ids))


def _quiet(method: Method, options: Any) -> Any:
    """The same options without anything that only serves intervals."""
    chosen = options if options is not None else method.options()
    known = {f.name for f in fields(chosen)}
    changes: dict[str, Any] = {"replicates": 0}
    if "ci" in known:
        changes["ci"] = "none"
    return replace(chosen, **changes)


class _Fits:
    """Fits of one rule on parts of one table, counted."""

    def __init__(self, method: Method, options: Any, table: Any, watch: Watch) -> None:
        self.method, self.options, self.table, self.watch = method, options, table, watch
        self.done = 0
        self.whole = self.fit(table)

    def fit(self, table: Any) -> AggregateResult:
        result = self.method.fit(table, self.options)
        self.done += 1
        self.watch(self.done)
        return result

    def winners_without(self, gone: NDArray[np.bool_]) -> tuple[int, ...]:
        left = self.table.take(np.flatnonzero(~gone))
        return self.fit(left).winners if len(left) else ()


def _fewest(fits: _Fits, unit: Longs, units: int) -> Removal:
    """Fewest of the `units` (votes, or annotators by their code) to remove."""
    total = len(np.unique(unit))
    before = fits.whole.winners
    if len(before) > 1:
        return Removal(0, 0, total, 0.0, _ids(fits, before), (), "tied")
    exact = _additive(fits, unit, units, total)
    if exact is not None:
        return exact
    bound = _condorcet_bound(fits, unit, units)
    basis, least = ("condorcet" if bound else "search"), max(1, bound)
    found = _search(fits, unit, units)
    if found is None:
        return Removal(None, least, total, float("nan"), (), (), "nothing")
    gone, winners = found
    count, least = len(gone), min(least, len(gone))
    return Removal(
        count, least, total, count / np.sqrt(total), _ids(fits, winners), _first(gone), basis
    )


def _ids(fits: _Fits, winners: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(fits.whole.ids[w] for w in winners)


def _first(gone: Longs) -> tuple[int, ...]:
    return tuple(gone[:NAMED].tolist())


def _named(removal: Removal, ids: Any) -> Removal:
    return replace(removal, removed=tuple(ids[j] for j in removal.removed))


# --- Exact ------------------------------------------------------------------------------------


def fewest_to_close(contribution: Floats, gap: float, tolerance: float = 1e-9) -> int | None:
    """Fewest entries whose removal brings gap = sum of contributions down to 0 or below; None if
    none does. Exact: the largest contributions go first.
    """
    if gap <= tolerance:
        return 0
    taken = np.cumsum(np.sort(contribution[contribution > 0])[::-1])
    reached = np.flatnonzero(taken >= gap - tolerance)
    return int(reached[0]) + 1 if len(reached) else None


def _additive(fits: _Fits, unit: Longs, units: int, total: int) -> Removal | None:
    """The exact answer where differences of the rule's scores are sums over ballots, else None."""
    if fits.method.slug not in ADDITIVE or not isinstance(fits.table, Ballots):
        return None
    points = _points_per_ballot(fits)
    whole, known = np.nan_to_num(fits.whole.score), np.isfinite(fits.whole.score)
    if points is None:
        return None
    off = (points.sum(axis=0) - whole)[known]
    if np.ptp(off) > 1e-7 * max(1.0, float(np.abs(whole).max())):
        return None
    (winner,) = fits.whole.winners
    summed = _per_unit(points, unit, units)
    best: tuple[int, int] | None = None
    for rival in np.flatnonzero(np.isfinite(fits.whole.score)).tolist():
        if rival == winner:
            continue
        count = fewest_to_close(
            summed[:, winner] - summed[:, rival], float(whole[winner] - whole[rival])
        )
        if count is not None and (best is None or count < best[0]):
            best = (count, rival)
    if best is None:
        return Removal(None, total, total, float("nan"), (), (), "nothing")
    count, rival = best
    order = np.argsort(-(summed[:, winner] - summed[:, rival]), kind="stable")[:count]
    gone = np.isin(unit, order)
    after = fits.winners_without(gone)
    return Removal(
        count, count, total, count / np.sqrt(total), _ids(fits, after), _first(order), "additive"
    )


def _points_per_ballot(fits: _Fits) -> Floats | None:
    """Scores that each ballot gives alone, float64[B, K]; equal ballots are fitted once. None for
    too many different ones. Items that aren't on the ballot get nothing; of Borda, which is of wins
    less losses, that is the middle of the others.
    """
    table = fits.table
    alone: dict[tuple[Any, ...], Floats] = {}
    points = np.zeros((len(table), table.n_items))
    for b in range(len(table)):
        rows = slice(int(table.ptr[b]), int(table.ptr[b + 1]))
        key = (tuple(table.item[rows].tolist()), tuple(table.tier[rows].tolist()))
        if key not in alone:
            if len(alone) == MOST_BALLOTS:
                return None
            one = table.take(np.array([b])).reweighted(np.array([1 / table.weights[b]]))
            score = fits.method.fit(one, fits.options).score
            middle = fits.method.slug == "borda" and np.isfinite(score).any()
            alone[key] = np.nan_to_num(score, nan=float(np.nanmean(score)) if middle else 0.0)
        points[b] = alone[key] * table.weights[b]
    return points


def _per_unit(values: Floats, unit: Longs, units: int) -> Floats:
    if len(unit) == units and (unit == np.arange(units)).all():
        return values
    return np.stack([np.bincount(unit, column, minlength=units) for column in values.T], axis=1)


# --- Lower bound ------------------------------------------------------------------------------


def condorcet_winner(margins: Floats) -> int | None:
    """The item that beats every other one in pairs, if there is one."""
    beats = np.asarray(margins) > 1e-12
    found = np.flatnonzero(beats.sum(axis=1) == len(beats) - 1)
    return int(found[0]) if len(found) and len(beats) > 1 else None


def _condorcet_bound(fits: _Fits, unit: Longs, units: int) -> int:
    """Fewest removals after which the winner no longer beats everyone; 0: no bound."""
    if "Condorcet" not in fits.method.axioms:
        return 0
    if not isinstance(fits.table, Comparisons | Ballots):  # ratings of one person hang together
        return 0
    counts, _ = convert(fits.table, (PairCounts,))
    (winner,) = fits.whole.winners
    if condorcet_winner(np.asarray(_dense(counts.margins))) != winner:
        return 0
    pairs, row = _row_pairs(fits.table)
    least = len(np.unique(unit))
    for rival in range(len(fits.whole.ids)):
        if rival == winner:
            continue
        favour = _favours(pairs, winner, rival)
        contribution: Floats = np.bincount(unit[row], favour, minlength=units).astype(np.float64)
        count = fewest_to_close(contribution, float(contribution.sum()))
        least = least if count is None else min(least, count)
    return least


def _dense(matrix: Any) -> Any:
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def _row_pairs(table: Any) -> tuple[Comparisons, Longs]:
    """The pairs that rows imply, and from which row each comes."""
    if isinstance(table, Comparisons):
        return table, np.arange(len(table), dtype=np.int64)
    marked = _marked(table)
    pairs, _ = convert(marked, (Comparisons,))
    return pairs, pairs.annotator.astype(np.int64)


def _marked(table: Any) -> Any:
    """The table with each row as an annotator of its own, so that pairs remember their row."""
    rows = np.arange(len(table), dtype=np.int32)
    if isinstance(table, Ratings):
        return table  # converted within annotators, so rows can't be told apart
    return replace(table, annotator=rows, annotator_ids=tuple(rows.tolist()))


def _favours(pairs: Comparisons, winner: int, rival: int) -> Floats:
    """Weight by which each pair favours the winner over this very rival."""
    direct = (pairs.a == winner) & (pairs.b == rival)
    mirrored = (pairs.a == rival) & (pairs.b == winner)
    sign = np.sign(pairs.y) * (direct.astype(np.int64) - mirrored.astype(np.int64))
    return np.asarray(sign * pairs.weights, dtype=np.float64)


# --- Upper bound ------------------------------------------------------------------------------


def _search(fits: _Fits, unit: Longs, units: int) -> tuple[Longs, tuple[int, ...]] | None:
    """The smallest set found, in order of influence, whose removal changes the winners."""
    before = set(fits.whole.winners)
    (winner,) = fits.whole.winners
    budget = fits.done + MOST_FITS
    best: tuple[Longs, tuple[int, ...]] | None = None
    for rival in _rivals(fits.whole, winner):
        influence = np.bincount(unit, row_influence(fits.table, winner, rival), minlength=units)
        order = np.argsort(-influence, kind="stable")
        order = order[influence[order] > 0]
        most = len(order) if best is None else min(len(order), len(best[0]) - 1)
        for gone, after in _bisected(fits, unit, order[:most], before, budget):
            best = (gone, after)
    return best


def _bisected(
    fits: _Fits, unit: Longs, order: Longs, before: set[int], budget: int
) -> Iterator[tuple[Longs, tuple[int, ...]]]:
    """Ever smaller beginnings of `order` whose removal changes the winners, each of them fitted."""

    def changed(count: int) -> tuple[int, ...] | None:
        after = fits.winners_without(np.isin(unit, order[:count]))
        return after if after and set(after) != before else None

    low, high, size = 0, 0, 1  # removing `low` changes nothing, removing `high` does
    while fits.done < budget and low < len(order):
        size = min(size, len(order))
        after = changed(size)
        if after is not None:
            high = size
            yield order[:size], after
            break
        if size == len(order):
            return
        low, size = size, size * 2
    while fits.done < budget and high - low > 1:
        middle = (low + high) // 2
        after = changed(middle)
        if after is None:
            low = middle
        else:
            high = middle
            yield order[:middle], after


def _rivals(result: AggregateResult, winner: int) -> list[int]:
    order = np.argsort(-np.where(np.isnan(result.score), -np.inf, result.score), kind="stable")
    mates = [int(k) for k in order if k != winner and np.isfinite(result.score[k])]
    return mates[:RIVALS]


def row_influence(table: Any, winner: int, rival: int) -> Floats:
    """How much each row lifts the winner over the rival, float64[N]; only the order matters.

    Pairs: r_v * (c_a - c_b) with the residual r_v of a Bradley–Terry fit and c the difference of
    the two rows of its covariance: what one Newton step says of leaving row v out.
    """
    if isinstance(table, Comparisons):
        return _pair_influence(table, winner, rival)
    if isinstance(table, Ballots):
        return _ballot_influence(table, winner, rival)
    return _rating_influence(table, winner, rival)


def _pair_influence(table: Comparisons, winner: int, rival: int) -> Floats:
    options = bradley_terry.BradleyTerryOptions(ci="hessian", penalty=1e-2)
    result = bradley_terry.METHOD.fit(table, options)
    if result.cov is None:
        return _favours(table, winner, rival)
    theta, C = np.nan_to_num(result.score), np.nan_to_num(result.cov)
    lever = C[winner] - C[rival]
    p = 1 / (1 + np.exp(theta[table.b] - theta[table.a]))
    residual = table.weights * (0.5 + 0.5 * np.sign(table.y) - p)
    return np.asarray(residual * (lever[table.a] - lever[table.b]))


def _ballot_influence(table: Ballots, winner: int, rival: int) -> Floats:
    place = np.full((2, len(table)), np.nan)
    for k, item in enumerate((winner, rival)):
        rows = table.item == item
        place[k, table.row_ballot[rows]] = table.tier[rows]
    size = np.maximum(table.lengths, 1)
    last = np.full(len(table), 0.0)
    np.maximum.at(last, table.row_ballot, table.tier.astype(np.float64) + 1)
    filled = np.where(np.isnan(place), last, place)
    gap = np.where(np.isnan(place).all(axis=0), 0.0, filled[1] - filled[0])
    return np.asarray(gap / size * table.weights)


def _rating_influence(table: Ratings, winner: int, rival: int) -> Floats:
    influence = np.zeros(len(table))
    for item, sign in ((winner, 1.0), (rival, -1.0)):
        rows = (table.unit == item) & np.isfinite(table.value)
        weight = table.weights[rows]
        if weight.sum() > 0:
            mean = np.average(table.value[rows], weights=weight)
            influence[rows] = sign * weight * (table.value[rows] - mean) / weight.sum()
    return influence
