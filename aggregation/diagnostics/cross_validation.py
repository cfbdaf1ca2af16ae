"""Which rule predicts people it hasn't seen? Log loss on held-out annotators.

Annotators are dealt into folds at random; each fold is predicted from the others. A comparison is
scored as how much the first item is preferred, y = 1, 1/2 or 0 (a tie is a half), against
q = P(a wins) + P(tie) / 2:

    loss = -(y log q + (1 - y) log(1 - q)).

So rules with and without a model of ties stand on the same ground; a coin loses log 2 = 0.693 on
every judgment. Probabilities are kept within [1e-6, 1 - 1e-6]; a pair with an item that the other
folds never saw counts as even. Differences to the best rule are paired, with a standard error over
annotators.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.diagnostics.held_out_calibration import (
    HeldOutCalibration,
    clustered_se,
    held_out_calibration,
)
from aggregation.method import Method
from aggregation.tables import Comparisons
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
CLIP = 1e-6
COIN = float(np.log(2))


@dataclass(frozen=True)
class HeldOut:
    """One rule on held-out annotators.

    loss, se       mean log loss per judgment (weighted) and its standard error over annotators
    behind, behind_se  loss less that of the best rule, paired; 0 and NaN for the best
    unseen         judgments on items that the other folds never saw, scored as even
    why            a sentence where the rule names no probabilities; then loss is NaN
    calibration    whether the probabilities come true; None where the rule names none
    """

    method: str
    loss: float
    se: float
    behind: float
    behind_se: float
    unseen: int
    n: int
    why: str = ""
    calibration: HeldOutCalibration | None = None


@dataclass(frozen=True)
class CrossValidation:
    folds: int
    annotators: int
    judgments: int
    coin: float
    rules: tuple[HeldOut, ...]


def deal(table: Comparisons, folds: int, seed: int) -> Longs:
    """Fold 0 … folds-1 of each row: annotators in random order, each to the fold with fewest
    judgments so far. Rows of unknown annotators are dealt one by one.
    """
    codes, count = table.clusters
    size = np.bincount(codes, minlength=count)
    rng = np.random.default_rng([0xF01D, seed])
    held = np.zeros(folds)
    fold = np.zeros(count, dtype=np.int64)
    for j in rng.permutation(count):
        if size[j]:
            fold[j] = int(np.argmin(held))
            held[fold[j]] += size[j]
    return fold[codes]


def cross_validate(
    rules: Sequence[tuple[str, Method, Any]],
    table: Comparisons,
    *,
    folds: int = 5,
    seed: int = 0,
    watch: Callable[[int], object] | None = None,
) -> CrossValidation | None:
    """Held-out log loss of rules given as (name, method, options).

    None with fewer than two annotators. Fewer annotators than folds: one fold each. `watch` gets
    the number of fits done, out of folds * len(rules).
    """
    watch = watch or (lambda _: None)
    table = table.take(np.flatnonzero(table.weights > 0))
    codes, _ = table.clusters
    people = len(np.unique(codes))
    if people < 2:
        return None
    folds = min(folds, people)
    fold = deal(table, folds, seed)
    chances: list[Floats] = []
    unseen = []
    done = 0
    for _, method, options in rules:
        chance = np.full(len(table), np.nan)
        missed = 0
        for f in range(folds):
            held = np.flatnonzero(fold == f)
            chance[held], none = _chances(method, options, table, np.flatnonzero(fold != f), held)
            missed += none
            done += 1
            watch(done)
        chances.append(chance)
        unseen.append(missed)
    return CrossValidation(
        folds, people, len(table), COIN, tuple(_summaries(rules, chances, unseen, table))
    )


def preferred(table: Comparisons) -> Floats:
    """1 where a was preferred, 0 where b was, 1/2 for a tie."""
    return np.asarray(0.5 + 0.5 * np.sign(table.y), dtype=np.float64)


def log_loss(q: Floats, y: Floats) -> Floats:
    """-(y log q + (1 - y) log(1 - q)) with q kept within [CLIP, 1 - CLIP]."""
    kept = np.clip(q, CLIP, 1 - CLIP)
    return np.asarray(-(y * np.log(kept) + (1 - y) * np.log1p(-kept)))


def _chances(
    method: Method, options: Any, table: Comparisons, seen: Longs, held: Longs
) -> tuple[Floats, int]:
    """q of each held-out row and how many were taken as even; all NaN without probabilities."""
    result = method.fit(table.take(seen), options)
    if result.link is None or result.ids != table.ids:
        return np.full(len(held), np.nan), 0
    rows = table.take(held)
    chance = result.prob(rows.a, rows.b)
    q = chance[:, 0] + chance[:, 1] / 2
    unknown = ~np.isfinite(q)
    return np.where(unknown, 0.5, q), int(unknown.sum())


def _summaries(
    rules: Sequence[tuple[str, Method, Any]],
    chances: Sequence[Floats],
    unseen: Sequence[int],
    table: Comparisons,
) -> list[HeldOut]:
    w, y = table.weights, preferred(table)
    codes, _ = table.clusters
    losses = [log_loss(q, y) for q in chances]
    means = [float(w @ loss / w.sum()) for loss in losses]
    known = [k for k, mean in enumerate(means) if np.isfinite(mean)]
    best = min(known, key=lambda k: means[k], default=None)
    nan = float("nan")
    found = []
    for k, (name, _, _) in enumerate(rules):
        if best is None or not np.isfinite(means[k]):
            why = say("This rule names no probabilities, so it predicts nothing.")
            found.append(HeldOut(name, nan, nan, nan, nan, 0, len(table), why))
            continue
        gap = losses[k] - losses[best]
        behind_se = nan if k == best else clustered_se(gap, w, codes)
        found.append(
            HeldOut(
                name,
                means[k],
                clustered_se(losses[k], w, codes),
                float(w @ gap / w.sum()),
                behind_se,
                unseen[k],
                len(table),
                calibration=held_out_calibration(chances[k], y, w, codes),
            )
        )
    return found
