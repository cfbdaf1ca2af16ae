"""What to ask next: rules that say what an answer is worth, and a lottery that obeys them without
ever losing sight of the rest.

The state is a Bradley–Terry posterior with a Gaussian prior of variance 1/penalty: its mode theta
and covariance C = (H + penalty I)^-1 are finite for any data, also for items never judged.

information_gain  worth of asking (a, b): 1/2 log(1 + p (1 - p) v), v the posterior variance of
                  theta_a - theta_b and p its predicted share: what one answer tells about all.
who_is_where      bits that an answer tells about which group of a mixture its author belongs to,
                  averaged over the people whose group isn't known yet; needs a run that found
                  groups instead of the posterior, and a floor of one in five.
dueling_bandit    double Thompson sampling (Wu & Liu 2016): the chance that two draws from the
                  posterior name a and b as best, the second among the others: it finds the best
                  item and spends little on the rest.

Questions are drawn without replacement with chances p = floor / n + (1 - floor) * share, so that
each keeps at least the chance floor / n; the chance of every draw, given the draws before, is its
propensity. With it, averages over what was asked stay unbiased (Des Raj 1956), whatever the rule.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.methods.ranking import _strengths as strengths
from aggregation.methods.ranking._curvature import information
from aggregation.tables import PairCounts, TableError
from annotation.phrases import say

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

MOST_ITEMS = 2_000  # items whose covariance is held at once
PENALTY = 1.0
SHARPNESS = 8  # share of a pair is its worth to this power: near the best, but not only the best
DRAWS = 4_000


@dataclass(frozen=True, eq=False)
class Posterior:
    """theta[K] and C[K, K] of a Bradley–Terry fit with a Gaussian prior."""

    ids: tuple[Hashable, ...]
    theta: Floats
    cov: Floats

    def difference_variance(self, a: Longs, b: Longs) -> Floats:
        C = self.cov
        return np.asarray(np.maximum(C[a, a] + C[b, b] - 2 * C[a, b], 0.0))


def posterior(counts: PairCounts, penalty: float = PENALTY) -> Posterior:
    """Mode and covariance; ties are half wins. Raises TableError beyond MOST_ITEMS items."""
    K = counts.n_items
    if K > MOST_ITEMS:
        raise TableError(
            say(
                "The next question can be chosen for at most %(most_items)s items at "
                "once, not %(k)s.",
                most_items=f"{MOST_ITEMS:,}",
                k=f"{K:,}",
            )
        )
    if penalty <= 0:
        raise ValueError("A prior needs a positive penalty.")
    h = np.asarray(counts.half_ties if counts.is_dense else counts.half_ties.toarray())
    part, ridge = np.zeros(K, dtype=np.int64), np.full(K, penalty)
    theta = strengths.fit_dense(h, part, ridge).theta if K else np.zeros(0)
    H = information(h, theta) if K else np.zeros((0, 0))
    cov = np.linalg.inv(H + penalty * np.eye(K))
    return Posterior(counts.ids, theta, np.asarray(cov, dtype=np.float64))


def information_gain(state: Posterior, a: Longs, b: Longs) -> Floats:
    """1/2 log(1 + p (1 - p) v) per pair, in nats."""
    p = 1 / (1 + np.exp(state.theta[b] - state.theta[a]))
    return np.asarray(0.5 * np.log1p(p * (1 - p) * state.difference_variance(a, b)))


def duel_chances(
    state: Posterior, a: Longs, b: Longs, *, draws: int = DRAWS, seed: int = 0
) -> Floats:
    """Chance that double Thompson sampling picks the pair {a, b}, by simulation; 0 … 1."""
    K = len(state.theta)
    if K < 2:
        return np.zeros(len(a))
    values, vectors = np.linalg.eigh(state.cov)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = np.random.default_rng([0xD0E1, seed])
    one, two = (state.theta + rng.standard_normal((draws, K)) @ root.T for _ in range(2))
    first = one.argmax(axis=1)
    two[np.arange(draws), first] = -np.inf
    second = two.argmax(axis=1)
    low, high = np.minimum(first, second), np.maximum(first, second)
    picked = np.bincount(low * K + high, minlength=K * K) / draws
    return np.asarray(picked[np.minimum(a, b) * K + np.maximum(a, b)])


def optimistic_pair(theta: Floats, cov: Floats, nu: float = 1.0) -> tuple[int, int]:
    """The item of highest score, and the other one whose score could be highest: argmax of
    theta_j + nu sd(theta_j - theta_first) (APOHF, Lin et al. 2024).
    """
    first = int(np.argmax(theta))
    variance = np.diagonal(cov) + cov[first, first] - 2 * cov[first]
    bound = theta + nu * np.sqrt(np.maximum(variance, 0.0))
    bound[first] = -np.inf
    return first, int(np.argmax(bound))


@dataclass(frozen=True)
class Rule:
    """A rule for the next question: a title, a sentence, and the worth of pairs (a, b).

    Without `worth` the pairs are valued by what they tell about people's groups. `least_floor` is
    the least share of chance that the rule leaves to all questions alike.
    """

    title: str
    sentence: str
    worth: Callable[[Posterior, Longs, Longs, int], Floats] | None
    sharpness: float
    least_floor: float = 0.01

    def on(self, state: Posterior, seed: int = 0) -> Callable[[Longs, Longs], Floats]:
        """Worth of pairs by this posterior. Raises ValueError for a rule that goes by groups."""
        worth = self.worth
        if worth is None:
            raise ValueError(f"“{self.title}” goes by groups, not by what items are worth.")
        return lambda a, b: worth(state, a, b, seed)


RULES: dict[str, Rule] = {
    "information_gain": Rule(
        "Learn the whole order",
        "Asks where one answer says most about all items: close pairs that were compared little.",
        lambda state, a, b, _: information_gain(state, a, b),
        SHARPNESS,
    ),
    "dueling_bandit": Rule(
        "Find the best one",
        "Asks about items that could still be the best, and leaves the rest to the floor.",
        lambda state, a, b, seed: duel_chances(state, a, b, seed=seed),
        1.0,
    ),
    "who_is_where": Rule(
        "Place newcomers in their groups",
        "Asks what tells most about the group of people who aren't placed yet; needs a finished "
        "run of the mixture that found groups, and a floor of 0.2.",
        None,
        2.0,
        least_floor=0.2,
    ),
}


def question_worth(
    worth_of: Callable[[Longs, Longs], Floats], questions: Sequence[tuple[int, ...]]
) -> Floats:
    """What each question's answer is worth, given the items it places: the sum over its pairs, of
    which `worth_of` values many at once.
    """
    kinds: dict[tuple[int, ...], int] = {}
    kind = np.array(
        [kinds.setdefault(tuple(sorted(set(q))), len(kinds)) for q in questions], dtype=np.int64
    )
    left, right, owner = _pairs(list(kinds))
    worth = np.bincount(owner, worth_of(left, right), minlength=len(kinds))
    return worth[kind].astype(np.float64)


def shares(worth: Floats, same: Sequence[Hashable], sharpness: float) -> Floats:
    """Shares of chance that sum to 1, by worth to the power of `sharpness`; questions with equal
    `same` are about the same items and divide the share of one. Even where nothing is worth more.
    """
    if not len(worth):
        return np.zeros(0)
    kinds: dict[Hashable, int] = {}
    kind = np.array([kinds.setdefault(each, len(kinds)) for each in same], dtype=np.int64)
    crowd = np.bincount(kind)[kind]
    top = worth.max()
    raw = ((worth / top) ** sharpness if top > 0 else np.ones(len(worth))) / crowd
    return np.asarray(raw / raw.sum(), dtype=np.float64)


def _pairs(kinds: Sequence[tuple[int, ...]]) -> tuple[Longs, Longs, Longs]:
    rows = [
        (items[i], items[j], k)
        for k, items in enumerate(kinds)
        for i in range(len(items))
        for j in range(i)
    ]
    left, right, owner = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return left, right, owner


def with_floor(share: Floats, floor: float) -> Floats:
    """floor / n + (1 - floor) * share. Raises ValueError for a floor outside (0, 1]."""
    if not 0 < floor <= 1:
        raise ValueError("The floor is a share of chance, above 0 and at most 1.")
    return np.asarray(floor / max(len(share), 1) + (1 - floor) * share)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Questions in the order drawn, and the chance of each draw given those before it."""

    order: Longs
    propensity: Floats


def draw_order(chance: Floats, rng: np.random.Generator, depth: int | None = None) -> Drawn:
    """Draw `depth` of the n questions (default all) without replacement, with chances that sum
    to 1: the first by `chance`, each further one by the chances of those that are left.
    """
    n = len(chance)
    depth = n if depth is None else min(depth, n)
    with np.errstate(divide="ignore"):
        keys = np.log(chance) + rng.gumbel(size=n)
    order = np.argsort(-keys, kind="stable")
    ordered = chance[order]
    left = np.cumsum(ordered[::-1])[::-1]
    return Drawn(order[:depth], np.minimum(ordered[:depth] / left[:depth], 1.0))


def unbiased_total(value: Floats, drawn: Drawn, steps: int) -> float:
    """Sum of `value` over all questions, estimated without bias from the first `steps` draws: the
    mean over steps of (values drawn before) + value / propensity (Des Raj 1956).
    """
    seen = value[drawn.order[:steps]]
    before = np.concatenate([[0.0], np.cumsum(seen)[:-1]])
    return float((before + seen / drawn.propensity[:steps]).mean())
