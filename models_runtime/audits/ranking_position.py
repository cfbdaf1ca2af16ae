"""Does the place in which a response is shown, or was put, move a ranking?"""

from collections.abc import Sequence

from annotation.phrases import say
from models_runtime.audits import (
    PLAIN,
    RANKINGS,
    Audit,
    Figure,
    Finding,
    Grade,
    Material,
    Pair,
    Trial,
    Variant,
    at_least,
    near_zero,
)
from models_runtime.audits._endings import concluded
from models_runtime.audits._intervals import mean, share
from models_runtime.audits._scores import EDGE

ROUND = "turned"
LEAST_CONSISTENT = 0.75
CHANCE = 0.5


class RankingPosition(Audit):
    """A judge that is shown several responses is shown them in an order drawn by hash, so over
    questions every response is as likely to stand first and the one that does beats half of the
    others, unless its place helps. Bias = mean over calls of the share of the others that the
    response shown first beats, less ½; of a judge that is shown two at a time, in both orders, the
    worth of the two cancels. Beside it the same of the response shown last.

    Consistency = pairs of responses in the same order when all are put in reverse order. A judge
    that is shown one response at a time has no place to like, and is told by consistency alone.
    """

    title = "Place in a list"
    question = "Does a response rise because of where it is shown?"
    reference = "Shi et al. 2024 (position bias in lists); Tang et al. 2024"
    limit = 0.05
    of = RANKINGS

    def variants(self, pair: Pair) -> Sequence[Variant]:
        return [Variant(ROUND, tuple(reversed(pair.texts)), pair.conversation)]

    def examine(self, material: Material, limit: float) -> Finding:
        first, last, whose = _slots(material)
        same, prompts = _same_order(material)
        consistent = share(say("same order when put the other way round"), same, prompts)
        bias = mean(say("bias"), first, whose, unit=say("win share"))
        seen = [bias, mean(say("of the last"), last, whose, unit=say("win share"))] if first else []

        def grade(head: Figure) -> Grade:
            grades = [at_least(consistent, LEAST_CONSISTENT)]
            grades += [near_zero(bias, limit)] if seen else []
            return max(grades, key=[Grade.PASS, Grade.WARN, Grade.FAIL].index)

        kept = "–" if consistent.estimate is None else f"{consistent.estimate:.0%}"
        return concluded(
            [*seen, consistent],
            len(same),
            lacking=say("pairs of responses ranked in both placements"),
            rule=say(
                "Passes when the interval of the bias holds 0 or the bias is within "
                "±%(limit)s of win share, and at least %(least_consistent)s of the pairs "
                "of responses keep their order when all are put the other way round.",
                limit=f"{limit:g}",
                least_consistent=f"{LEAST_CONSISTENT:.0%}",
            ),
            grade=grade,
            sentence=_sentence(kept, bool(seen)),
        )


def _slots(material: Material) -> tuple[list[float], list[float], list[str]]:
    """What the response shown first, and the one shown last, gains in each call; their prompts."""
    first: list[float] = []
    last: list[float] = []
    prompts: list[str] = []
    for pair in material.pairs:
        for name in (PLAIN, ROUND):
            trial = material.trial(pair, name)
            for call in trial.lists if trial else ():
                first.append(call.standings[0] - CHANCE)
                last.append(call.standings[-1] - CHANCE)
                prompts.append(pair.prompt)
    return first, last, prompts


def _same_order(material: Material) -> tuple[list[float], list[str]]:
    same: list[float] = []
    prompts: list[str] = []
    for pair in material.pairs:
        plain, turned = material.trial(pair), material.trial(pair, ROUND)
        if plain is None or turned is None:
            continue
        back = _turned_back(turned, len(pair.texts))
        for cell in sorted(plain.cells.keys() & back.keys()):
            same.append(float(abs(plain.cells[cell] - back[cell]) <= EDGE))
            prompts.append(pair.prompt)
    return same, prompts


def _turned_back(trial: Trial, count: int) -> dict[str, float]:
    """The cells of a trial whose responses stood in reverse order, by their own places."""
    found = {}
    for cell, value in trial.cells.items():
        low, _, high = cell.partition("-")
        found[f"{count - 1 - int(high)}-{count - 1 - int(low)}"] = 1 - value
    return found


def _sentence(kept: str, seen: bool) -> str:
    if not seen:
        return say(
            "It shows one at a time; %(kept)s of {n} pairs of responses keep their order when put "
            "the other way round.",
            kept=kept,
        )
    return say(
        "The response shown first gains {estimate:+.3f} [{low:+.3f}, {high:+.3f}] of win share by "
        "its place; %(kept)s of {n} pairs of responses keep their order when put the other way "
        "round.",
        kept=kept,
    )


AUDIT = RankingPosition()
