"""Which standard errors can be had from the judgments, and robust ones where there are any.

A sandwich lives on scores that don't cancel within a cluster. With one cluster they cancel in the
sum over all, and nothing tells how much people differ: no error. Where they cancel in every one of
several clusters, as where all judgments are ties, the sandwich would be 0, which nobody believes:
the curvature is all that is known, and the inverse Hessian is given, by its name.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregation.results import CiMethod
from aggregation.uncertainty import sandwich
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
Ints = NDArray[Any]
FAINT = 1e-10  # scores this small beside the weight of the judgments are rounding


def attainable(asked: CiMethod, rows: bool, people: bool) -> CiMethod:
    """The errors nearest to those asked for: sandwiches need single judgments (`rows`), those over
    annotators need to know who judged (`people`); without, every judgment stands for itself.
    """
    if asked in ("none", "hessian"):
        return asked
    if not rows:
        return "hessian"
    return asked if people else "sandwich"


def replaced(options: Any, given: CiMethod, judged: bool) -> tuple[ResultWarning, ...]:
    """CI_REPLACED where errors were asked for by name and others are given; those of a bootstrap
    are given on purpose.
    """
    if options.ci in ("auto", given) or options.replicates or not judged:
        return ()
    detail = say("asked for: %(asked)s; shown: %(given)s", asked=options.ci, given=given)
    return (warn(WarningCode.CI_REPLACED, detail),)


def silent(spread: Floats, weight: Ints, part: Ints) -> NDArray[np.bool_]:
    """Items of parts in which all scores cancel. spread[K]: sum of squared scores; weight[K]: of
    the judgments on the item.
    """
    seen = part >= 0
    size = np.bincount(part[seen], spread[seen])
    limit = np.bincount(part[seen], weight[seen])
    quiet = np.sqrt(size) <= FAINT * limit
    return np.asarray(quiet[part] & seen) if len(quiet) else np.zeros(len(part), dtype=np.bool_)


def robust(C: Floats, U: Floats, part: Ints, weight: Ints, correct: bool = True) -> Floats | None:
    """C U'U C for scores U[clusters, P] of which the first K belong to items: NaN with fewer than
    two clusters and for parts where all scores cancel; None where that is everywhere.
    """
    K = len(part)
    if len(U) < 2:
        return np.full_like(C, np.nan)
    quiet = silent((U[:, :K] ** 2).sum(axis=0), weight, part)
    if quiet[part >= 0].all():
        return None
    return blank(sandwich(C, U, correct), np.flatnonzero(quiet))


def blank(cov: Floats, items: Ints) -> Floats:
    """The covariance with NaN for some items, in its place."""
    cov[items, :] = np.nan
    cov[:, items] = np.nan
    return cov
