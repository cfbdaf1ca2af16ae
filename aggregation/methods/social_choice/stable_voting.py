"""Stable voting: the item wins that would win without a rival and beats this rival by most.

Among the items that split cycle leaves undefeated: take the pairs (A, B) from the largest margin of
A over B down, B being anybody else; the first A who wins the election held without B, by this same
rule, wins. One undefeated item wins at once. Pairs of equal margin are followed together, and all
their A win (TIE_UNRESOLVED). So of split cycle's winners nearly always one is chosen, and an item
that joins and is beaten by a winner can only hand the win to another such item. score is 1 for
winners and 0 for others: no ranking.

Elections without B are remembered; up to 20,000 are held, enough for fourteen items in the worst
case and for far more where few are undefeated. Beyond, and with over 100 items, all undefeated
items are given, with NP_HARD_TRUNCATED. Don't use it where pairs were judged a very different
number of times: their margins don't compare.
"""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._majorities import Floats, defeated_by
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

Items = tuple[int, ...]
ELECTIONS = 20_000
MOST_ITEMS = 100  # each may be one step deeper


class _TooMany(Exception):
    """More elections than may be held."""


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: _stable(np.asarray(c.margins)))


def _stable(margins: Floats) -> Tally:
    K = len(margins)
    everybody = tuple(range(K))
    most = ELECTIONS if K <= MOST_ITEMS else 1
    warnings: tuple[ResultWarning, ...] = ()
    try:
        winners = _winners(margins, everybody, {}, most)
    except _TooMany:
        winners = _undefeated_of(margins, everybody)
        said = say("of all that split cycle leaves undefeated none is chosen")
        warnings = (warn(WarningCode.NP_HARD_TRUNCATED, said),)
    score = np.zeros(K)
    score[list(winners)] = 1.0
    return Tally(score, "order", winners, warnings=warnings)


def _winners(margins: Floats, items: Items, known: dict[Items, Items], most: int) -> Items:
    if items not in known:
        if len(known) >= most:
            raise _TooMany
        beat()
        known[items] = ()  # counts as held from here on
        known[items] = _chosen(margins, items, known, most)
    return known[items]


def _chosen(margins: Floats, items: Items, known: dict[Items, Items], most: int) -> Items:
    unbeaten = _undefeated_of(margins, items)
    if len(unbeaten) < 2:
        return unbeaten
    for pairs in _by_margin(margins, unbeaten, items):
        found = {
            a
            for a, b in pairs
            if a in _winners(margins, tuple(i for i in items if i != b), known, most)
        }
        if found:
            return tuple(sorted(found))
    return unbeaten


def _by_margin(margins: Floats, firsts: Items, items: Items) -> Iterator[list[tuple[int, int]]]:
    """Pairs in groups of equal margin, the largest first."""
    pairs = [(a, b) for a in firsts for b in items if a != b]
    pairs.sort(key=lambda pair: -margins[pair])
    for _, group in groupby(pairs, key=lambda pair: round(float(margins[pair]), 9)):
        yield list(group)


def _undefeated_of(margins: Floats, items: Items) -> Items:
    among = margins[np.ix_(items, items)]
    kept = np.flatnonzero(defeated_by(np.maximum(among, 0.0)) == 0)
    return tuple(items[k] for k in kept)


METHOD = Method(
    title="Stable voting",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Holliday & Pacuit (2023), Constitutional Political Economy 34, “Stable Voting”",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith"),
)
