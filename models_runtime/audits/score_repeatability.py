"""Does the judge give the same score when asked again?"""

from models_runtime.audits import (
    LEAST,
    PLAIN,
    SCORES,
    Audit,
    Finding,
    Material,
    Pair,
    Variant,
    at_least,
    too_little,
)
from models_runtime.audits._intervals import share, unknown
from models_runtime.audits._scores import EDGE

AGAIN = ("again-1", "again-2")
NAME = "same three times"


class ScoreRepeatability(Audit):
    """Every response is scored three times with other fences and seeds. Share = cells (a response
    on a criterion) with the same level, or answer, all three times."""

    title = "Repeating scores"
    question = "Does it give the same level, or answer, three times?"
    reference = "Test-retest reliability"
    limit = 0.9
    of = SCORES

    def variants(self, pair: Pair) -> list[Variant]:
        return [Variant(name, pair.texts, pair.conversation) for name in AGAIN]

    def examine(self, material: Material, limit: float) -> Finding:
        same: list[float] = []
        prompts: list[str] = []
        for pair in material.pairs:
            trials = [material.trial(pair, name) for name in (PLAIN, *AGAIN)]
            cells = [trial.cells for trial in trials if trial is not None]
            if len(cells) < len(trials):
                continue
            for cell in set(cells[0]).intersection(*cells[1:]):
                values = [each[cell] for each in cells]
                same.append(float(max(values) - min(values) <= EDGE))
                prompts.append(pair.prompt)
        rule = (
            f"Passes when at least {limit:.0%} of the cells have the same level three times; fails "
            "when all of the interval lies below."
        )
        if len(same) < LEAST:
            return too_little(unknown(NAME, n=len(same)), f"{len(same)} cells.", rule)
        figure = share(NAME, same, prompts)
        estimate, low, high = figure.known()
        return Finding(
            (figure,),
            at_least(figure, limit),
            rule,
            f"Asked three times it gives the same in {estimate:.1%} [{low:.1%}, {high:.1%}] of "
            f"{len(same)} cells.",
        )


AUDIT = ScoreRepeatability()
