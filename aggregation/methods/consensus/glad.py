"""GLAD: annotators differ in ability and units in difficulty.

Model: annotator j is right on unit u with probability sigma(alpha_j exp(b_u)), wrong answers are
spread evenly over the other C - 1 classes, classes are equally likely beforehand; alpha_j ~ N(1, 1)
and b_u ~ N(1, 1). exp(-b_u) is the unit's difficulty; alpha_j < 0 is an adversary. The penalised
marginal log-likelihood is maximised directly (L-BFGS): by Fisher's identity its gradient is that of
the expected complete likelihood, sum of (T - sigma) exp(b_u) for alpha_j and of (T - sigma) alpha_j
exp(b_u) for b_u. Not concave: LOCAL_OPTIMUM_RISK, started from alpha = b = 1.

Use it when units differ in difficulty and have five labels or more; with fewer, difficulty is
mostly its prior. Not identified with a single annotator or class (vote shares are given); between
annotators who share no unit only the prior tells experts from adversaries (LABEL_SWITCHING). A unit
that nobody labelled has the prior for posterior, but neither score nor label.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logsumexp

from aggregation.method import Estimate, Method
from aggregation.methods.consensus import _votes as votes_
from aggregation.methods.consensus._labelling import labelled, quality
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.tables import Labels
from aggregation.warning_codes import WarningCode, warn
from aggregation.watching import beat
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class GladOptions(Options):
    prior_precision: float = option(
        1.0, "Prior precision", "Of abilities and difficulties around 1.", low=1e-6
    )
    max_iter: int = option(2000, "Iterations", "At most.", low=1)


def solve(table: Labels, options: GladOptions, rng: np.random.Generator) -> Estimate:
    from scipy.optimize import minimize

    plain: Estimate | None = votes_.without_model(table)
    if plain is not None:
        return plain
    model = Model.of(table, options.prior_precision)
    start = np.ones(model.J + model.U)
    settings = {
        "maxiter": options.max_iter,
        "maxfun": 4 * options.max_iter,
        "ftol": 1e-14,
        "gtol": 1e-7,
        "maxcor": 20,
    }
    found = minimize(
        model.loss, start, jac=True, method="L-BFGS-B", options=settings, callback=beat
    )
    alpha, b = found.x[: model.J], found.x[model.J :]
    T = model.posterior(alpha, b)
    fit = Fit(
        loglik=model.loglik(alpha, b),
        penalised=-float(found.fun),
        n_obs=len(table),
        n_par=len(found.x),
        iters=int(found.nit),
        converged=bool(found.success),
        grad_inf=float(np.abs(found.jac).max()),
        parameters={"difficulty": np.exp(-b).tolist(), "log_easiness": b.tolist()},
    )
    annotators = quality(
        table, alpha, np.bincount(model.who, minlength=model.J), say("ability alpha")
    )
    told = (warn(WarningCode.LOCAL_OPTIMUM_RISK), *votes_.block_warnings(model.blocks))
    return labelled(table, T, annotators, fit, told)


@dataclass(frozen=True, eq=False)
class Model:
    """Rows of votes: unit, who, label, weight; sizes U, J, C; gold class per unit or -1."""

    unit: NDArray[np.int32]
    who: NDArray[np.int32]
    key: NDArray[np.int64]
    label: NDArray[np.int32]
    weight: Floats
    U: int
    J: int
    C: int
    gold: NDArray[np.int32] | None
    precision: float

    @classmethod
    def of(cls, table: Labels, precision: float) -> "Model":
        rows = table.answered()
        who, J = rows.people
        C = table.n_classes
        key = rows.unit.astype(np.int64) * C + rows.label
        return cls(
            rows.unit,
            who,
            key,
            rows.label,
            rows.weights,
            table.n_units,
            J,
            C,
            table.gold,
            precision,
        )

    @property
    def blocks(self) -> int:
        """Groups of annotators that share no unit with each other."""
        block = votes_.linked(self.who, self.unit, self.J, self.U)
        return len(np.unique(block[self.who]))

    def logits(self, z: Floats) -> tuple[Floats, Floats]:
        """Log-odds per class [U, C] and what all classes have in common [U]."""
        S = np.bincount(self.key, self.weight * (z + np.log(self.C - 1)), minlength=self.U * self.C)
        rest = np.bincount(
            self.unit, self.weight * (log_expit(-z) - np.log(self.C - 1)), minlength=self.U
        )
        return S.reshape(self.U, self.C) - np.log(self.C), rest.astype(np.float64)

    def marginal(self, z: Floats) -> tuple[Floats, float]:
        logits, rest = self.logits(z)
        total = logsumexp(logits, axis=1, keepdims=True)
        T, value = np.exp(logits - total), total[:, 0]
        if self.gold is not None:
            known = np.flatnonzero(self.gold >= 0)
            T[known] = np.eye(self.C)[self.gold[known]]
            value[known] = logits[known, self.gold[known]]
        voted = np.bincount(self.unit, minlength=self.U) > 0
        return T, float((value + rest)[voted].sum())

    def loss(self, x: Floats) -> tuple[float, Floats]:
        """Minus the penalised marginal log-likelihood and its gradient."""
        alpha, b = x[: self.J], x[self.J :]
        ease = np.exp(b)[self.unit]
        z = alpha[self.who] * ease
        T, value = self.marginal(z)
        r = self.weight * (T.ravel()[self.key] - expit(z))
        d_alpha = np.bincount(self.who, r * ease, minlength=self.J)
        d_b = np.bincount(self.unit, r * z, minlength=self.U)
        away = self.precision * (x - 1)
        gradient = np.concatenate([d_alpha, d_b]) - away
        return -(value - 0.5 * float(away @ (x - 1))), -gradient

    def loglik(self, alpha: Floats, b: Floats) -> float:
        return self.marginal(alpha[self.who] * np.exp(b)[self.unit])[1]

    def posterior(self, alpha: Floats, b: Floats) -> Floats:
        return self.marginal(alpha[self.who] * np.exp(b)[self.unit])[0]


METHOD = Method(
    title="GLAD",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    options=GladOptions,
    reference="Whitehill, Ruvolo, Wu, Bergsma & Movellan (2009), NIPS",
    axioms=("neutrality", "annotators weighted by reliability"),
    version="2",  # units without votes have their prior, but no score and no label
)
