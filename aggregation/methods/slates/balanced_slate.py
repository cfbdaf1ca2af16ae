"""Balanced slate of statements: each statement stands for an equal part of the people.

Reads ratings (how much a person likes a statement). For j = 1 … k: r = ceil(n/k) in the first
n - k floor(n/k) rounds, floor(n/k) after. Take the statement whose r-th highest rating among people
not yet served is greatest (ties: the greater sum of those r); these r people are served by it.

The slate has balanced justified representation (BJR): no n/k people have a statement which all of
them rate at some level that none of them reaches with the statement that serves them; certified on
each result. A statement may serve several parts: score is the share of the people it serves (a mean
over tied slates, which are all listed), and `level` in the fit the rating that the last one of each
part gives, for the first slate. Who is served first among people of equal rating is decided by
their order in the table. Missing ratings count as the
lowest there are, since nobody can be served by what she hasn't rated; several ratings by one person
are averaged. People count alike, whatever the weights of their rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate, Method
from aggregation.options import Options, option
from aggregation.results import Fit
from aggregation.slates.approvals import public_order
from aggregation.slates.certificates import Certificate
from aggregation.slates.statements import balanced_representation, balanced_slates
from aggregation.tables import Ratings
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class BalancedSlateOptions(Options):
    seats: int = option(3, "Statements", "How many parts the people fall into.", low=1, high=1000)


def solve(ratings: Ratings, options: BalancedSlateOptions, rng: np.random.Generator) -> Estimate:
    utility, rated = liking(ratings)
    score = np.full(len(ratings.ids), np.nan)
    members = np.flatnonzero(rated)
    found: list[ResultWarning] = []
    if len(members) < len(score):
        absent = [ratings.ids[i] for i in np.flatnonzero(~rated)]
        code = WarningCode.UNSEEN_ITEMS if len(members) else WarningCode.EMPTY
        found.append(warn(code, say("%(n)s statements", n=len(absent)), absent))
    if not len(members):
        found.append(warn(WarningCode.EMPTY, say("no ratings by known people")))
        return Estimate(score, "share", winners=(), warnings=tuple(found))
    pool = utility[:, members]
    order = public_order([ratings.ids[m] for m in members], options.seed)
    slates, complete = balanced_slates(pool, options.seats, order)
    score[members] = 0.0
    for slate in slates:
        for item, people in zip(slate.statements, slate.served, strict=True):
            score[members[item]] += len(people) / len(pool) / len(slates)
    if len(slates) > 1 or not complete:
        said = f"{len(slates)} slates" if complete else "too many to list; one was drawn"
        found.append(warn(WarningCode.TIE_UNRESOLVED, said))
    if len(pool) < options.seats:
        found.append(warn(WarningCode.SEATS_UNFILLED, say("%(n)s people", n=len(pool))))
    chosen = sorted({tuple(sorted({int(members[i]) for i in each.statements})) for each in slates})
    slate = slates[0]
    proofs = [balanced_representation(pool, each, options.seats) for each in slates]
    proof = next((each for each in proofs if not each.holds), proofs[0])
    return Estimate(
        score=score,
        score_kind="share",
        winners=tuple(sorted({item for each in chosen for item in each})),
        committees=tuple(chosen),
        axioms={"BJR": _told(proof, ratings, members)},
        fit=Fit(
            n_obs=len(ratings),
            parameters={
                "statements": [str(ratings.ids[members[item]]) for item in slate.statements],
                "served": [len(people) for people in slate.served],
                "level": list(slate.level),
            },
        ),
        warnings=tuple(found),
    )


def liking(ratings: Ratings) -> tuple[Floats, NDArray[np.bool_]]:
    """Utility [people, statements] with missing ratings at the lowest; which were rated at all."""
    rows = ratings.answered()
    shape = (len(ratings.annotator_ids), ratings.n_units)
    if rows.annotator is None:
        return np.zeros((0, shape[1])), np.zeros(shape[1], dtype=np.bool_)
    rows = rows.take((rows.annotator >= 0) & (rows.weights > 0))
    assert rows.annotator is not None
    key = rows.annotator.astype(np.int64) * shape[1] + rows.unit
    weight = np.bincount(key, rows.weights, minlength=shape[0] * shape[1])
    total = np.bincount(key, rows.weights * rows.value, minlength=shape[0] * shape[1])
    mean = (total / np.where(weight > 0, weight, 1.0)).reshape(shape)
    known = (weight > 0).reshape(shape)
    lowest = min(float(rows.value.min(initial=np.inf)), float(mean[known].min(initial=np.inf)))
    present = known.any(axis=1)
    utility = np.asarray(np.where(known, mean, lowest)[present], dtype=np.float64)
    return utility, np.asarray(known.any(axis=0), dtype=np.bool_)


def _told(proof: Certificate, ratings: Ratings, members: NDArray[np.int64]) -> dict[str, object]:
    plain = proof.plain()
    if "witness" in plain:
        item = int(plain["witness"]["item"])
        plain["witness"] = {**plain["witness"], "item": str(ratings.ids[members[item]])}
    return plain


METHOD = Method(
    title="Balanced slate of statements",
    family="slates",
    consumes=(Ratings,),
    solve=solve,
    options=BalancedSlateOptions,
    reference="Fish, Gölz, Parkes, Procaccia, Rusak, Shapira & Wüthrich (2024), EC, “Generative "
    "social choice”",
    axioms=("neutrality", "balanced justified representation"),
    bootstrap=False,
)
