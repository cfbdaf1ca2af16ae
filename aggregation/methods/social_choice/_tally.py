"""What voting rules share: leaving out items nobody judged, and telling what the evidence can't
say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from aggregation.method import Estimate
from aggregation.results import Fit, ScoreKind
from aggregation.tables import Ballots, PairCounts, TableError
from aggregation.tables.pair_counts import DENSE_LIMIT
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
AT_ONCE = 1 << 12  # ballots


@dataclass(frozen=True, eq=False)
class Tally:
    """A rule's answer over the judged items. winners=None: those of the best score."""

    score: Floats
    kind: ScoreKind = "points"
    winners: tuple[int, ...] | None = None
    lottery: Floats | None = None
    link: Any = None
    fit: Fit | None = None
    warnings: tuple[ResultWarning, ...] = ()


def tally_pairs(counts: PairCounts, rule: Callable[[PairCounts], Tally]) -> Estimate:
    """Apply a rule to the pair counts of the judged items; without judgments all items win."""
    seen = counts.seen
    found: list[ResultWarning] = []
    if counts.n_items > DENSE_LIMIT and int(seen.sum()) > DENSE_LIMIT:
        raise TableError(
            say(
                "This rule weighs all pairs and takes at most %(dense_limit)s items.",
                dense_limit=f"{DENSE_LIMIT:,}",
            )
        )
    found += _never_met(counts.unseen_pairs if seen.any() else 0, counts.components[0])
    tally = _among(seen, counts.ids, lambda members: rule(_dense(counts.take(members))), found)
    return _estimate(tally, counts.rows, found)


def tally_ballots(ballots: Ballots, rule: Callable[[NDArray[Any], Floats], Tally]) -> Estimate:
    """Apply a rule to distinct ballots: tiers int[B, K] (-1 missing) and their weights."""
    full = ballots.completed()
    tiers, weight = full.profile
    tiers, weight = tiers[weight > 0].astype(np.int64), weight[weight > 0]
    seen = np.asarray((tiers >= 0).any(axis=0), dtype=np.bool_)
    found = _never_met(*_apart(tiers[:, seen] >= 0, len(seen)))
    tally = _among(
        seen, ballots.ids, lambda members: rule(_ranked(tiers[:, members]), weight), found
    )
    return _estimate(tally, len(ballots), found)


def _never_met(unseen_pairs: int, n_parts: int) -> list[ResultWarning]:
    """What is told of pairs that nobody compared, and of parts that only such pairs would join."""
    found = []
    if unseen_pairs:
        found.append(warn(WarningCode.UNSEEN_PAIRS, say("%(n)s pairs", n=unseen_pairs)))
    if n_parts > 1:
        detail = say("%(n)s parts, ranked together here", n=n_parts)
        found.append(warn(WarningCode.DISCONNECTED, detail))
    return found


def _apart(listed: NDArray[np.bool_], n_items: int) -> tuple[int, int]:
    """Pairs of all items that stand on no ballot together, and parts of those listed [B, K] on any;
    ballots are read until all have met, mostly at the first that lists everything.
    """
    K = listed.shape[1]
    if listed.all(axis=1).any():
        return n_items * (n_items - 1) // 2 - K * (K - 1) // 2, min(K, 1)
    if K <= DENSE_LIMIT:
        together = np.zeros((K, K), dtype=np.bool_)
        for start in range(0, len(listed), AT_ONCE):
            some = listed[start : start + AT_ONCE].astype(np.float32)
            together |= some.T @ some > 0
            if together.all():
                break
        met = sparse.csr_array(together)
    else:
        some = sparse.csr_array(listed.astype(np.int32))
        met = sparse.csr_array(some.T @ some)
    pairs = (met.nnz - K) // 2  # everybody listed has met himself
    n_parts, _ = connected_components(met, directed=False) if K else (0, None)
    return (n_items * (n_items - 1) // 2 - pairs) if K else 0, n_parts


def _ranked(tiers: NDArray[Any]) -> NDArray[Any]:
    """Tiers as competition ranks from 0 (1 + number of items above, less one); -1 stays missing."""
    ranks = np.full(tiers.shape, -1, dtype=np.int64)
    if not tiers.size:
        return ranks
    keyed = np.where(tiers < 0, np.iinfo(np.int64).max, tiers)
    ordered = np.sort(keyed, axis=1)
    for b in range(len(tiers)):
        ranks[b] = np.searchsorted(ordered[b], keyed[b], side="left")
    ranks[tiers < 0] = -1
    return ranks


def _dense(counts: PairCounts) -> PairCounts:
    if counts.is_dense:
        return counts
    return PairCounts(counts.wins.toarray(), counts.ties.toarray(), counts.ids, counts.rows)


def _among(
    seen: NDArray[np.bool_],
    ids: tuple[Any, ...],
    rule: Callable[[NDArray[np.int64]], Tally],
    found: list[ResultWarning],
) -> Tally:
    members = np.flatnonzero(seen)
    if not len(members):
        found.append(warn(WarningCode.EMPTY, say("no judgments")))
        return rule(np.arange(len(seen))) if len(seen) else Tally(np.zeros(0))
    if len(members) < len(seen):
        absent = np.flatnonzero(~seen)
        found.append(
            warn(
                WarningCode.UNSEEN_ITEMS,
                say("%(n)s items", n=len(absent)),
                (ids[i] for i in absent),
            )
        )
    tally = rule(members)
    if len(members) == len(seen):
        return tally
    score = np.full(len(seen), np.nan)
    score[members] = tally.score
    lottery = None
    if tally.lottery is not None:
        lottery = np.zeros(len(seen))
        lottery[members] = tally.lottery
    winners = None if tally.winners is None else tuple(int(members[w]) for w in tally.winners)
    return Tally(score, tally.kind, winners, lottery, None, tally.fit, tally.warnings)


def _estimate(tally: Tally, rows: int, found: list[ResultWarning]) -> Estimate:
    return Estimate(
        score=tally.score + 0.0,  # no negative zeros
        score_kind=tally.kind,
        winners=tally.winners,
        lottery=tally.lottery,
        link=tally.link,
        fit=tally.fit or Fit(n_obs=rows),
        warnings=(*found, *tally.warnings),
    )
