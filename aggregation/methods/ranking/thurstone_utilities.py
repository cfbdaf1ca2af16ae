"""Thurstonian utilities: every item has a mean and a variance of its own.

Model: U_i ~ N(mu_i, s_i^2), P(i preferred to j) = Phi((mu_i - mu_j)/sqrt(s_i^2 + s_j^2)). The
cross-entropy to the observed preference rates is minimised, weighted by judgments; where it is
known which item was shown first, the rate of a pair is the mean over both presentation orders,
which cancels position bias. A ridge on log s, per judgment on the connected part, settles the
common scale and the weakly identified variances. Afterwards mu has mean 0 and standard deviation 1
in every connected part.

fit.parameters: sd per item; cross_entropy per judgment; accuracy (share of pairs whose majority has
the larger mu); completeness, the mean of |2p - 1| (0: indifferent to everything). Not concave, and
flat in s (LOCAL_OPTIMUM_RISK): read the variances as a rough guide.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._strengths import centred
from aggregation.methods.ranking._structure import structure_of
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import Comparisons, PairCounts
from aggregation.warning_codes import WarningCode, warn
from aggregation.watching import beat

Floats = NDArray[np.float64]
Ints = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class UtilityOptions(Options):
    ridge: float = option(
        0.01, "Ridge on log sd", "Per judgment; larger makes variances alike.", low=1e-9
    )
    rescue: float = option(1e-3, "Penalty under separation", "Per judgment, on means.", low=1e-12)
    max_iter: int = option(5000, "Iterations", "At most.", low=1)


@dataclass(frozen=True, eq=False)
class Rates:
    """Pairs i < j with the rate at which i is preferred and the number of judgments."""

    i: Ints
    j: Ints
    rate: Floats
    n: Floats


def solve(
    evidence: Comparisons | PairCounts, options: UtilityOptions, rng: np.random.Generator
) -> Estimate:
    from scipy.optimize import minimize

    counts = evidence.pair_counts()
    structure = structure_of(counts)
    rates = _rates(evidence, counts)
    K, total = counts.n_items, max(float(rates.n.sum()), 1.0)
    share = _judged_in_part(rates, structure.part) / total
    ridge, rescue = options.ridge * share, np.where(structure.loose, options.rescue * share, 0.0)

    def loss(x: Floats) -> tuple[float, Floats]:
        return _loss(x, rates, K, total, ridge, rescue)

    settings = {
        "maxiter": options.max_iter,
        "maxfun": 4 * options.max_iter,
        "ftol": 1e-15,
        "gtol": 1e-9,
        "maxcor": 30,
    }
    found = minimize(
        loss, np.zeros(2 * K), jac=True, method="L-BFGS-B", options=settings, callback=beat
    )
    mu, sd = _standardised(found.x[:K], np.exp(found.x[K:]), structure.part)
    p = _chance(mu, sd, rates)
    shown = np.where(structure.part < 0, np.nan, mu)
    decided = rates.rate != 0.5
    agreed = np.sign(mu[rates.i] - mu[rates.j]) == np.sign(rates.rate - 0.5)
    parameters = {
        "sd": np.where(structure.part < 0, np.nan, sd).tolist(),
        "cross_entropy": _cross_entropy(mu, sd, rates) / total,
        "accuracy": float(agreed[decided].mean()) if decided.any() else float("nan"),
        "completeness": float(np.abs(2 * p - 1).mean()) if len(p) else float("nan"),
    }
    return Estimate(
        score=shown,
        score_kind="utility",
        component=structure.part,
        link=Link("probit", shown, sd=sd),
        fit=Fit(
            loglik=-_cross_entropy(mu, sd, rates) if len(p) else float("nan"),
            n_obs=len(evidence),
            n_par=2 * int((structure.part >= 0).sum()) - 2 * structure.n_parts,
            iters=int(found.nit),
            converged=bool(found.success) or float(np.abs(found.jac).max(initial=0.0)) < 1e-6,
            grad_inf=float(np.abs(found.jac).max(initial=0.0)),
            n_components=structure.n_parts,
            separated=structure.separated,
            parameters=parameters,
        ),
        warnings=(
            *structure.warnings,
            *((warn(WarningCode.LOCAL_OPTIMUM_RISK),) if len(p) else ()),
        ),
    )


def _rates(evidence: Comparisons | PairCounts, counts: PairCounts) -> Rates:
    i, j, won, lost, tied = counts.edges()
    n = won + lost + tied
    rate = (won + tied / 2) / n
    if not isinstance(evidence, Comparisons) or evidence.first is None:
        return Rates(i, j, rate, n)
    both = np.zeros(len(i), dtype=np.int64)
    mean = np.zeros(len(i))
    low_first = np.where(evidence.a < evidence.b, evidence.first, -evidence.first)
    for side in (1, -1):
        shown = evidence.take(low_first == side).pair_counts()
        games = np.asarray(shown.games[i, j], dtype=np.float64).ravel()
        points = np.asarray(shown.half_ties[i, j], dtype=np.float64).ravel()
        both += games > 0
        mean += np.where(games > 0, points / np.where(games > 0, games, 1.0), 0.0) / 2
    return Rates(i, j, np.where(both == 2, mean, rate), n)


def _judged_in_part(rates: Rates, part: Ints) -> Floats:
    """Judgments on the connected part of each item; all of them for an item without any."""
    judged = np.bincount(part[rates.i], rates.n, minlength=int(part.max(initial=0)) + 1)
    return np.where(part < 0, rates.n.sum(), judged[part])


def _loss(
    x: Floats, rates: Rates, K: int, total: float, ridge: Floats | float, rescue: Floats
) -> tuple[float, Floats]:
    """Mean cross-entropy with ridges, and its gradient in (mu, log sd)."""
    mu, u = x[:K], x[K:]
    s2 = np.exp(2 * u)
    spread = np.sqrt(s2[rates.i] + s2[rates.j])
    z = (mu[rates.i] - mu[rates.j]) / spread
    up, down = log_ndtr(z), log_ndtr(-z)
    weight = rates.n / total
    value = -float(weight @ (rates.rate * up + (1 - rates.rate) * down))
    density = -0.5 * z**2 - 0.5 * np.log(2 * np.pi)
    dz = -weight * (rates.rate * np.exp(density - up) - (1 - rates.rate) * np.exp(density - down))
    g_mu = np.bincount(rates.i, dz / spread, minlength=K) - np.bincount(
        rates.j, dz / spread, minlength=K
    )
    shrink = -dz * z / spread**2
    g_u = np.bincount(rates.i, shrink * s2[rates.i], minlength=K)
    g_u = g_u + np.bincount(rates.j, shrink * s2[rates.j], minlength=K)
    value += 0.5 * float((ridge * u**2).sum() + rescue @ mu**2)
    return value, np.concatenate([g_mu + rescue * mu, g_u + ridge * u])


def _standardised(mu: Floats, sd: Floats, part: Ints) -> tuple[Floats, Floats]:
    """mu with mean 0 and standard deviation 1 per part, sd to match; equal means stay 0."""
    mu = centred(mu, part)
    held = np.where(part < 0, 0, part)
    count = np.maximum(np.bincount(held, part >= 0, minlength=1), 1)
    scale = np.sqrt(np.bincount(held, np.where(part < 0, 0.0, mu**2), minlength=1) / count)[held]
    flat = scale < 1e-7
    return np.where(flat, 0.0, mu / np.where(flat, 1.0, scale)), sd / np.where(flat, 1.0, scale)


def _chance(mu: Floats, sd: Floats, rates: Rates) -> Floats:
    return np.asarray(
        ndtr((mu[rates.i] - mu[rates.j]) / np.sqrt(sd[rates.i] ** 2 + sd[rates.j] ** 2))
    )


def _cross_entropy(mu: Floats, sd: Floats, rates: Rates) -> float:
    z = (mu[rates.i] - mu[rates.j]) / np.sqrt(sd[rates.i] ** 2 + sd[rates.j] ** 2)
    return -float(rates.n @ (rates.rate * log_ndtr(z) + (1 - rates.rate) * log_ndtr(-z)))


METHOD = Method(
    title="Thurstonian utilities",
    family="ranking",
    consumes=(Comparisons, PairCounts),
    solve=solve,
    options=UtilityOptions,
    reference="Thurstone (1927), Psychological Review 34; "
    "Mazeika et al. (2025), Utility engineering, arXiv:2502.08640",
    axioms=("neutrality", "anonymity"),
    version="2",  # parts that never met no longer share a ridge
)
