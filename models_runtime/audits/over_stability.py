"""Does the verdict stay when the better response's meaning is destroyed?"""

from annotation.phrases import say
from models_runtime.audits import (
    LEAST,
    Audit,
    Finding,
    Material,
    Pair,
    Variant,
    at_most,
    too_little,
)
from models_runtime.audits._copies import both_sides, shifts
from models_runtime.audits._intervals import share, unknown
from models_runtime.audits._texts import reversed_words

REVERSED = "reversed"


class OverStability(Audit):
    """The words of one response are put in reverse order: the same length and vocabulary, no
    meaning. Rate = among copies of responses that had won, those that still win."""

    title = "Destroyed meaning"
    question = "Does a response still win when its words stand in reverse order?"
    reference = "Over-stability (adversarial evaluation of graders)"
    limit = 0.05

    def variants(self, pair: Pair) -> list[Variant]:
        return both_sides(pair, REVERSED, reversed_words)

    def examine(self, material: Material, limit: float) -> Finding:
        won = [each for each in shifts(material, REVERSED) if each.before > 0]
        rule = say(
            "Passes when at most %(limit)s of the winners still win; fails when all "
            "of the interval lies above.",
            limit=f"{limit:.0%}",
        )
        if len(won) < LEAST:
            return too_little(
                unknown(say("still winning"), n=len(won)),
                say("%(n)s copies of winners.", n=len(won)),
                rule,
            )
        kept = share(
            say("still winning"),
            [float(each.after > 0) for each in won],
            [each.pair.prompt for each in won],
        )
        estimate, low, high = kept.known()
        return Finding(
            (kept,),
            at_most(kept, limit),
            rule,
            say(
                "With its words reversed the winner still wins in %(estimate)s [%(low)s, "
                "%(high)s] of %(won)s pairs.",
                estimate=f"{estimate:.1%}",
                low=f"{low:.1%}",
                high=f"{high:.1%}",
                won=len(won),
            ),
        )


AUDIT = OverStability()
