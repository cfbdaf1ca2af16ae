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
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.social_choice._tally import Tally, tally_pairs
from aggregation.options import Options, option
from aggregation.resampling import (
    active_clusters,
    resample,
    resample_side_by_side,
    varies_prompts,
)
from aggregation.results import Fit
from aggregation.tables import PairCounts
from aggregation.warning_codes import WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]
SIDE_BY_SIDE = 64  # items up to which games are solved together


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
    return _shares(counts.half_ties)


def _shares(half: Floats) -> Floats:
    """The same of points float64[..., K, K], half a point for a tie."""
    games = half + np.swapaxes(half, -1, -2)
    return np.where(games > 0, half / np.where(games > 0, games, 1.0), 0.5)


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
    """Logarithms of the lottery of one game float64[K, K], or of several [B, K, K] side by side;
    the steps it took, and the largest distance from a fixed point.
    """
    eta, beta = min(options.eta, 1.0 / options.beta), options.beta
    z = np.broadcast_to(reference, P.shape[:-1])  # logarithms up to a constant
    if not P.size:
        return z, 0, 0.0
    kept, drawn, steps = 1 - eta * beta, eta * beta * reference, 0
    pi = np.exp(z)
    while True:
        beat()
        chances = _against(P, pi)
        _, there = _normal(reference + chances / beta)  # pi itself at the fixed point
        gap = float(np.abs(there - pi).max())
        if gap < 1e-11 or steps == options.max_iter:
            return z - np.log(np.exp(z).sum(axis=-1, keepdims=True)), steps, gap
        base = kept * z + drawn
        z, pi = _normal(base + eta * chances)
        if options.solver == "egpo":
            z, pi = _normal(base + eta * _against(P, pi))
        steps += 1


def _against(P: Floats, pi: Floats) -> Floats:
    """Each item's chance against an opponent drawn by pi."""
    return np.asarray(np.matmul(P, pi[..., None])[..., 0])


def _normal(z: Floats) -> tuple[Floats, Floats]:
    """The same with the largest 0, and the probabilities of these logarithms."""
    z = z - z.max(axis=-1, keepdims=True)
    pi = np.exp(z)
    return z, pi / pi.sum(axis=-1, keepdims=True)


def resample_games(
    table: Any, evidence: PairCounts, estimate: Estimate, options: NashOptions
) -> Floats | None:
    """Bootstrap over annotators: many games are solved side by side."""
    members = np.flatnonzero(evidence.seen)
    several = len(members) > 0 and not isinstance(table, PairCounts) and active_clusters(table) > 1
    if (
        not several
        or evidence.n_items > SIDE_BY_SIDE
        or options.solver == "sppo"
        or varies_prompts(options)
    ):
        return resample(solve, table, evidence, estimate, options)
    even = np.full(len(members), -np.log(len(members)))

    def lotteries(wins: Floats, ties: Floats) -> Floats:
        half = (wins + ties / 2)[:, members][:, :, members]
        return np.asarray(np.exp(_mirror(_shares(half), even, options)[0]))

    scores = np.full((options.replicates, evidence.n_items), np.nan)
    scores[:, members] = resample_side_by_side(table, options, lotteries)
    return scores


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
    resample=resample_games,
    reference="Munos et al. (2023), Nash learning from human feedback, arXiv:2312.00886; "
    "Wu et al. (2024), "
    "SPPO, arXiv:2405.00675; Zhang et al. (2024), INPO, arXiv:2407.00617",
    axioms=("anonymity", "neutrality"),
    version="3",  # 2: rounds of self-play without logarithms of sums; 3: nor elsewhere
)
