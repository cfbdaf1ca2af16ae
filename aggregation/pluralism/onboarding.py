"""Learning in few questions which group a newcomer belongs to, and panels that are fair to people.

A newcomer belongs to group g with chance gamma_g and prefers the first side of question q with
p[q, g] = sigma(u_g(i) - u_g(j)). The answer to q is expected to tell

    I(q) = H(sum_g gamma_g p[q, g]) - sum_g gamma_g H(p[q, g])      (bits; H the binary entropy)

about the group. Several questions at once are chosen one by one for what they tell together with
those already chosen. A share of the questions, one in five, is drawn evenly from all: groups are
fitted on the answers later, and a pool of telling questions alone would bias them. Every question
comes with the chance it was chosen with.

Sources: Lindley (1956), Annals of Mathematical Statistics 27; Houlsby et al. (2011), Bayesian
Active Learning by Disagreement, arXiv:1112.5745. Panels: systematic sampling with a random start,
Madow (1949), Annals of Mathematical Statistics 20.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logsumexp, xlogy

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
RANDOM_SHARE = 0.2
MOST_AT_ONCE = 10  # questions chosen together; their joint answers are counted out exactly


@dataclass(frozen=True)
class Chosen:
    """A question by its place in the pool, what its answer tells beyond the earlier ones (bits),
    whether chance drew it, and the chance with which it was chosen.
    """

    question: int
    information: float
    by_chance: bool
    propensity: float


def answers_by_group(utilities: ArrayLike, first: ArrayLike, second: ArrayLike) -> Floats:
    """p[Q, G] from utilities [G, K] of the items `first` and `second` [Q]."""
    u = np.asarray(utilities, dtype=np.float64)
    a, b = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    return np.asarray(expit(u[:, a] - u[:, b]).T)


def information(gamma: ArrayLike, p: ArrayLike) -> Floats:
    """Bits that the answer to each question is expected to tell about the group, float64[Q]."""
    belief, chance = _checked(gamma, p)
    return np.asarray(_entropy(chance @ belief) - _entropy(chance) @ belief)


def belief_after(
    gamma: ArrayLike, p: ArrayLike, answers: ArrayLike, weight: ArrayLike | None = None
) -> Floats:
    """gamma after answers [n] to questions of p [n, G]: 1 first side, 0 second, 1/2 a tie."""
    belief, chance = _checked(gamma, p)
    said = np.asarray(answers, dtype=np.float64)
    counts = np.ones(len(said)) if weight is None else np.asarray(weight, dtype=np.float64)
    each = xlogy(said[:, None], chance) + xlogy(1 - said[:, None], 1 - chance)
    with np.errstate(divide="ignore"):
        joint = np.log(belief) + counts @ each
    return np.asarray(np.exp(joint - logsumexp(joint)))


def beliefs_along(gamma: ArrayLike, p: ArrayLike, answers: ArrayLike) -> Floats:
    """gamma before any of the n answers and after each of them, float64[n + 1, G]."""
    belief = np.asarray(gamma, dtype=np.float64)
    chance, said = np.asarray(p, dtype=np.float64), np.asarray(answers, dtype=np.float64)
    path = [belief]
    for row, answer in zip(chance, said, strict=True):
        path.append(belief_after(path[-1], row[None, :], [answer]))
    return np.array(path)


def telling(beliefs: ArrayLike, p: ArrayLike) -> Floats:
    """Bits that the answer to each question tells about the group, averaged over people of these
    beliefs [P, G]: float64[Q].
    """
    people = np.atleast_2d(np.asarray(beliefs, dtype=np.float64))
    total = np.zeros(len(np.asarray(p)))
    for belief in people:
        total += information(belief / belief.sum(), p)
    return np.asarray(total / len(people))


def choose_questions(
    gamma: ArrayLike,
    p: ArrayLike,
    number: int,
    rng: np.random.Generator,
    random_share: float = RANDOM_SHARE,
) -> tuple[Chosen, ...]:
    """`number` questions of the pool, or all of a smaller pool, in the order to ask them.

    Raises ValueError for more than MOST_AT_ONCE: choose again once some are answered.
    """
    belief, chance = _checked(gamma, p)
    if not 0 <= number <= MOST_AT_ONCE:
        raise ValueError(f"At most {MOST_AT_ONCE} questions are chosen at once.")
    if not 0 <= random_share <= 1:
        raise ValueError("The random share lies between 0 and 1.")
    left = np.arange(len(chance))
    outcomes = np.ones((1, len(belief)))
    chosen: list[Chosen] = []
    while len(chosen) < number and len(left):
        gain = _gain(belief, outcomes, chance[left])
        best = int(gain.argmax())
        by_chance = bool(rng.random() < random_share)
        place = int(rng.integers(len(left))) if by_chance else best
        propensity = random_share / len(left) + (1 - random_share) * (place == best)
        question = int(left[place])
        chosen.append(Chosen(question, float(gain[place]), by_chance, propensity))
        outcomes = np.concatenate([outcomes * chance[question], outcomes * (1 - chance[question])])
        left = np.delete(left, place)
    return tuple(chosen)


def fair_panel(group: ArrayLike, seats: int, rng: np.random.Generator) -> Longs:
    """`seats` of the A people, int64, each with the same chance seats / A, ascending.

    `group` [A] says who belongs where; each group gets its share of the seats rounded up or down.
    Raises ValueError for more seats than people.
    """
    where = np.asarray(group)
    if not 0 <= seats <= len(where):
        raise ValueError(f"{seats} seats can't be filled from {len(where)} people.")
    _, code, size = np.unique(where, return_inverse=True, return_counts=True)
    order = np.lexsort((rng.random(len(where)), rng.permutation(len(size))[code]))
    if not seats:
        return np.zeros(0, dtype=np.int64)
    step = len(where) / seats
    marks = (rng.random() + np.arange(seats)) * step
    return np.sort(order[np.minimum(marks.astype(np.int64), len(where) - 1)])


def _gain(belief: Floats, outcomes: Floats, chance: Floats) -> Floats:
    """Bits beyond the earlier answers, whose chances by group are `outcomes` [O, G]."""
    joint = outcomes * belief
    weight = joint.sum(axis=1)
    known = joint / np.where(weight > 0, weight, 1.0)[:, None]
    gain = _entropy(chance @ known.T) - _entropy(chance) @ known.T
    return np.asarray(gain @ weight)


def _entropy(p: Floats) -> Floats:
    return np.asarray(-(xlogy(p, p) + xlogy(1 - p, 1 - p)) / np.log(2))


def _checked(gamma: ArrayLike, p: ArrayLike) -> tuple[Floats, Floats]:
    belief, chance = np.asarray(gamma, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if belief.ndim != 1 or chance.ndim != 2 or chance.shape[1] != len(belief):
        raise ValueError("Chances must be a table of questions by groups.")
    if (belief < 0).any() or not np.isclose(belief.sum(), 1.0) or not np.isfinite(chance).all():
        raise ValueError("Beliefs must be shares, chances finite numbers.")
    if ((chance < 0) | (chance > 1)).any():
        raise ValueError("Chances must lie between 0 and 1.")
    return belief, chance
