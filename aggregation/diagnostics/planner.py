"""How many more judgments until the answer is sure enough?

Now, n judgments give scores s with covariance C. If m more come in like them (the same pairs in the
same shares, by new people who differ among themselves as those so far do), the covariance becomes

    C(m) = C n / (n + m),

and the scores one will then see are, as far as one can tell today, normal around s with covariance
C - C(m) = C m / (n + m): what is learnt is what is no longer unknown. For every m the goal is
checked in many such futures, drawn once from a seed; the answer is the smallest m at which it is
reached in the share of futures asked for. A goal that today's scores reach by luck can be lost
again in some of them, which is why the share may fall before it rises.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from aggregation.diagnostics.significance import holm
from aggregation.results import AggregateResult
from aggregation.uncertainty import normal_quantile

Floats = NDArray[np.float64]
Goal = Literal["winner", "order", "width"]
MOST_ITEMS = 1_000  # beyond, the covariance of all of them doesn't fit
MOST = 64.0  # times today's judgments that are looked ahead
STEPS = 48
QUARTERS = (0.5, 0.8, 0.95)


@dataclass(frozen=True)
class Step:
    """`more` judgments from now: share of futures in which the goal is reached, and the mean
    half-width of the scores' intervals.
    """

    more: int
    reached: float
    half_width: float


@dataclass(frozen=True)
class Forecast:
    """With at least this chance the goal is reached after `more` judgments; None: not within MOST
    times as many as there are.
    """

    chance: float
    more: int | None


@dataclass(frozen=True)
class Plan:
    """goal, level, judgments and people so far, whether it is reached today, and what more bring.

    `enough` answers the question asked; `forecasts` give the same for a few chances.
    """

    goal: Goal
    level: float
    width: float
    judgments: int
    people: int
    reached_today: bool
    enough: Forecast
    forecasts: tuple[Forecast, ...]
    steps: tuple[Step, ...]

    def people_for(self, more: int | None) -> int | None:
        """New people it takes at the mean number of judgments per person so far."""
        if more is None or not self.people or not self.judgments:
            return None
        return int(np.ceil(more * self.people / self.judgments))


def plan(
    score: Floats,
    cov: Floats,
    judgments: int,
    *,
    people: int = 0,
    goal: Goal = "winner",
    level: float = 0.95,
    width: float = 0.1,
    chance: float = 0.8,
    futures: int = 2_000,
    seed: int = 0,
    watch: Callable[[int], object] | None = None,
) -> Plan | None:
    """The plan for scores [K] with covariance [K, K] from `judgments` of `people`.

    goal   winner: the first item's difference to every other one leaves out 0 at `level`; order: so
           does every difference, by Holm's test; width: the mean half-width of the scores'
           intervals is at most `width`
    chance share of futures in which the goal must be reached

    None where a score or a covariance is undefined, with fewer than two items or no judgments.
    `watch` gets the number of steps done, at most STEPS.
    """
    watch = watch or (lambda _: None)
    usable = len(score) > 1 and np.isfinite(score).all() and np.isfinite(cov).all()
    if not usable or judgments < 1:
        return None
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    z = np.random.default_rng([0x91A4, seed]).standard_normal((futures, len(score)))
    noise = z @ root.T
    half = normal_quantile(level) * float(np.sqrt(np.maximum(np.diagonal(cov), 0.0)).mean())
    check = _check(goal, cov, level, width, half)
    steps = []
    for k, times in enumerate(np.concatenate([[0.0], np.geomspace(1 / 16, MOST, STEPS - 1)])):
        known = times / (1 + times)  # share of today's variance that m more judgments resolve
        then = score + np.sqrt(known) * noise if times else score[None, :]
        reached = float(check(then, 1 - known).mean())
        more = int(np.ceil(times * judgments))
        steps.append(Step(more, reached, half * float(np.sqrt(1 - known))))
        watch(k + 1)
    forecasts = tuple(_forecast(steps, each) for each in QUARTERS)
    return Plan(
        goal,
        level,
        width,
        judgments,
        people,
        bool(steps[0].reached),
        _forecast(steps, chance),
        forecasts,
        tuple(steps),
    )


def plan_for(result: AggregateResult, judgments: int, **asked: object) -> Plan | None:
    """The plan for a result with a covariance or replicates; None where it has neither, where its
    items fall into parts that never met, or are more than MOST_ITEMS.
    """
    if len(result.ids) > MOST_ITEMS:
        return None
    if result.component is not None and result.component.max(initial=-1) > 0:
        return None
    if result.replicates is not None and len(result.replicates) > 1:
        cov = np.cov(result.replicates.T, ddof=1).reshape(len(result.ids), -1)
    elif result.cov is not None:
        cov = result.cov
    else:
        return None
    kept = np.isfinite(result.score)
    return plan(result.score[kept], cov[np.ix_(kept, kept)], judgments, **asked)  # type: ignore[arg-type]


def _forecast(steps: list[Step], chance: float) -> Forecast:
    """The first number of judgments from which on the chance is never lower."""
    enough = [step.reached >= chance for step in steps[1:]]
    if steps[0].reached >= 1 and all(enough):
        return Forecast(chance, 0)
    last_short = max((k for k, yes in enumerate(enough) if not yes), default=-1)
    if last_short + 1 >= len(enough):
        return Forecast(chance, None)
    return Forecast(chance, steps[last_short + 2].more)


def _check(
    goal: Goal, cov: Floats, level: float, width: float, half: float
) -> Callable[[Floats, float], NDArray[np.bool_]]:
    """A function of futures [F, K] and the share of variance left, giving bool[F]."""
    variance = np.diagonal(cov)
    gap_sd = np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2 * cov, 0.0))
    z = normal_quantile(level)

    def winner(then: Floats, left: float) -> NDArray[np.bool_]:
        first = np.argmax(then, axis=1)
        gap = then[np.arange(len(then)), first][:, None] - then
        needed = z * np.sqrt(left) * gap_sd[first]
        gap[np.arange(len(then)), first] = np.inf
        return np.asarray((gap > needed).all(axis=1))

    def order(then: Floats, left: float) -> NDArray[np.bool_]:
        i, j = np.triu_indices(len(cov), 1)
        se = np.sqrt(left) * gap_sd[i, j]
        with np.errstate(divide="ignore", invalid="ignore"):
            p = 2 * ndtr(-np.abs(then[:, i] - then[:, j]) / se)
        return np.array([bool(holm(row, 1 - level).all()) for row in p])

    def narrow(then: Floats, left: float) -> NDArray[np.bool_]:
        return np.full(len(then), half * np.sqrt(left) <= width)

    return {"winner": winner, "order": order, "width": narrow}[goal]
