"""Does this version of the judge say what an earlier one said?"""

from annotation.phrases import say
from models_runtime.audits import LEAST, Audit, Finding, Material, at_least, sign_of, too_little
from models_runtime.audits._intervals import mean, unknown


class Drift(Audit):
    """Consistency of two versions over the same pairs: 1 for the same verdict, 0 for the opposite
    one, ½ where one of them says tie. For two responses this is (1 + Kendall's tau) / 2, CREAM's
    consistency of rankings."""

    title = "Drift"
    question = "Does it say what its earlier version said?"
    reference = "Wang et al. 2025 (CREAM)"
    limit = 0.9
    needs = "an earlier card of this project with the same pairs"

    def examine(self, material: Material, limit: float) -> Finding:
        same: list[float] = []
        prompts: list[str] = []
        opposite = 0
        for pair in material.pairs:
            number = material.number(pair)
            if number is None or pair.earlier is None:
                continue
            apart = abs(sign_of(number) - sign_of(pair.earlier))
            same.append(1 - apart / 2)
            opposite += apart == 2
            prompts.append(pair.prompt)
        rule = say(
            "Passes from %(limit)s consistency; fails when all of the interval lies below.",
            limit=f"{limit:.0%}",
        )
        if len(same) < LEAST:
            return too_little(
                unknown(say("consistency"), n=len(same)),
                say("%(n)s pairs that both versions judged.", n=len(same)),
                rule,
            )
        figure = mean(say("consistency"), same, prompts, unit=say("share"))
        if not figure.is_known:
            return too_little(figure, say("all pairs are of one prompt."), rule)
        estimate, low, high = figure.known()
        return Finding(
            (figure,),
            at_least(figure, limit),
            rule,
            say(
                "It is %(estimate)s [%(low)s, %(high)s] consistent with its earlier "
                "version on %(same)s pairs; %(opposite)s verdicts are opposite.",
                estimate=f"{estimate:.1%}",
                low=f"{low:.1%}",
                high=f"{high:.1%}",
                same=len(same),
                opposite=opposite,
            ),
        )


AUDIT = Drift()
