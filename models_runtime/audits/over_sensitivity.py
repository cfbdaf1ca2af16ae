"""Does the verdict change when the meaning stays?"""

from models_runtime.audits import (
    LEAST,
    Audit,
    Finding,
    Material,
    Pair,
    Variant,
    at_most,
    sign_of,
    too_little,
)
from models_runtime.audits._intervals import share, unknown
from models_runtime.audits._texts import retyped

RETYPED = "retyped"


class OverSensitivity(Audit):
    """Both responses are typed differently: contractions, quotation marks, spaces. Rate = pairs
    whose winner (or tie) changes. Repeatability says how much of it is chance."""

    title = "Kept meaning"
    question = "Does the verdict change when only the typing does?"
    reference = "Over-sensitivity (adversarial evaluation of graders)"
    limit = 0.1

    def variants(self, pair: Pair) -> list[Variant]:
        first, second = pair.texts
        return [Variant(RETYPED, (retyped(first), retyped(second)), pair.conversation)]

    def examine(self, material: Material, limit: float) -> Finding:
        changed: list[float] = []
        prompts: list[str] = []
        for pair in material.pairs:
            before, after = material.number(pair), material.number(pair, RETYPED)
            if before is not None and after is not None:
                changed.append(float(sign_of(before) != sign_of(after)))
                prompts.append(pair.prompt)
        rule = (
            f"Passes when at most {limit:.0%} of the verdicts change; fails when all of the "
            "interval lies above."
        )
        if len(changed) < LEAST:
            return too_little(
                unknown("changed verdicts", n=len(changed)), f"{len(changed)} pairs.", rule
            )
        rate = share("changed verdicts", changed, prompts)
        estimate, low, high = rate.known()
        return Finding(
            (rate,),
            at_most(rate, limit),
            rule,
            f"Other typing changes {estimate:.1%} [{low:.1%}, {high:.1%}] of {len(changed)} "
            "verdicts.",
        )


AUDIT = OverSensitivity()
