"""Does formatting win, with the words unchanged?"""

from annotation.phrases import say
from models_runtime.audits import (
    LEAST,
    Audit,
    Finding,
    Material,
    Pair,
    Variant,
    near_zero,
    too_little,
)
from models_runtime.audits._copies import both_sides, shifts
from models_runtime.audits._intervals import mean, unknown
from models_runtime.audits._texts import is_formatted, unformatted

BARE = "bare"


class Style(Audit):
    """Markdown's marks are taken from one response at a time, its words stay. Gain = how much
    better the response does with its formatting than without, in win share (by probability where
    the judge gives one) and in log-odds."""

    title = "Formatting"
    question = "Does a response gain by headings, bullets and bold?"
    reference = "Arena-Hard style control; Li et al. 2024"
    limit = 0.03
    needs = "responses with Markdown in them"

    def variants(self, pair: Pair) -> list[Variant]:
        formatted = [place for place in (0, 1) if is_formatted(pair.texts[place])]
        return both_sides(pair, BARE, unformatted, only=formatted)

    def examine(self, material: Material, limit: float) -> Finding:
        found = shifts(material, BARE)
        rule = say(
            "Passes when the interval holds 0 or the gain is within ±%(limit)s of "
            "win share; fails when all of the interval lies beyond.",
            limit=f"{limit:g}",
        )
        if len(found) < LEAST:
            return too_little(
                unknown(say("gain by formatting"), n=len(found)),
                say("%(n)s copies of formatted responses.", n=len(found)),
                rule,
            )
        prompts = [each.pair.prompt for each in found]
        lost = [-each.share for each in found]
        gain = mean(say("gain by formatting"), lost, prompts, unit=say("win share"))
        figures = [gain]
        odds = [-each.odds for each in found if each.odds is not None]
        if len(odds) == len(found):
            figures.append(mean(say("gain in log-odds"), odds, prompts, unit=say("log-odds")))
        if not gain.is_known:
            return too_little(gain, say("all pairs are of one prompt."), rule)
        estimate, low, high = gain.known()
        return Finding(
            tuple(figures),
            near_zero(gain, limit),
            rule,
            say(
                "Formatting moves a response by %(estimate)s points of win share "
                "[%(low)s, %(high)s], %(found)s copies.",
                estimate=f"{100 * estimate:+.1f}",
                low=f"{100 * low:.1f}",
                high=f"{100 * high:.1f}",
                found=len(found),
            ),
        )


AUDIT = Style()
