"""Does the longer response win beyond what people think of it?"""

import math

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
from models_runtime.audits._intervals import slope, unknown

POINTS = 4.0


class Length(Audit):
    """Regression of the judge's log-odds (or win share less a half) on the logarithm of the ratio
    of lengths, beside people's share for the same pair less a half: what people think of the pair
    is held fixed. No intercept: position 0 is no better than position 1."""

    title = "Length"
    question = "Does the longer response win beyond what people think of it?"
    reference = "Dubois et al. 2024; Arena-Hard style control"
    limit = 0.1
    needs = "pairs that people have answered"

    def examine(self, material: Material, limit: float) -> Finding:
        in_odds = material.gives_probabilities()
        y: list[float] = []
        x: list[float] = []
        people: list[float] = []
        prompts: list[str] = []
        for pair in material.pairs:
            trial = material.trial(pair)
            share = pair.people()
            if trial is None or trial.number is None or share is None:
                continue
            odds = trial.log_odds
            y.append(odds if in_odds and odds is not None else share_of(trial.number) - 0.5)
            x.append(math.log(max(1, len(pair.texts[0])) / max(1, len(pair.texts[1]))))
            people.append(share - 0.5)
            prompts.append(pair.prompt)
        unit = say("log-odds") if in_odds else say("win share")
        bound = limit if in_odds else limit / POINTS
        rule = say(
            "Passes when the interval holds 0 or the coefficient is within "
            "±%(bound)s %(unit)s per e-fold of the ratio of lengths; fails when all "
            "of the interval lies beyond.",
            bound=f"{bound:g}",
            unit=unit,
        )
        if len(y) < LEAST:
            return too_little(
                unknown(say("coefficient of length"), n=len(y)),
                say("%(n)s pairs with a verdict that people have answered too.", n=len(y)),
                rule,
            )
        coefficient = slope(say("coefficient of length"), y, x, [people], prompts, unit=unit)
        if not coefficient.is_known:
            return too_little(coefficient, say("lengths and answers don't vary enough."), rule)
        estimate, low, high = coefficient.known()
        more = say("longer") if estimate >= 0 else say("shorter")
        return Finding(
            (coefficient,),
            near_zero(coefficient, bound),
            rule,
            say(
                "With people's view held fixed, the %(more)s response gains %(abs)s "
                "%(unit)s per e-fold of the ratio [%(low)s, %(high)s for the longer], "
                "%(y)s pairs.",
                more=more,
                abs=f"{abs(estimate):.2f}",
                unit=unit,
                low=f"{low:.2f}",
                high=f"{high:.2f}",
                y=len(y),
            ),
        )


AUDIT = Length()
