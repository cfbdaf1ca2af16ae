"""The design of a logistic model on single judgments: two strengths and any other columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Design:
    """theta columns are implied by a and b; z[N, F] are the other columns with their names and
    ridges.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    z: Floats
    names: tuple[str, ...]
    ridge: Floats
    share: Floats
    weight: Floats
    K: int
    n_own: int

    def linear(self, x: Floats) -> Floats:
        return np.asarray(x[self.a] - x[self.b] + self.z @ x[self.K :])

    def loglik(self, x: Floats) -> float:
        d = self.linear(x)
        return float(self.weight @ (self.share * log_expit(d) + (1 - self.share) * log_expit(-d)))

    def gradient_rows(self, x: Floats) -> Floats:
        return np.asarray(self.weight * (self.share - expit(self.linear(x))))

    def gradient(self, x: Floats) -> Floats:
        r = self.gradient_rows(x)
        theta = np.bincount(self.a, r, minlength=self.K) - np.bincount(self.b, r, minlength=self.K)
        return np.concatenate([theta, self.z.T @ r])

    def information(self, x: Floats) -> Floats:
        p = expit(self.linear(x))
        w = self.weight * p * (1 - p)
        K, F = self.K, self.z.shape[1]
        H = np.zeros((K + F, K + F))
        off = np.bincount(self.a * K + self.b, w, minlength=K * K).reshape(K, K)
        off = off + off.T
        H[:K, :K] = np.diag(off.sum(axis=1)) - off
        for f in range(F):
            column = w * self.z[:, f]
            cross = np.bincount(self.a, column, minlength=K) - np.bincount(
                self.b, column, minlength=K
            )
            H[:K, K + f] = H[K + f, :K] = cross
        H[K:, K:] = self.z.T @ (w[:, None] * self.z)
        return H
