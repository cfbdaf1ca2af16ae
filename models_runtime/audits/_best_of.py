"""Does a judge find the correct response among wrong ones? What the audits of it share. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from annotation.phrases import say
from models_runtime.audits import Figure, Finding, Grade, at_least
from models_runtime.audits._endings import concluded
from models_runtime.audits._intervals import mean, share

LEAST_GROUPS = 10
NAME = say("correct is best")


@dataclass(frozen=True, slots=True)
class Found:
    """A correct response among wrong ones: how many of them it doesn't beat, ties included."""

    prompt: str
    unbeaten: int
    wrong: int


def best_of(rows: Sequence[Found], limit: float) -> Finding:
    """Accuracy = the correct response beats every wrong one, a tie being lost; reciprocal rank =
    1 / (1 + how many it doesn't beat). Chance is one in n."""
    prompts = [row.prompt for row in rows]
    best = share(NAME, [float(not row.unbeaten) for row in rows], prompts)
    rank = mean(
        say("reciprocal rank"), [1 / (1 + r.unbeaten) for r in rows], prompts, unit="1/rank"
    )
    chance = max(fmean(1 / (1 + row.wrong) for row in rows), limit) if rows else limit

    def grade(head: Figure) -> Grade:
        _, low, high = head.known()
        by_chance = Grade.PASS if low > chance else Grade.FAIL if high < chance else Grade.WARN
        return at_least(head, limit) if limit and by_chance is not Grade.PASS else by_chance

    return concluded(
        [best, rank],
        len(rows),
        least=LEAST_GROUPS,
        lacking=say("correct responses that were compared with every wrong one"),
        rule=say(
            "Passes when the interval of the accuracy lies above chance (one in "
            "n%(value)s); fails when it lies below; else warns.",
            value=f", or {limit:.0%} as set" if limit else "",
        ),
        grade=grade,
        sentence=say(
            "The correct response is best in {estimate:.1%%} [{low:.1%%}, "
            "{high:.1%%}] of {n} cases; chance is %(chance)s.",
            chance=f"{chance:.1%}",
        ),
        detail={"chance": chance},
    )
