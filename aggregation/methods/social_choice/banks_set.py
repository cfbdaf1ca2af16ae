"""Banks set: the first items of all chains of defeats that nobody can be put on top of.

A chain is a group of items in which each beats all that follow. i is in the set iff i is first in
some chain whose members nobody beats all of; these are the outcomes of sophisticated voting over
some agenda (Banks). It lies inside the uncovered set where no pair is tied, and so inside the Smith
set; the Condorcet winner alone where there is one. score is 1 inside and 0 outside: a set, not a
ranking. A tied pair is never in one chain, and blocks nobody.

Finding one member is easy, all of them is NP-hard (Woeginger 2003): for each item chains are grown
that defeat one blocker after the other, up to 2,000 of them. An item for which they did not suffice
is in neither way: it has no score, and NP_HARD_TRUNCATED names it. Don't use it to name one winner,
or where many pairs never met.
"""

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options
from aggregation.tables import PairCounts
from aggregation.warning_codes import WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

STATES = 2_000  # chains tried for one item


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, _tops)


def _tops(counts: PairCounts) -> Tally:
    margins = np.asarray(counts.margins)
    wins, losses = _masks(margins > 0), _masks(margins < 0)
    found = [_tops_a_chain(item, wins, losses) for item in range(len(margins))]
    score = np.array([np.nan if each is None else float(each) for each in found])
    left = [counts.ids[item] for item, each in enumerate(found) if each is None]
    told = warn(WarningCode.NP_HARD_TRUNCATED, say("%(n)s items undecided", n=len(left)), left)
    return Tally(
        score,
        "order",
        tuple(item for item, each in enumerate(found) if each),
        warnings=(told,) if left else (),
    )


def _masks(relation: NDArray[np.bool_]) -> list[int]:
    """Rows of a relation as numbers, bit j for item j."""
    return [sum(1 << int(j) for j in np.flatnonzero(row)) for row in relation]


def _tops_a_chain(top: int, wins: list[int], losses: list[int]) -> bool | None:
    """Whether some chain below `top` leaves nobody who beats all of it; None where the limit came
    first.

    A blocker beats all of the chain so far. To be rid of one, an item that it doesn't beat must
    join, so all ways on are to take one of those; the blocker with the fewest is dealt with first.
    """
    pending: list[tuple[tuple[int, ...], int]] = [((top,), losses[top])]
    visited: set[int] = set()
    while pending:
        chain, blockers = pending.pop()
        if not blockers:
            return True
        members = sum(1 << item for item in chain)
        if members in visited:
            continue
        if len(visited) >= STATES:
            return None
        visited.add(members)
        beat()
        free = wins[top] & ~members
        blocker = min(_items(blockers), key=lambda b: (free & ~wins[b]).bit_count())
        longer = [_inserted(chain, item, losses) for item in _items(free & ~wins[blocker])]
        ways = [(new, blockers & losses[item]) for item, new in longer if _is_chain(new, wins)]
        pending += sorted(ways, key=lambda way: -way[1].bit_count())  # the most effective is next
    return False


def _items(mask: int) -> list[int]:
    return [item for item in range(mask.bit_length()) if mask >> item & 1]


def _inserted(chain: tuple[int, ...], item: int, losses: list[int]) -> tuple[int, tuple[int, ...]]:
    """The item behind all members that beat it, if that is a chain at all."""
    place = sum(losses[item] >> member & 1 for member in chain)
    return item, (*chain[:place], item, *chain[place:])


def _is_chain(items: tuple[int, ...], wins: list[int]) -> bool:
    below = 0
    for item in reversed(items):
        if below & ~wins[item]:
            return False
        below |= 1 << item
    return True


METHOD = Method(
    title="Banks set",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    reference="Banks (1985), Social Choice and Welfare 1; Woeginger (2003), Social Choice and "
    "Welfare 20; Hudry (2004), Social Choice and Welfare 23",
    axioms=("anonymity", "neutrality", "Condorcet", "Smith"),
)
