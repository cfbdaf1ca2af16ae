"""Does a response win by lines that say nothing?"""

import math

from annotation.phrases import say
from models_runtime.audits import (
    LEAST,
    Audit,
    Figure,
    Finding,
    Grade,
    Material,
    Pair,
    Variant,
    near_zero,
    too_little,
)
from models_runtime.audits._copies import both_sides, shifts
from models_runtime.audits._intervals import mean, ratio, unknown
from models_runtime.audits._texts import padded

PADDED = "padded"
POINTS = 0.03


class Padding(Audit):
    """Lines that say nothing are added to one response, then to the other. Coefficient = sum of
    shift times growth over sum of growth squared, growth being the logarithm of how much longer the
    response became: log-odds per e-fold of length. Without probabilities, the shift in win share.
    A judge may dislike padding; it must not reward it."""

    title = "Padding"
    question = "Does a response gain by lines that add nothing?"
    reference = "Dubois et al. 2024 (length-controlled AlpacaEval); Zheng et al. 2023"
    limit = 0.1

    def variants(self, pair: Pair) -> list[Variant]:
        return both_sides(pair, PADDED, padded)

    def examine(self, material: Material, limit: float) -> Finding:
        found = shifts(material, PADDED)
        in_odds = material.gives_probabilities() and all(each.odds is not None for each in found)
        rule = say(
            "Passes when the interval holds 0 or lies below it, or the gain is at "
            "most %(limit)s log-odds per e-fold of length (at most %(points)s in win "
            "share); fails when all of the interval lies above.",
            limit=f"{limit:g}",
            points=f"{POINTS:g}",
        )
        if len(found) < LEAST:
            return too_little(
                unknown(say("gain"), n=len(found)),
                say("%(n)s padded copies.", n=len(found)),
                rule,
            )
        prompts = [each.pair.prompt for each in found]
        moved = mean(
            say("gain in win share"), [each.share for each in found], prompts, unit=say("win share")
        )
        figures = [moved]
        if in_odds:
            growth = [
                math.log(len(padded(text)) / max(1, len(text)))
                for each in found
                for text in [each.pair.texts[each.place]]
            ]
            odds = [each.odds or 0.0 for each in found]
            coefficient = ratio(
                say("gain per e-fold of length"),
                [x * y for x, y in zip(growth, odds, strict=True)],
                [x * x for x in growth],
                prompts,
                unit=say("log-odds"),
            )
            figures.insert(0, coefficient)
        head = figures[0]
        if not head.is_known:
            return too_little(head, say("all pairs are of one prompt."), rule)
        estimate = head.known()[0]
        grade = near_zero(head, limit if in_odds else POINTS)
        if estimate < 0:
            grade = Grade.PASS
        return Finding(
            tuple(figures),
            grade,
            rule,
            _sentence(head, len(found), in_odds),
        )


def _sentence(head: Figure, copies: int, in_odds: bool) -> str:
    estimate, low, high = head.known()
    values = {
        "n_moved": f"{estimate:+.2f}",
        "unit": head.unit,
        "n_low": f"{low:.2f}",
        "n_high": f"{high:.2f}",
        "n": copies,
    }
    if not in_odds:
        return say(
            "Padding moves a response by %(n_moved)s %(unit)s [%(n_low)s, %(n_high)s], %(n)s "
            "copies.",
            **values,
        )
    return say(
        "Padding moves a response by %(n_moved)s %(unit)s [%(n_low)s, %(n_high)s] per e-fold of "
        "its length, %(n)s copies.",
        **values,
    )


AUDIT = Padding()
