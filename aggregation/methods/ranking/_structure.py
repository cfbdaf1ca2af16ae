"""What the graph of comparisons allows: connected parts, perfect separation, items nobody saw."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.tables import PairCounts
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say


@dataclass(frozen=True, eq=False)
class Structure:
    """part[K]: connected part (-1 unseen);  loose[K]: the item's part has no finite maximum of the
    likelihood;
    separated: items outside the largest strongly connected set of their part."""

    part: NDArray[np.int32]
    n_parts: int
    loose: NDArray[np.bool_]
    separated: tuple[int, ...]
    warnings: tuple[ResultWarning, ...]

    def ridge(self, penalty: float, rescue: float) -> NDArray[np.float64]:
        """Penalty per item: `penalty`, or at least `rescue` where the maximum would be infinite."""
        return np.where(self.loose, max(penalty, rescue), penalty).astype(np.float64)


def structure_of(counts: PairCounts, ties_link: bool = True) -> Structure:
    """Weak and strong connectivity of "has beaten (or, with `ties_link`, tied with)"."""
    n_parts, part = counts.components
    n_strong, strong = counts.strong_components(ties_link)
    unseen = np.flatnonzero(part < 0)
    loose, separated = _separation(part, n_parts, strong, n_strong)
    found: list[ResultWarning] = []
    if len(unseen) == counts.n_items:
        found.append(warn(WarningCode.EMPTY, say("no judgments")))
    elif len(unseen):
        found.append(
            warn(
                WarningCode.UNSEEN_ITEMS,
                say("%(n)s items", n=len(unseen)),
                (counts.ids[i] for i in unseen),
            )
        )
    if n_parts > 1:
        found.append(warn(WarningCode.DISCONNECTED, say("%(n)s parts", n=n_parts)))
    if loose.any():
        named = [counts.ids[i] for i in separated]
        found.append(
            warn(WarningCode.NOT_STRONGLY_CONNECTED, say("%(n)s items", n=len(named)), named)
        )
        found.append(warn(WarningCode.SEPARATION, say("%(n)s items", n=len(named)), named))
    return Structure(part, n_parts, loose, separated, tuple(found))


def _separation(
    part: NDArray[Any], n_parts: int, strong: NDArray[Any], n_strong: int
) -> tuple[NDArray[np.bool_], tuple[int, ...]]:
    seen = part >= 0
    if n_strong - int((~seen).sum()) == n_parts:
        return np.zeros(len(part), dtype=np.bool_), ()
    size = np.bincount(strong, minlength=n_strong)
    part_size = np.bincount(part[seen], minlength=n_parts)
    loose = seen & (size[strong] < part_size[np.where(seen, part, 0)])
    largest = np.zeros(n_parts, dtype=np.int64)
    np.maximum.at(largest, part[seen], size[strong[seen]])
    keeper = np.full(n_parts, -1, dtype=np.int64)
    members = np.flatnonzero(seen & (size[strong] == largest[np.where(seen, part, 0)]))
    keeper[part[members[::-1]]] = strong[members[::-1]]
    separated = np.flatnonzero(loose & (strong != keeper[np.where(seen, part, 0)]))
    return loose, tuple(separated.tolist())
