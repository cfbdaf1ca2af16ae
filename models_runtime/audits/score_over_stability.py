"""Does a score stay when the response's meaning is destroyed?"""

from models_runtime.audits import (
    LEAST,
    SCORES,
    Audit,
    Finding,
    Material,
    Pair,
    Variant,
    at_most,
    too_little,
)
from models_runtime.audits._intervals import share, unknown
from models_runtime.audits._scores import EDGE, changed_texts, moved
from models_runtime.audits._texts import reversed_words

REVERSED = "reversed"
NAME = "scored no lower"
GOOD = 0.5


class ScoreOverStability(Audit):
    """Every response's words are put in reverse order: the same length and vocabulary, no meaning.
    Rate = among responses that had half of the scale or more, those that score no lower."""

    title = "Destroyed meaning of what is scored"
    question = "Does a good score stay when the words stand in reverse order?"
    reference = "Over-stability (adversarial evaluation of graders)"
    limit = 0.05
    of = SCORES

    def variants(self, pair: Pair) -> list[Variant]:
        return [changed_texts(pair, REVERSED, reversed_words)]

    def examine(self, material: Material, limit: float) -> Finding:
        rows = [each for each in moved(material, REVERSED) if each.before >= GOOD]
        rule = (
            f"Passes when at most {limit:.0%} of the good responses score no lower; fails when all "
            "of the interval lies above."
        )
        if len(rows) < LEAST:
            return too_little(unknown(NAME, n=len(rows)), f"{len(rows)} good responses.", rule)
        kept = share(NAME, [float(e.shift >= -EDGE) for e in rows], [each.prompt for each in rows])
        estimate, low, high = kept.known()
        return Finding(
            (kept,),
            at_most(kept, limit),
            rule,
            f"With its words reversed a good response scores no lower in {estimate:.1%} "
            f"[{low:.1%}, {high:.1%}] of {len(rows)} cases.",
        )


AUDIT = ScoreOverStability()
