"""KOS (spectral): annotators who agree with each other's agreement get weight.

For two classes, with A[u, j] = +1 or -1 for the label of j on u (0 none), weights w are the leading
right singular vector of A, the fixed point of message passing x = A w, w = A'x; a unit's label is
the sign of sum_j A[u, j] w_j. The power iteration starts from equal weights, separately in each
group of annotators that share units, and the sign is chosen so that the weights of a group add up
to more than 0. A zero is undecided. More classes: each against the rest, and the class with the
largest share of weight. posterior = (1 + sum_j w_j A[u, j] / sum_j |w_j|) / 2, a share and not a
probability.

Optimal in order when units are assigned at random; on small or lopsided data the vector settles on
a few annotators. score is the size of a unit's entry in the left singular vector.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aggregation.method import Estimate, Method
from aggregation.methods.consensus import _votes as votes_
from aggregation.methods.consensus._labelling import labelled, quality
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import Labels
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class KosOptions(Options):
    max_iter: int = option(500, "Iterations", "At most.", low=1)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """One class against the rest: weights w[J], values x[U], shares [U], and the way there."""

    weights: Floats
    values: Floats
    share: Floats
    iters: int
    converged: bool


def solve(table: Labels, options: KosOptions, rng: np.random.Generator) -> Estimate:
    plain: Estimate | None = votes_.without_model(table, prior=False)
    if plain is not None:
        return plain
    rows = table.answered()
    who, J = rows.people
    block = votes_.linked(who, rows.unit, J, table.n_units)
    classes = [1] if table.n_classes == 2 else range(table.n_classes)
    spectra = [_spectrum(rows, who, J, block, c, options.max_iter) for c in classes]
    if table.n_classes == 2:
        posterior = np.stack([1 - spectra[0].share, spectra[0].share], axis=1)
        size = np.abs(spectra[0].values)
    else:
        stacked = np.stack([s.share for s in spectra], axis=1)
        posterior = stacked / np.maximum(stacked.sum(axis=1, keepdims=True), votes_.FLOOR)
        size = np.abs(np.stack([s.values for s in spectra], axis=1)).max(axis=1)
    unseen = np.bincount(rows.unit, minlength=table.n_units) == 0
    posterior[unseen] = np.nan
    weight = np.mean([s.weights for s in spectra], axis=0)
    annotators = quality(table, weight, np.bincount(who, minlength=J), say("spectral weight"))
    fit = Fit(
        n_obs=len(table),
        iters=max(s.iters for s in spectra),
        converged=all(s.converged for s in spectra),
    )
    warned = votes_.block_warnings(len(np.unique(block[who])))
    return labelled(table, posterior, annotators, fit, warned, score=np.where(unseen, np.nan, size))


def _spectrum(
    rows: Labels, who: NDArray[np.int32], J: int, block: NDArray[np.int32], c: int, max_iter: int
) -> Spectrum:
    sign = np.where(rows.label == c, 1.0, -1.0) * rows.weights
    A = sparse.coo_array((sign, (rows.unit, who)), shape=(rows.n_units, J)).tocsr()
    At = A.T.tocsr()
    person, unit = block[:J], block[J:]
    w = _normed(np.ones(J), person)
    step, moved = 0, np.inf
    while step < max_iter:
        beat()
        step += 1
        new = _normed(At @ (A @ w), person)
        moved = float(np.abs(new - w).max(initial=0.0))
        w = new
        if moved < 1e-12:
            break
    total = np.bincount(person, w, minlength=int(block.max()) + 1)
    w = np.where(np.abs(w) < 1e-9, 0.0, w * np.where(total[person] < 0, -1.0, 1.0))
    x = A @ w
    possible = abs(A) @ np.abs(w)
    share = np.where(possible > 1e-12, (1 + x / np.where(possible > 1e-12, possible, 1.0)) / 2, 0.5)
    return Spectrum(w, _normed(x, unit), share, step, moved < 1e-6)


def _normed(vector: Floats, block: NDArray[np.int32]) -> Floats:
    """Length 1 within each group; zeros stay zeros."""
    square = np.bincount(block, vector**2, minlength=int(block.max(initial=0)) + 1)
    return np.asarray(vector / np.sqrt(np.where(square > 0, square, 1.0))[block])


METHOD = Method(
    title="KOS (spectral)",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    options=KosOptions,
    reference="Karger, Oh & Shah (2011), NIPS; Ghosh, Kale & McAfee (2011), EC",
    axioms=("neutrality", "annotators weighted by reliability"),
)
