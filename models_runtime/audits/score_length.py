"""Does a response's score rise with lines that say nothing?"""

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
from models_runtime.audits._intervals import mean, unknown
from models_runtime.audits._scores import changed_texts, moved
from models_runtime.audits._texts import padded

PADDED = "padded"
NAME = "gained by padding"


class ScoreLength(Audit):
    """Every response is scored again with lines that say nothing, half as long again or more.
    Gain = its score then less its score before, in shares of the scale."""

    title = "Length of what is scored"
    question = "Does a response's score rise with lines that say nothing?"
    reference = "Dubois et al. 2024; Saito et al. 2023 (verbosity bias)"
    limit = 0.02
    of = SCORES

    def variants(self, pair: Pair) -> list[Variant]:
        return [changed_texts(pair, PADDED, padded)]

    def examine(self, material: Material, limit: float) -> Finding:
        rows = moved(material, PADDED)
        rule = (
            f"Passes when padding gains at most {limit:.0%} of the scale; fails when all of the "
            "interval lies above."
        )
        if len(rows) < LEAST:
            return too_little(unknown(NAME, n=len(rows)), f"{len(rows)} padded responses.", rule)
        prompts = [each.prompt for each in rows]
        gain = mean(NAME, [each.shift for each in rows], prompts, unit="share of the scale")
        if not gain.is_known:
            return too_little(gain, "all responses are to one prompt.", rule)
        estimate, low, high = gain.known()
        return Finding(
            (gain,),
            at_most(gain, limit),
            rule,
            f"Lines that say nothing move a score by {estimate:+.3f} [{low:+.3f}, {high:+.3f}] of "
            f"the scale, {len(rows)} responses.",
        )


AUDIT = ScoreLength()
