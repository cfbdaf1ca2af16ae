"""Does the verdict change when the meaning stays?"""

from annotation.phrases import say
from models_runtime.audits import Audit, Finding, Material, Pair, Variant, at_most, share_of
from models_runtime.audits._endings import concluded
from models_runtime.audits._sensitivity import RULE, SENTENCE, sensitivity
from models_runtime.audits._texts import retyped

RETYPED = "retyped"
AGAIN = "again-1"


class OverSensitivity(Audit):
    """Both responses are typed differently: contractions, quotation marks, spaces. A verdict is 1,
    ½ or 0; see `_sensitivity` for what is counted."""

    title = "Kept meaning"
    question = "Does the verdict change when only the typing does?"
    reference = "Over-sensitivity (adversarial evaluation of graders)"
    limit = 0.1

    def variants(self, pair: Pair) -> list[Variant]:
        first, second = pair.texts
        return [
            Variant(RETYPED, (retyped(first), retyped(second)), pair.conversation),
            Variant(AGAIN, pair.texts, pair.conversation),
        ]

    def examine(self, material: Material, limit: float) -> Finding:
        rows = []
        for pair in material.pairs:
            plain, typed, again = (material.number(pair, n) for n in ("plain", RETYPED, AGAIN))
            if plain is not None and typed is not None and again is not None:
                own = share_of(plain)
                rows.append((pair.prompt, abs(own - share_of(typed)), abs(own - share_of(again))))
        return concluded(
            sensitivity(say("moved by other typing"), rows),
            len(rows),
            lacking=say("pairs judged as they are, again and typed differently"),
            rule=RULE.format(limit=limit),
            grade=lambda head: at_most(head, limit),
            sentence=SENTENCE.format(what="pairs"),
        )


AUDIT = OverSensitivity()
