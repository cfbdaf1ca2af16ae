"""HodgeRank: the scores whose differences come closest to the observed margins, and how much is
circular.

Least squares over pairs: minimise sum n_ij (Y_ij - (r_i - r_j))^2 with the margin rates Y_ij =
(W_ij - W_ji)/n_ij. The solution is r = pinv(L) (M 1), L the Laplacian of the counts n and M the
margins. What is left over is circular: its share of sum n_ij Y_ij^2 is the cyclicity, between 0
(one order explains everything) and 1 (the majorities only go in circles), in
fit.parameters["cyclicity"]. It is the cheapest answer to "does a single score mean anything here?".

Always defined within each connected part, also under separation; scores are on the scale of margin
rates, mean 0 per part. Intervals come from the bootstrap (set replicates).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, cg

from aggregation.method import Estimate, Method
from aggregation.methods.ranking._curvature import centring
from aggregation.methods.ranking._strengths import centred
from aggregation.methods.ranking._structure import structure_of
from aggregation.options import Options
from aggregation.results import Fit
from aggregation.tables import PairCounts
from aggregation.warning_codes import WarningCode

Floats = NDArray[np.float64]


def solve(counts: PairCounts, options: Options, rng: np.random.Generator) -> Estimate:
    structure = structure_of(counts)
    part = structure.part
    flow = np.asarray(counts.margins.sum(axis=1), dtype=np.float64).ravel()
    r = _dense(counts, part, flow) if counts.is_dense else _sparse(counts, part, flow)
    i, j, won, lost, tied = counts.edges()
    n = won + lost + tied
    Y = (won - lost) / n
    total = float(n @ Y**2)
    residual = float(n @ (Y - (r[i] - r[j])) ** 2)
    told = tuple(w for w in structure.warnings if w.code not in _NO_MATTER)
    return Estimate(
        score=np.where(part < 0, np.nan, r),
        score_kind="utility",
        component=part,
        fit=Fit(
            n_obs=counts.rows,
            n_par=int((part >= 0).sum()) - structure.n_parts,
            n_components=structure.n_parts,
            parameters={"cyclicity": residual / total if total else 0.0},
        ),
        warnings=told,
    )


_NO_MATTER = (WarningCode.NOT_STRONGLY_CONNECTED, WarningCode.SEPARATION)


def _dense(counts: PairCounts, part: NDArray[Any], flow: Floats) -> Floats:
    n = np.asarray(counts.games)
    if not n.size:
        return flow
    laplacian = np.diag(n.sum(axis=1)) - n
    return centred(linalg.solve(laplacian + centring(part), flow, assume_a="pos"), part)


def _sparse(counts: PairCounts, part: NDArray[Any], flow: Floats) -> Floats:
    n = counts.games
    degree = np.asarray(n.sum(axis=1)).ravel() + (part < 0)
    size = (len(part), len(part))
    operator = LinearOperator(size, matvec=lambda v: degree * v - n @ v, dtype=np.float64)
    inverse = LinearOperator(size, matvec=lambda v: v / degree, dtype=np.float64)
    found, _ = cg(operator, flow, rtol=1e-10, maxiter=5000, M=inverse)
    return centred(np.asarray(found), part)


METHOD = Method(
    title="HodgeRank",
    family="ranking",
    consumes=(PairCounts,),
    solve=solve,
    reference="Jiang, Lim, Yao & Ye (2011), Mathematical Programming 127",
    axioms=("neutrality", "anonymity", "defined for every data set"),
)
