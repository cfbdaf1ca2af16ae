"""Weighted majority: votes count by the confidence their annotators stated.

With `weights="log_odds"` a vote of confidence q adds log(q (C - 1)/(1 - q)) to its label, the
optimal rule when stated confidence is the chance of being right and errors are independent and
even; the shares are then posterior probabilities (uniform prior). With `weights="confidence"` the
confidences themselves are added up and divided by their sum. The two can differ: one vote of 0.9
outweighs two of 0.6 in log-odds (2.197 against 0.811) and loses in sums (0.9 against 1.2).

A vote without stated confidence counts as `assumed`. Confidence is clipped to 0.99: nobody is
certain. People are usually overconfident; when gold labels exist, weigh by accuracy on gold
instead.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aggregation.method import Estimate, Method
from aggregation.methods.consensus._labelling import (
    Leaders,
    agreement_with,
    labelled,
    quality,
    weighted_shares,
)
from aggregation.methods.consensus._log_odds import from_log_odds, log_odds
from aggregation.options import Options, option
from aggregation.tables import Labels
from annotation.phrases import say


@dataclass(frozen=True, kw_only=True)
class WeightedMajorityOptions(Options):
    weights: Literal["log_odds", "confidence"] = option(
        "log_odds", "Weight of a vote", "Log-odds of its confidence, or the confidence itself."
    )
    assumed: float = option(0.7, "Confidence where none is stated", "", low=0.01, high=0.99)


def solve(table: Labels, options: WeightedMajorityOptions, rng: np.random.Generator) -> Estimate:
    rows = table.answered()
    stated = np.full(len(rows), np.nan) if rows.conf is None else rows.conf.astype(np.float64)
    q = np.where(np.isnan(stated), options.assumed, stated)
    if options.weights == "confidence":
        posterior = weighted_shares(rows, rows.weights * q)
    else:
        posterior = from_log_odds(rows, log_odds(q, table.n_classes))
    people, count = rows.people
    leaders = Leaders.of(posterior)
    ability, n = agreement_with(rows, leaders, people, count)
    known = quality(table, ability, n, say("agreement with the outcome"))
    return labelled(table, posterior, known, leaders=leaders)


METHOD = Method(
    title="Confidence-weighted majority",
    family="consensus",
    consumes=(Labels,),
    solve=solve,
    options=WeightedMajorityOptions,
    reference="Nitzan & Paroush (1982), International Economic Review 23",
    axioms=("neutrality",),
)
