"""Latent groups of annotators: a mixture of Bradley–Terry models with a component for random votes.

Annotator a belongs to group g with prior pi_g and then prefers i to j with chance
sigma(u_g(i) - u_g(j)); or, with prior pi_0, votes at random (u = 0). Expectation–maximisation works
on annotators, not votes:

    E  gamma[a, g] ~ pi_g prod_v P_g(v)^w_v
    M  pi_g = (sum_a gamma[a, g] + 1) / (A + components), and one guarded Newton step per group on
       the gamma-weighted log-likelihood less ridge/2 |u_g|^2

The penalised objective (log-likelihood + log of the Dirichlet(2) prior on pi - ridge) never falls:
a step that lowers it is halved. Many short climbs from random responsibilities, then the best of
them to the end, as optima are local. Starts are dealt to annotators by how well the one-group model
explains them, never by their names, so that renaming people or items changes nothing.

`hard=True` assigns every annotator to the likeliest component in each step, as MaxMin-RLHF does.

Sources: Chakraborty et al. (2024), MaxMin-RLHF, arXiv:2402.08925; Dempster, Laird & Rubin (1977);
Biernacki, Celeux & Govaert (2003) for the short climbs.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp

from aggregation.pluralism.votes import GroupVotes, scrambled
from aggregation.watching import beat, tick

Floats = NDArray[np.float64]
LOG2 = float(np.log(2))
SHRINKING = 300  # steps of utilities that lean on a common mean
SCOUT_ROWS, SCOUT_EACH = 20_000, 20  # rows, and rows per annotator, of a short climb


@dataclass(frozen=True)
class Climb:
    """How to fit: ridge on utilities, whether random votes are a component, hard assignment."""

    ridge: float = 0.3
    noise: bool = True
    hard: bool = False
    restarts: int = 8
    short: int = 8
    finalists: int = 2
    max_iter: int = 60
    tol: float = 1e-6


@dataclass(frozen=True, eq=False)
class Mixture:
    """A fitted mixture of G groups.

    parameters  float64[d, G], utilities of items or weights of features
    pi          float64[G + 1], shares of the components; the last is that of random votes
    gamma       float64[A, G + 1], chance that annotator a belongs to each component
    """

    parameters: Floats
    pi: Floats
    gamma: Floats
    loglik: float
    penalised: float
    iters: int
    converged: bool

    @property
    def n_groups(self) -> int:
        return int(self.parameters.shape[1])

    @property
    def shares(self) -> Floats:
        """Shares of the groups among the people whose votes don't look random, float64[G]."""
        return np.asarray(self.pi[:-1] / self.pi[:-1].sum())

    @property
    def sizes(self) -> Floats:
        """Expected members per group, float64[G]."""
        return np.asarray(self.gamma[:, :-1].sum(axis=0))

    @property
    def noise_share(self) -> float:
        return float(self.pi[-1])


def pooled(votes: GroupVotes, how: Climb, omega: Floats | None = None) -> Mixture:
    """One group and random votes."""
    gamma = np.tile([0.9, 0.1] if how.noise else [1.0, 0.0], (votes.n_people, 1))
    return _climb(votes, how, gamma, None, how.max_iter, omega)


def fit_mixture(
    votes: GroupVotes,
    groups: int,
    how: Climb,
    rng: np.random.Generator,
    one: Mixture | None = None,
) -> Mixture:
    """The best mixture of `groups` groups over the restarts; `one` is the fit of a single group."""
    one = one or pooled(votes, how)
    if groups == 1:
        return one
    order, scout = dealt(votes, one), _scout(votes, one)
    begun = []
    for _ in range(how.restarts):
        begun.append(begin(scout, how, random_start(order, groups, how, rng)))
        tick()
    begun.sort(key=lambda m: -m.penalised)
    finished = [refined(scout, how, m) for m in begun[: how.finalists]]
    best = max(finished, key=lambda m: m.penalised)
    return _by_share(best if scout is votes else refined(votes, how, best))


def refined(
    votes: GroupVotes,
    how: Climb,
    start: Mixture,
    omega: Floats | None = None,
    max_iter: int | None = None,
) -> Mixture:
    """Climb on from a mixture's parameters, on these votes; `omega` counts annotators A times."""
    steps = how.max_iter if max_iter is None else max_iter
    return _climb(votes, how, None, start, steps, omega)


def fixed_groups(
    votes: GroupVotes, members: Floats, how: Climb, omega: Floats | None = None
) -> Mixture:
    """Utilities of groups whose members are known: `members` float64[A, G + 1], rows of sum 1."""
    many = np.ones(votes.n_people) if omega is None else omega
    weight = members * many[:, None]
    U = np.zeros((votes.design.d, members.shape[1] - 1))
    converged, step = False, 0
    while step < how.max_iter and not converged:
        beat()
        step += 1
        direction = _directions(votes, how, votes.design.log_odds(U), U, weight)
        U = U + direction / max(1.0, float(np.abs(direction).max(initial=0.0)) / 2)
        converged = bool(np.abs(direction).max(initial=0.0) < 1e-7)
    pi = _shares(members, many, replace(how, noise=False))
    evidence = log_evidence(votes, U)[:, :-1]
    loglik = float((weight[:, :-1] * evidence).sum())
    value = loglik + _prior(pi, U, replace(how, noise=False))
    return Mixture(U, pi, members, loglik, value, step, converged)


def shrunken_groups(
    votes: GroupVotes, members: Floats, how: Climb, shrink: float, omega: Floats | None = None
) -> Mixture:
    """Utilities of known groups that are drawn towards what is common to all of them.

    u_g = m + delta_g with penalties ridge/2 |m|^2 and shrink/2 |delta_g|^2: where a group has few
    votes on an item it wants what everybody wants. `members` float64[A, G + 1], random votes last.
    Newton steps per group and the closed form for m take turns; the objective never falls.
    """
    many = np.ones(votes.n_people) if omega is None else omega
    weight = members * many[:, None]
    G = members.shape[1] - 1
    U, own = np.zeros((votes.design.d, G)), replace(how, ridge=shrink)
    converged, step = False, 0
    while step < SHRINKING and not converged:
        step += 1
        m = shrink * U.sum(axis=1, keepdims=True) / (how.ridge + G * shrink)
        direction = _directions(votes, own, votes.design.log_odds(U), U - m, weight)
        move = float(np.abs(direction).max(initial=0.0))
        U = U + direction / max(1.0, move / 2)
        converged = move < 1e-5
    pi = _shares(members, many, how)
    loglik = float((weight[:, :-1] * log_evidence(votes, U)[:, :-1]).sum())
    return Mixture(U, pi, members, loglik, loglik, step, converged)


def log_evidence(votes: GroupVotes, parameters: Floats) -> Floats:
    """log P(votes of a | component), float64[A, G + 1]; the last column is that of random votes."""
    return _evidence(votes, votes.design.log_odds(parameters))


def matched(reference: Floats, gamma: Floats) -> NDArray[np.int64]:
    """Which group of `gamma`[A, G + 1] plays the part of each group of `reference` (Hungarian)."""
    from scipy.optimize import linear_sum_assignment

    agreement = reference[:, :-1].T @ gamma[:, :-1]
    return np.asarray(linear_sum_assignment(-agreement)[1], dtype=np.int64)


def relabelled(mixture: Mixture, order: NDArray[np.int64]) -> Mixture:
    """The same mixture with its groups in another order."""
    components = np.append(order, mixture.n_groups)
    return Mixture(
        mixture.parameters[:, order],
        mixture.pi[components],
        mixture.gamma[:, components],
        mixture.loglik,
        mixture.penalised,
        mixture.iters,
        mixture.converged,
    )


def dealt(votes: GroupVotes, one: Mixture) -> NDArray[np.int64]:
    """Annotators by how well one group explains them, which no renaming changes."""
    fit = log_evidence(votes, one.parameters)[:, 0]
    return np.lexsort((votes.votes_each.round(6), fit.round(6)))


def random_start(
    order: NDArray[np.int64], groups: int, how: Climb, rng: np.random.Generator
) -> Floats:
    """Responsibilities [A, G + 1] from Dirichlet(1/2), dealt in this order."""
    gamma = np.zeros((len(order), groups + 1))
    gamma[order, :-1] = rng.dirichlet(np.full(groups, 0.5), len(order))
    if how.noise:
        gamma[:, :-1] *= 0.9
        gamma[:, -1] = 0.1
    return gamma


def begin(votes: GroupVotes, how: Climb, gamma: Floats, omega: Floats | None = None) -> Mixture:
    """A short climb. Random votes join half-way: earlier, they would swallow an opposed minority,
    to whom a coin is nearer than the majority, before it has a group of its own.
    """
    members = gamma.copy()
    members[:, :-1] /= members[:, :-1].sum(axis=1, keepdims=True)
    members[:, -1] = 0.0
    half = max(how.short // 2, 1)
    found = _climb(votes, replace(how, noise=False), members, None, half, omega)
    if not how.noise:
        return _climb(votes, how, None, found, how.short - half, omega)
    shares = np.append(0.95 * found.pi[:-1], 0.05)
    return _climb(votes, how, None, replace(found, pi=shares), how.short - half, omega)


def _scout(votes: GroupVotes, one: Mixture) -> GroupVotes:
    """A part of many votes, enough to find the hill on which to climb with all of them."""
    share = max(SCOUT_ROWS, SCOUT_EACH * votes.n_people) / max(len(votes), 1)
    if share >= 0.8:
        return votes
    draw = scrambled(votes, votes.design.log_odds(one.parameters)[:, 0])
    return votes.take(draw < share)


def _by_share(mixture: Mixture) -> Mixture:
    return relabelled(mixture, np.argsort(-mixture.pi[:-1], kind="stable").astype(np.int64))


def _evidence(votes: GroupVotes, eta: Floats) -> Floats:
    soft = np.logaddexp(0.0, eta)
    soft *= -votes.n[:, None]
    soft += votes.k[:, None] * eta
    noise = -LOG2 * votes.votes_each
    return np.column_stack([votes.by_person(soft), noise])


def _climb(
    votes: GroupVotes,
    how: Climb,
    gamma: Floats | None,
    start: Mixture | None,
    steps: int,
    omega: Floats | None = None,
) -> Mixture:
    A = votes.n_people
    many = np.ones(A) if omega is None else omega
    if start is not None:
        U, pi = start.parameters, start.pi
        eta = votes.design.log_odds(U)
        gamma, loglik = _responsibilities(_evidence(votes, eta), pi, many, how)
    else:
        assert gamma is not None
        U = np.zeros((votes.design.d, gamma.shape[1] - 1))
        eta = np.zeros((len(votes), U.shape[1]))
        pi, loglik = np.zeros(0), -np.inf
    value, converged, step = -np.inf, not len(votes), 0
    while step < steps and not converged:
        beat()
        step += 1
        pi = _shares(gamma, many, how)
        direction = _directions(votes, how, eta, U, gamma * many[:, None])
        size = 1.0
        while True:
            proposed = U + size * direction
            eta_new = votes.design.log_odds(proposed)
            gamma_new, loglik = _responsibilities(_evidence(votes, eta_new), pi, many, how)
            reached = loglik + _prior(pi, proposed, how)
            if reached >= value - 1e-8 * abs(value) or size < 1e-3 or how.hard:
                break
            size /= 2
        converged = bool(reached - value <= how.tol * max(abs(reached), 1.0)) and step > 1
        U, eta, gamma, value = proposed, eta_new, gamma_new, reached
    if not len(pi):
        pi = _shares(gamma, many, how)
    return Mixture(U, pi, gamma, float(loglik), float(value), step, converged)


def _directions(votes: GroupVotes, how: Climb, eta: Floats, U: Floats, weight: Floats) -> Floats:
    """Newton directions [d, G] of the weighted, penalised log-likelihoods."""
    P = expit(eta)
    rows = weight[votes.annotator, :-1]
    residual = rows * (votes.k[:, None] - votes.n[:, None] * P)
    curvature = rows * votes.n[:, None] * P * (1 - P)
    columns = [
        votes.design.newton(
            np.ascontiguousarray(curvature[:, g]), residual[:, g], how.ridge, U[:, g]
        )
        for g in range(U.shape[1])
    ]
    return np.stack(columns, axis=1)


def _responsibilities(
    evidence: Floats, pi: Floats, many: Floats, how: Climb
) -> tuple[Floats, float]:
    with np.errstate(divide="ignore"):
        joint = evidence + np.log(pi)
    if how.hard:
        best = joint.argmax(axis=1)
        return np.eye(joint.shape[1])[best], float(many @ joint.max(axis=1))
    total = logsumexp(joint, axis=1)
    return np.exp(joint - total[:, None]), float(many @ total)


def _shares(gamma: Floats, many: Floats, how: Climb) -> Floats:
    counts = many @ gamma + 1.0
    if not how.noise:
        counts[-1] = 0.0
    return np.asarray(counts / counts.sum())


def _prior(pi: Floats, U: Floats, how: Climb) -> float:
    known = pi if how.noise else pi[:-1]
    return float(np.log(known).sum()) - 0.5 * how.ridge * float((U * U).sum())
