"""Likelihoods of one judgment's outcome given the difference d of two strengths, with derivatives.

Each model maps (outcome, d, extra) to the log-probability and its first and second derivatives in d
and the extra parameters, per cell. All are concave in (d, extra), so Newton's method with step
halving finds the maximum.
"""

from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_ndtr, logsumexp

Floats = NDArray[np.float64]
Ints = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Per cell: logp[M], d[M], dd[M]; for P extra parameters: e[P, M], de[P, M], ee[P, P, M]."""

    logp: Floats
    d: Floats
    dd: Floats
    e: Floats
    de: Floats
    ee: Floats


class OutcomeModel(Protocol):
    @property
    def n_extra(self) -> int: ...

    def start(self) -> Floats: ...

    def allowed(self, extra: Floats) -> bool: ...

    def derivatives(self, outcome: Ints, d: Floats, extra: Floats) -> Derivatives: ...


@dataclass(frozen=True)
class Cumulative:
    """Symmetric cumulative logit: P(y <= c) = sigma(tau_c - d) with tau_-c = -tau_c.

    levels: the strengths that occur; thresholds lie below each of them. Without ties the lowest
    threshold is 0.
    """

    levels: tuple[int, ...]
    has_ties: bool

    @property
    def n_extra(self) -> int:
        return len(self.levels) - (0 if self.has_ties else 1)

    def start(self) -> Floats:
        return np.arange(1.0, self.n_extra + 1)

    def allowed(self, extra: Floats) -> bool:
        return bool((np.diff(extra, prepend=0.0) > 0).all())

    def thresholds(self, extra: Floats) -> Floats:
        """tau of every level, the one below the smallest strength first."""
        return extra if self.has_ties else np.concatenate([[0.0], extra])

    def derivatives(self, outcome: Ints, d: Floats, extra: Floats) -> Derivatives:
        P, M = len(extra), len(d)
        lower, upper = self._bounds(outcome)
        lo, dl = _edge(lower, d, self.thresholds(extra))
        u, du = _edge(upper, d, self.thresholds(extra))
        flip = lo + u > 0  # take the difference of the smaller tails
        with np.errstate(invalid="ignore"):
            p = np.where(flip, expit(-lo) - expit(-u), expit(u) - expit(lo))
        p = np.maximum(p, np.finfo(float).tiny)
        fl, fu = expit(lo) * expit(-lo), expit(u) * expit(-u)
        gl, gu = -fl / p, fu / p
        hll = -fl * (1 - 2 * expit(lo)) / p - gl**2
        huu = fu * (1 - 2 * expit(u)) / p - gu**2
        hlu = -gl * gu
        shift = 0 if self.has_ties else 1
        el, eu = np.zeros((P, M)), np.zeros((P, M))
        for q in range(P):
            el[q] = np.where(np.abs(lower) == q + 1 + shift, np.sign(lower), 0) * (dl != 0)
            eu[q] = np.where(np.abs(upper) == q + 1 + shift, np.sign(upper), 0) * (du != 0)
        return Derivatives(
            np.log(p),
            -(gl * dl + gu * du),
            hll * dl + huu * du + 2 * hlu * dl * du,
            gl * el + gu * eu,
            -(hll * el * dl + huu * eu * du + hlu * (el * du + eu * dl)),
            hll * el[:, None] * el + huu * eu[:, None] * eu
            + hlu * (el[:, None] * eu + eu[:, None] * el),
        )  # fmt: skip

    def _bounds(self, outcome: Ints) -> tuple[Ints, Ints]:
        """Signed threshold numbers around each outcome: +k is tau_k, -k is -tau_k, beyond the last
        is infinite.
        """
        place = np.zeros(max(self.levels) + 1, dtype=np.int64)
        place[list(self.levels)] = np.arange(1, len(self.levels) + 1)
        k = np.where(outcome == 0, 0, place[np.abs(outcome)])
        beyond = len(self.levels) + 1
        lower = np.where(outcome > 0, k, np.where(outcome == 0, -1, -np.minimum(k + 1, beyond)))
        upper = np.where(outcome > 0, np.minimum(k + 1, beyond), np.where(outcome == 0, 1, -k))
        return lower, upper


def _edge(number: Ints, d: Floats, tau: Floats) -> tuple[Floats, Floats]:
    """Position tau - d of a threshold, and 1 where it is finite (0 beyond the last)."""
    finite = np.abs(number) <= len(tau)
    value = np.sign(number) * tau[np.where(finite, np.abs(number), 1) - 1]
    position = np.where(finite, value - d, np.sign(number) * np.inf)
    return position, finite.astype(np.float64)


@dataclass(frozen=True)
class Davidson:
    """P(i) : P(tie) : P(j) = exp(d/2) : nu : exp(-d/2), extra parameter log nu (absent when there
    are no ties).
    """

    has_ties: bool

    @property
    def n_extra(self) -> int:
        return int(self.has_ties)

    def start(self) -> Floats:
        return np.zeros(self.n_extra)

    def allowed(self, extra: Floats) -> bool:
        return True

    def derivatives(self, outcome: Ints, d: Floats, extra: Floats) -> Derivatives:
        nu = extra[0] if self.has_ties else -np.inf
        logits = np.stack([d / 2, np.full_like(d, nu), -d / 2])
        logp = logits - logsumexp(logits, axis=0)
        p = np.exp(logp)
        s = np.sign(outcome) / 2
        mean = (p[0] - p[2]) / 2
        own = np.choose(1 - np.sign(outcome), logp)
        n = self.n_extra
        tie = (outcome == 0).astype(np.float64)
        return Derivatives(
            own,
            s - mean,
            mean**2 - (p[0] + p[2]) / 4,
            (tie - p[1])[None][:n],
            (mean * p[1])[None][:n],
            (-p[1] * (1 - p[1]))[None, None][:n, :n],
        )


@dataclass(frozen=True)
class Probit:
    """P(i beats j) = Phi(d); no extra parameters, no ties."""

    n_extra: int = 0

    def start(self) -> Floats:
        return np.zeros(0)

    def allowed(self, extra: Floats) -> bool:
        return True

    def derivatives(self, outcome: Ints, d: Floats, extra: Floats) -> Derivatives:
        s = np.sign(outcome)
        z = s * d
        logp = log_ndtr(z)
        mills = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - logp)
        none = np.zeros((0, len(d)))
        return Derivatives(
            logp, s * mills, -mills * (z + mills), none, none, np.zeros((0, 0, len(d)))
        )


@dataclass(frozen=True)
class HalfTies:
    """A model without ties, where a tie counts as half a win for each side: a quasi-likelihood."""

    decided: OutcomeModel

    @property
    def n_extra(self) -> int:
        return self.decided.n_extra

    def start(self) -> Floats:
        return self.decided.start()

    def allowed(self, extra: Floats) -> bool:
        return self.decided.allowed(extra)

    def derivatives(self, outcome: Ints, d: Floats, extra: Floats) -> Derivatives:
        won = self.decided.derivatives(np.where(outcome == 0, 1, outcome), d, extra)
        lost = self.decided.derivatives(np.where(outcome == 0, -1, outcome), d, extra)
        return Derivatives(
            *((getattr(won, f.name) + getattr(lost, f.name)) / 2 for f in fields(Derivatives))
        )
