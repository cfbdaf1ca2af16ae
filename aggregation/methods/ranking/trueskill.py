"""TrueSkill for two: every item has a normal belief about its skill, sharpened by each judgment.

Skills N(mu, sigma^2) drift by tau before every judgment; the performance of each adds noise beta.
With c^2 = 2 beta^2 + sigma_a^2 + sigma_b^2, t = (mu_a - mu_b)/c and the draw margin eps = sqrt(2)
beta Phi^-1((p_draw + 1)/2), a win moves mu_a by sigma_a^2/c v(t, eps/c) and shrinks sigma_a^2 by
the factor 1 - sigma_a^2/c^2 w(t, eps/c), with the v and w of truncated normals for wins and draws.
A judgment of weight w is the same game w times in a row; of what is left below one, f, the game
moves, sharpens and drifts f times as much, so that weights between whole numbers lie between them.

Depends on the order of judgments (ORDER_DEPENDENT): for live queues and matchmaking, not for
decisions. se is sigma. Items nobody judged keep the initial belief without a rank; parts never
compared have no common scale.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import erf, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from aggregation.links import Link
from aggregation.method import Estimate, Method
from aggregation.methods.ranking._structure import structure_of
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import Comparisons, TableError
from aggregation.uncertainty import normal_quantile
from aggregation.warning_codes import WarningCode, warn
from aggregation.watching import step
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TrueSkillOptions(Options):
    mu: float = option(25.0, "Initial mean", "")
    sigma: float = option(25 / 3, "Initial deviation", "", low=1e-6)
    beta: float = option(25 / 6, "Noise of a performance", "", low=1e-6)
    tau: float = option(25 / 300, "Drift", "Added to the deviation before every judgment.", low=0.0)
    draw: float = option(0.1, "Chance of a draw", "Between equals.", low=0.0, high=0.99)


def solve(table: Comparisons, options: TrueSkillOptions, rng: np.random.Generator) -> Estimate:
    structure = structure_of(table.pair_counts())
    mu, sigma = _play(table, options)
    kept = tuple(w for w in structure.warnings if w.code not in _NO_MATTER)
    z = normal_quantile(options.level)
    return Estimate(
        score=mu,
        score_kind="points",
        se=sigma,
        lo=mu - z * sigma,
        hi=mu + z * sigma,
        ci_method="posterior",
        component=structure.part,
        link=Link("probit", mu, sd=np.sqrt(sigma**2 + options.beta**2)),
        fit=Fit(n_obs=len(table), n_components=structure.n_parts),
        warnings=(*kept, warn(WarningCode.ORDER_DEPENDENT)),
    )


MOST_REPEATED = 10_000_000  # games beyond one per judgment
_NO_MATTER = (WarningCode.NOT_STRONGLY_CONNECTED, WarningCode.SEPARATION)


def _play(table: Comparisons, options: TrueSkillOptions) -> tuple[Floats, Floats]:
    _playable(table)
    mu, var = [options.mu] * table.n_items, [options.sigma**2] * table.n_items
    drift, noise = options.tau**2, 2 * options.beta**2
    margin = sqrt(2) * options.beta * float(ndtri((options.draw + 1) / 2))
    rows = zip(
        table.a.tolist(), table.b.tolist(), table.y.tolist(), table.weights.tolist(), strict=True
    )
    for done, (a, b, y, weight) in enumerate(_games(rows)):
        if done % 10_000 == 0:
            step(min(done, len(table)), len(table))
        if y < 0:
            a, b = b, a
        var_a, var_b = var[a] + weight * drift, var[b] + weight * drift
        c = sqrt(noise + var_a + var_b)
        t = (mu[a] - mu[b]) / c
        v, w = _draw(t, margin / c) if y == 0 else _win(t - margin / c)
        mu[a] += weight * var_a / c * v
        mu[b] -= weight * var_b / c * v
        var[a] = var_a * max(1 - weight * var_a / c**2 * w, 1e-4)
        var[b] = var_b * max(1 - weight * var_b / c**2 * w, 1e-4)
    return np.array(mu), np.sqrt(np.array(var))


def _playable(table: Comparisons) -> None:
    """Raises TableError where weights stand for more games than anybody would wait for."""
    games = float(table.weights.sum())
    if games > len(table) + MOST_REPEATED:
        raise TableError(
            say(
                "The weights stand for %(games)s games of %(n)s judgments, and TrueSkill plays "
                "them one by one. Give smaller weights, or choose Bradley–Terry.",
                games=f"{games:,.0f}",
                n=f"{len(table):,}",
            )
        )


def _games(
    rows: Iterable[tuple[int, int, int, float]],
) -> Iterator[tuple[int, int, int, float]]:
    """Each judgment as often as its weight says, and once more by what is left below one."""
    for a, b, y, weight in rows:
        whole = int(weight)
        for _ in range(whole):
            yield a, b, y, 1.0
        if weight > whole:
            yield a, b, y, weight - whole


def _density(x: float) -> float:
    return exp(-x * x / 2) / sqrt(2 * pi)


def _below(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


def _win(x: float) -> tuple[float, float]:
    """v and w of a win, x = t - eps; far below zero v is -x to leading order."""
    if x < -8:
        return -x, 1.0
    v = _density(x) / _below(x)
    return v, v * (v + x)


def _draw(t: float, eps: float) -> tuple[float, float]:
    """v and w of a draw; with no margin (draws thought impossible) the limit eps -> 0."""
    if eps < 1e-6:
        return -t, 1.0
    up, down = eps - abs(t), -eps - abs(t)
    mass = _below(up) - _below(down)
    if mass < 1e-300:
        return (-t, 1.0)
    v = (_density(down) - _density(up)) / mass
    w = v**2 + (up * _density(up) - down * _density(down)) / mass
    return (v if t >= 0 else -v), w


METHOD = Method(
    title="TrueSkill (two at a time)",
    family="ranking",
    consumes=(Comparisons,),
    solve=solve,
    options=TrueSkillOptions,
    reference="Herbrich, Minka & Graepel (2007), NIPS 19",
    axioms=("neutrality",),
    version="2",  # 2: a judgment of weight w is a game w times in a row
    sequential=True,
    bootstrap=False,
)
