"""How far other typing moves a verdict beyond what asking again moves it. Pure.

A verdict, or a cell of one, lies between 0 and 1: lost, even, won; or a level on its scale. The
same texts are judged twice as they are and once typed differently. Sensitivity = mean distance
between the verdict and that on the retyped copy, less the mean distance between the two verdicts on
the texts as they are.

Why a distance and not the share of verdicts that change: on a scale of five levels the smallest
change that can be seen is a quarter of the scale, on one of a hundred it is a hundredth, so a share
of changes speaks of the scale's coarseness and any least change that is to count is arbitrary. A
mean distance needs no such threshold, means the same on every scale, and counts a reversal for more
than a tie that is broken. Why less what asking again moves: a judge that draws its replies changes
its verdicts anyway; that is for the audit of repeating to tell, and mustn't be told twice.
"""

from collections.abc import Sequence

from annotation.phrases import say
from models_runtime.audits import Figure
from models_runtime.audits._intervals import mean

RULE = say(
    "Passes when other typing moves verdicts by at most {limit:g} of their "
    "range more than asking again does; fails when all of the interval lies "
    "above."
)
SENTENCE = say(
    "Other typing moves a verdict by {{estimate:+.3f}} [{{low:+.3f}}, "
    "{{high:+.3f}}] of its range more than asking again does, {{n}} {what}."
)


def sensitivity(name: str, rows: Sequence[tuple[str, float, float]]) -> list[Figure]:
    """The figures of rows (prompt, distance when retyped, distance when asked again)."""
    prompts = [prompt for prompt, *_ in rows]
    typed, again = [far for _, far, _ in rows], [far for *_, far in rows]
    net = [x - y for x, y in zip(typed, again, strict=True)]
    return [
        mean(name, net, prompts, unit=say("share of the range")),
        mean(
            say("distance when typed differently"), typed, prompts, unit=say("share of the range")
        ),
        mean(say("distance when asked again"), again, prompts, unit=say("share of the range")),
    ]
