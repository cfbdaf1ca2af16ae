"""Does the judge say the same when asked again?"""

from collections import Counter

from annotation.phrases import say
from models_runtime.audits import (
    LEAST,
    PLAIN,
    Audit,
    Finding,
    Material,
    Pair,
    Variant,
    at_least,
    sign_of,
    too_little,
)
from models_runtime.audits._intervals import alpha, resampled, share, unknown

AGAIN = ("again-1", "again-2")


class Repeatability(Audit):
    """Each pair is judged three times with other fences and seeds. Share = pairs with the same
    winner (or tie) all three times; beside it Krippendorff's nominal alpha of the three."""

    title = "Repeating"
    question = "Does it say the same three times?"
    reference = "Krippendorff 2004 (alpha)"
    limit = 0.9

    def variants(self, pair: Pair) -> list[Variant]:
        return [Variant(name, pair.texts, pair.conversation) for name in AGAIN]

    def examine(self, material: Material, limit: float) -> Finding:
        rows: list[Counter[int]] = []
        prompts: list[str] = []
        for pair in material.pairs:
            numbers = [material.number(pair, name) for name in (PLAIN, *AGAIN)]
            read = [sign_of(number) for number in numbers if number is not None]
            if len(read) == len(numbers):
                rows.append(Counter(read))
                prompts.append(pair.prompt)
        rule = say(
            "Passes when at least %(limit)s of the pairs have the same verdict three "
            "times; fails when all of the interval lies below.",
            limit=f"{limit:.0%}",
        )
        if len(rows) < LEAST:
            return too_little(
                unknown(say("same verdict three times"), n=len(rows)),
                say("%(n)s pairs.", n=len(rows)),
                rule,
            )
        same = share(
            say("same verdict three times"), [float(len(row) == 1) for row in rows], prompts
        )
        figures = [same]
        if len(set().union(*rows)) > 1:
            figures.append(
                resampled(
                    say("Krippendorff's alpha"),
                    lambda chosen: alpha([rows[place] for place in chosen]),
                    prompts,
                    numerator=same.numerator,
                    seed=material.seed,
                    unit=say("alpha"),
                )
            )
        estimate, low, high = same.known()
        return Finding(
            tuple(figures),
            at_least(same, limit),
            rule,
            say(
                "Asked three times it says the same of %(estimate)s [%(low)s, %(high)s] "
                "of %(rows)s pairs.",
                estimate=f"{estimate:.1%}",
                low=f"{low:.1%}",
                high=f"{high:.1%}",
                rows=len(rows),
            ),
        )


AUDIT = Repeatability()
