"""Does the judge score as people do, as often as people do among themselves?"""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

from models_runtime.audits import (
    LEAST,
    SCORES,
    Audit,
    Finding,
    Material,
    at_least,
    too_little,
)
from models_runtime.audits._intervals import mean, ratio, unknown
from models_runtime.audits._scores import EDGE

NAME = "share of the human ceiling"


class ScoreAgreement(Audit):
    """Agreement = chance that the judge gives the same level, or answer, as a person drawn from
    those who scored the cell. The ceiling is the same of two of them. Both over cells that two
    people or more have scored; the headline is the first over the second. Beside it the mean
    distance in shares of the scale, which knows near misses."""

    title = "Scores like people's"
    question = "Does it give the same score as a person as often as people do?"
    reference = "The human ceiling as in Zheng et al. 2023"
    limit = 0.8
    needs = "responses that two people or more have scored"
    of = SCORES

    def examine(self, material: Material, limit: float) -> Finding:
        mine: list[float] = []
        theirs: list[float] = []
        far: list[float] = []
        far_apart: list[float] = []
        prompts: list[str] = []
        for pair in material.pairs:
            trial = material.trial(pair)
            for cell, value in (trial.cells if trial else {}).items():
                given = [marks[cell] for marks in pair.marks.values() if cell in marks]
                if len(given) > 1:
                    mine.append(fmean(float(abs(value - x) <= EDGE) for x in given))
                    theirs.append(_among(given))
                    far.append(fmean(abs(value - x) for x in given))
                    far_apart.append(fmean(abs(x - y) for x, y in combinations(given, 2)))
                    prompts.append(pair.prompt)
        rule = (
            f"Passes when it reaches {limit:.0%} of the agreement among people; fails when all of "
            "the interval lies below."
        )
        if len(mine) < LEAST:
            return too_little(
                unknown(NAME, n=len(mine)),
                f"{len(mine)} cells that two people or more have scored and it has too.",
                rule,
            )
        reached = ratio(NAME, mine, theirs, prompts, unit="ratio")
        figures = (
            reached,
            mean("agreement with a person", mine, prompts, unit="share"),
            mean("agreement of two people", theirs, prompts, unit="share"),
            mean("distance from a person", far, prompts, unit="share of the scale"),
            mean("distance of two people", far_apart, prompts, unit="share of the scale"),
        )
        if not reached.is_known:
            return too_little(reached, "people never agree here, or there is one prompt.", rule)
        estimate, low, high = reached.known()
        return Finding(
            figures,
            at_least(reached, limit),
            rule,
            f"It gives a person's score in {figures[1].estimate:.1%} of {len(mine)} cells, people "
            f"among themselves in {figures[2].estimate:.1%}: {estimate:.0%} [{low:.0%}, {high:.0%}]"
            " of that ceiling.",
        )


def _among(given: Sequence[float]) -> float:
    """The share of pairs of people who gave the same."""
    return fmean(float(abs(x - y) <= EDGE) for x, y in combinations(given, 2))


AUDIT = ScoreAgreement()
