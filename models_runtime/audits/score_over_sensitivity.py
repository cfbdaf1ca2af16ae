"""Does a score change when only the typing does?"""

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
from models_runtime.audits._scores import cells_changed, changed_texts
from models_runtime.audits._texts import retyped

RETYPED = "retyped"
NAME = "changed by other typing"
STEP = 0.25  # one level of five; less may be the scale's own coarseness


class ScoreOverSensitivity(Audit):
    """Every response is typed differently (contractions, quotation marks, spaces), its meaning
    kept. Rate = cells that change by more than a quarter of the scale, or to the other answer."""

    title = "Other typing of what is scored"
    question = "Does a score change though the meaning is the same?"
    reference = "Over-sensitivity (adversarial evaluation of graders)"
    limit = 0.1
    of = SCORES

    def variants(self, pair: Pair) -> list[Variant]:
        return [changed_texts(pair, RETYPED, retyped)]

    def examine(self, material: Material, limit: float) -> Finding:
        changed, prompts = cells_changed(material, RETYPED, by_more_than=STEP)
        rule = (
            f"Passes when at most {limit:.0%} of the cells change by more than a quarter of the "
            "scale; fails when all of the interval lies above."
        )
        if len(changed) < LEAST:
            return too_little(unknown(NAME, n=len(changed)), f"{len(changed)} cells.", rule)
        figure = share(NAME, changed, prompts)
        estimate, low, high = figure.known()
        return Finding(
            (figure,),
            at_most(figure, limit),
            rule,
            f"Other typing changes {estimate:.1%} [{low:.1%}, {high:.1%}] of {len(changed)} cells.",
        )


AUDIT = ScoreOverSensitivity()
