"""Is the judge right as often as it is sure?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotation.phrases import say
from models_runtime.audits import (
    LEAST,
    Audit,
    Finding,
    Material,
    near_zero,
    share_of,
    too_little,
)
from models_runtime.audits._intervals import mean, resampled, share, unknown

MOST_BINS = 8
FEWEST_IN_BIN = 10


class Calibration(Audit):
    """Confidence = the judge's probability for the response it prefers. Right = the share of people
    who prefer that response too, ties half. Overconfidence = mean confidence less share right. The
    expected calibration error (ECE) is the mean distance of the two over bins of equal size, with
    the error that chance alone makes taken out; Brier's score is the mean of (probability - answer)
    squared over answers, every pair counting alike."""

    title = "Confidence"
    question = "Is it right as often as it is sure?"
    reference = "Brier 1950; Naeini et al. 2015 (ECE); Guo et al. 2017"
    limit = 0.05
    needs = "a judge that gives probabilities, and pairs that people have answered"

    def examine(self, material: Material, limit: float) -> Finding:
        rows: list[_Row] = []
        for pair in material.pairs:
            trial = material.trial(pair)
            if trial is None or trial.number is None or not pair.votes:
                continue
            p = trial.p
            if p is not None:
                answers = [share_of(vote.number) for vote in pair.votes]
                if p < 0.5:
                    p, answers = 1 - p, [1 - each for each in answers]
                brier = fmean((p - each) ** 2 for each in answers)
                rows.append(_Row(pair.prompt, p, fmean(answers), brier))
        rule = say(
            "Passes when the interval of the overconfidence holds 0 or it is within "
            "±%(limit)s; fails when all of the interval lies beyond.",
            limit=f"{limit:g}",
        )
        if len(rows) < LEAST:
            return too_little(
                unknown(say("overconfidence"), n=len(rows)),
                say("%(n)s pairs with a probability that people have answered.", n=len(rows)),
                rule,
            )
        prompts = [row.prompt for row in rows]
        over = mean(
            say("overconfidence"), [r.sure - r.right for r in rows], prompts, unit=say("share")
        )
        if not over.is_known:
            return too_little(over, say("all pairs are of one prompt."), rule)
        sure = np.array([row.sure for row in rows])
        right = np.array([row.right for row in rows])
        ece = resampled(
            say("expected calibration error"),
            lambda chosen: calibration_error(sure[chosen], right[chosen]),
            prompts,
            seed=material.seed,
            unit=say("share"),
            numerator=len(rows) * calibration_error(sure, right),
            correct_bias=True,
        )
        score = mean(
            say("Brier's score"), [row.brier for row in rows], prompts, unit=say("squared")
        )
        estimate, low, high = over.known()
        word = say("surer") if estimate >= 0 else say("less sure")
        return Finding(
            (over, ece, score),
            near_zero(over, limit),
            rule,
            say(
                "It is %(abs)s %(word)s than it is right [%(low)s, %(high)s "
                "overconfident], %(rows)s pairs.",
                abs=f"{abs(estimate):.1%}",
                word=word,
                low=f"{low:.1%}",
                high=f"{high:.1%}",
                rows=len(rows),
            ),
            {"curve": _curve(rows)},
        )


@dataclass(frozen=True, slots=True)
class _Row:
    prompt: str
    sure: float
    right: float
    brier: float


def calibration_error(sure: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """The mean distance between mean confidence and share right over bins of equal size."""
    order = np.argsort(sure, kind="stable")
    gaps = sure[order] - right[order]
    return float(
        sum(abs(float(chunk.sum())) for chunk in np.array_split(gaps, _bins(len(gaps)))) / len(gaps)
    )


def _bins(n: int) -> int:
    return max(1, min(MOST_BINS, n // FEWEST_IN_BIN))


def _curve(rows: Sequence[_Row]) -> list[dict[str, Any]]:
    """Bins of equal size: mean confidence, share right with its interval, pairs."""
    ordered = sorted(rows, key=lambda row: row.sure)
    parts = np.array_split(np.arange(len(ordered)), _bins(len(ordered)))
    curve = []
    for part in parts:
        inside = [ordered[place] for place in part]
        figure = share(say("right"), [r.right for r in inside], [r.prompt for r in inside])
        curve.append(
            {
                "sure": fmean(row.sure for row in inside),
                "right": figure.estimate,
                "low": figure.low,
                "high": figure.high,
                "n": len(inside),
            }
        )
    return curve


AUDIT = Calibration()
