"""Nash lottery of the preference game, kept near a reference by a Kullback–Leibler penalty.

With P_ij the chance that i is preferred to j, the solution of the regularised game is the fixed
point pi ~ pi_ref * exp(P pi / beta), which is unique for beta > 0; as beta goes to 0 it tends to
the maximal lottery. The reference is uniform.

Solvers of the one game: "egpo" (extragradient; the last iterate converges linearly): half = U(pi,
pi), next = U(pi, half) with U(base, opponent) ~ base^(1 - eta beta) ref^(eta beta) exp(eta P
opponent); "inpo" (one such step per round, mirror descent); "sppo" (beta = 0, multiplicative
weights: only the average converges, slowly).

Pairs never compared count as even. score is the probability.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import PairCounts
from aggregation.warning_codes import WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class NashOptions(Options):
    solver: Literal["egpo", "inpo", "sppo"] = option(
        "egpo", "Solver", "Ways to the same equilibrium."
    )
    beta: float = option(0.1, "Penalty", "Weight of staying near the uniform reference.", low=1e-4)
    eta: float = option(0.5, "Step", "Smaller for a small penalty.", low=1e-6, high=10.0)
    max_iter: int = option(50_000, "Iterations", "At most.", low=1)


def solve(counts: PairCounts, options: NashOptions, rng: np.random.Generator) -> Estimate:
    return tally_pairs(counts, lambda c: _equilibrium(c, options))


def win_chances(counts: PairCounts) -> Floats:
    """P_ij = (W_ij + T_ij/2) / n_ij, one half where a pair never met and on the diagonal."""
    met = counts.games > 0
    return np.where(met, counts.half_ties / np.where(met, counts.games, 1.0), 0.5)


def _equilibrium(counts: PairCounts, options: NashOptions) -> Tally:
    P = win_chances(counts)
    K = len(P)
    even = np.full(K, -np.log(K)) if K else np.zeros(0)
    if options.solver == "sppo":
        log_pi, steps, gap = _self_play(P, even + 1e-3 * P.mean(axis=1), options)
    else:
        log_pi, steps, gap = _mirror(P, even, options)
    pi = np.exp(log_pi)
    tolerance = 1e-2 if options.solver == "sppo" else 1e-8
    fit = Fit(n_obs=counts.rows, iters=steps, converged=gap < tolerance, grad_inf=gap)
    told = warn(WarningCode.RANDOMISED, say("the lottery is given, nothing is drawn"))
    return Tally(pi, "probability", (), pi, Link("matrix", P), fit, (told,))


def _mirror(P: Floats, reference: Floats, options: NashOptions) -> tuple[Floats, int, float]:
    eta, beta = min(options.eta, 1.0 / options.beta), options.beta

    if not len(P):
        return reference, 0, 0.0
    kept, drawn, steps = 1 - eta * beta, eta * beta * reference, 0
    z, pi = reference, np.exp(reference)  # z: logarithms of pi up to a constant
    while True:
        beat()
        chances = P @ pi
        _, there = _normal(reference + chances / beta)  # pi itself at the fixed point
        gap = float(np.abs(there - pi).max())
        if gap < 1e-11 or steps == options.max_iter:
            return z - np.log(np.exp(z).sum()), steps, gap
        base = kept * z + drawn
        z, pi = _normal(base + eta * chances)
        if options.solver == "egpo":
            z, pi = _normal(base + eta * (P @ pi))
        steps += 1


def _normal(z: Floats) -> tuple[Floats, Floats]:
    """The same with the largest 0, and the probabilities of these logarithms."""
    z = z - z.max()
    pi = np.exp(z)
    return z, pi / pi.sum()


def _self_play(P: Floats, start: Floats, options: NashOptions) -> tuple[Floats, int, float]:
    """Average of multiplicative weights pi <- pi * exp(eta P pi) from log-weights `start`; the gap
    is how much a rival could still win.
    """
    if not len(P):
        return start, 0, 0.0
    z, total = start - start.max(), np.zeros(len(P))
    for _ in range(options.max_iter):
        beat()
        pi = np.exp(z)
        pi /= pi.sum()
        total += pi
        z = z + options.eta * (P @ pi)
        z = z - z.max()
    mean = total / options.max_iter
    gap = float((P @ mean).max() - 0.5)
    with np.errstate(divide="ignore"):
        return np.log(mean), options.max_iter, gap


METHOD = Method(
    title="Nash lottery (regularised preference game)",
    family="social_choice",
    consumes=(PairCounts,),
    solve=solve,
    options=NashOptions,
    reference="Munos et al. (2023), Nash learning from human feedback, arXiv:2312.00886; "
    "Wu et al. (2024), "
    "SPPO, arXiv:2405.00675; Zhang et al. (2024), INPO, arXiv:2407.00617",
    axioms=("anonymity", "neutrality"),
    version="3",  # 2: rounds of self-play without logarithms of sums; 3: nor elsewhere
)
