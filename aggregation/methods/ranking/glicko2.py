"""Glicko-2: ratings with a deviation and a volatility, updated once per rating period.

On the internal scale mu = (rating - 1500)/173.7178 and phi = RD/173.7178, with g(phi) = 1/sqrt(1 +
3 phi^2/pi^2) and E = sigma(g(phi_j)(mu - mu_j)): variance v = 1/sum g^2 E(1 - E), the volatility is
renewed by Illinois root finding (at most 100 steps), phi* = sqrt(phi^2 + sigma^2), phi' =
1/sqrt(1/phi*^2 + 1/v), mu' = mu + phi'^2 sum g (s - E). A tie is half a win. All items are updated
at once from their ratings before the period; an idle item's deviation grows.

All judgments are one period by default, so their order doesn't matter; `periods="group"` takes
every group as a period, in order (ORDER_DEPENDENT). se is the rating deviation. Parts never
compared have no common scale (DISCONNECTED).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._structure import structure_of
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import Comparisons
from aggregation.uncertainty import normal_quantile
from aggregation.warning_codes import WarningCode, warn
from aggregation.watching import step

Floats = NDArray[np.float64]
SCALE = 173.7178
ROOT_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class Glicko2Options(Options):
    rating: float = option(1500.0, "Initial rating", "")
    deviation: float = option(350.0, "Initial deviation", "", low=1e-6)
    volatility: float = option(0.06, "Initial volatility", "", low=1e-9)
    tau: float = option(0.5, "Volatility change", "Between 0.3 and 1.2; small is steady.", low=1e-6)
    periods: Literal["one", "group"] = option(
        "one", "Rating periods", "All at once, or one per group in order."
    )


@dataclass(frozen=True, eq=False)
class Ratings:
    """rating[K], deviation[K], volatility[K] on the displayed scale."""

    rating: Floats
    deviation: Floats
    volatility: Floats


def solve(table: Comparisons, options: Glicko2Options, rng: np.random.Generator) -> Estimate:
    structure = structure_of(table.pair_counts())
    K = table.n_items
    state = Ratings(
        np.full(K, options.rating), np.full(K, options.deviation), np.full(K, options.volatility)
    )
    by_group = options.periods == "group" and table.group is not None
    groups = np.unique(table.group) if by_group and table.group is not None else [None]
    for done, group in enumerate(groups):
        step(done, len(groups))
        period = table if group is None else table.take(table.group == group)
        if len(period):
            state = rate_period(state, period, options.tau)
    kept = [w for w in structure.warnings if w.code not in _NO_MATTER]
    if by_group:
        kept.append(warn(WarningCode.ORDER_DEPENDENT))
    z = normal_quantile(options.level)
    return Estimate(
        score=state.rating,
        score_kind="elo",
        se=state.deviation,
        lo=state.rating - z * state.deviation,
        hi=state.rating + z * state.deviation,
        ci_method="posterior",
        component=structure.part,
        link=Link("elo", state.rating),
        fit=Fit(
            n_obs=len(table),
            n_components=structure.n_parts,
            parameters={"volatility": state.volatility.tolist()},
        ),
        warnings=tuple(kept),
    )


_NO_MATTER = (WarningCode.NOT_STRONGLY_CONNECTED, WarningCode.SEPARATION)


def rate_period(state: Ratings, period: Comparisons, tau: float) -> Ratings:
    """Ratings after one period."""
    K = len(state.rating)
    mu, phi, vol = (state.rating - 1500) / SCALE, state.deviation / SCALE, state.volatility
    me = np.concatenate([period.a, period.b])
    other = np.concatenate([period.b, period.a])
    y = 0.5 + 0.5 * np.sign(period.y)
    s, w = np.concatenate([y, 1 - y]), np.tile(period.weights, 2)
    g = 1 / np.sqrt(1 + 3 * phi[other] ** 2 / np.pi**2)
    E = expit(g * (mu[me] - mu[other]))
    precision = np.bincount(me, w * g**2 * E * (1 - E), minlength=K)
    push = np.bincount(me, w * g * (s - E), minlength=K)
    played = precision > 0
    v = 1 / np.where(played, precision, 1.0)
    new_vol = np.where(played, _volatility(phi, vol, v, v * push, tau), vol)
    spread = np.sqrt(phi**2 + new_vol**2)
    new_phi = np.where(played, 1 / np.sqrt(1 / spread**2 + 1 / v), spread)
    new_mu = mu + np.where(played, new_phi**2 * push, 0.0)
    return Ratings(1500 + SCALE * new_mu, SCALE * new_phi, new_vol)


def _volatility(phi: Floats, vol: Floats, v: Floats, delta: Floats, tau: float) -> Floats:
    """Root of Glickman's f by the Illinois variant of false position, all items at once."""
    a = np.log(vol**2)

    def f(x: Floats) -> Floats:
        e = np.exp(x)
        d = phi**2 + v + e
        return np.asarray(e * (delta**2 - d) / (2 * d**2) - (x - a) / tau**2)

    excess = delta**2 - phi**2 - v
    B = np.where(excess > 0, np.log(np.where(excess > 0, excess, 1.0)), a - tau)
    for _ in range(ROOT_STEPS):
        low = (excess <= 0) & (f(B) < 0)
        if not low.any():
            break
        B = np.where(low, B - tau, B)
    A, fA, fB = a, f(a), f(B)
    for _ in range(ROOT_STEPS):
        if (np.abs(B - A) <= 1e-9).all():
            break
        gap = fB - fA
        C = np.where(np.abs(gap) > 0, A + (A - B) * fA / np.where(gap != 0, gap, 1.0), A)
        fC = f(C)
        crossed = fC * fB <= 0
        A, fA = np.where(crossed, B, A), np.where(crossed, fB, fA / 2)
        B, fB = C, fC
    return np.asarray(np.exp(A / 2))


METHOD = Method(
    title="Glicko-2",
    family="ranking",
    consumes=(Comparisons,),
    solve=solve,
    options=Glicko2Options,
    reference="Glickman (2001), Journal of Applied Statistics 28; "
    "Glickman (2022), Example of the Glicko-2 system",
    axioms=("neutrality",),
    bootstrap=False,
)
