"""Does the judge favour what models of its own family wrote?"""

from statistics import fmean

from annotation.phrases import say
from models_runtime.audits import (
    LEAST,
    Audit,
    Figure,
    Finding,
    Material,
    Pair,
    near_zero,
    share_of,
    too_little,
)
from models_runtime.audits._intervals import mean, unknown


class SelfPreference(Audit):
    """DBG: on pairs of which exactly one response is by the judge's own family, the judge's score
    of its own response (its probability that it wins, or 1, ½, 0) less the gold score of the same
    response: the share of people who prefer it, or of other judges where no person has answered.
    Own less others' would take a family's quality for a bias."""

    title = "Its own family"
    question = "Does it score its own family's responses higher than people do?"
    reference = "The DBG score (self-preference as judge score less gold score)"
    limit = 0.05
    needs = "pairs with one response by the judge's family that people or other judges answered"

    def examine(self, material: Material, limit: float) -> Finding:
        own: list[tuple[Pair, int, float]] = []
        for pair in material.pairs:
            mine = [place for place in (0, 1) if pair.families[place] == material.family]
            trial = material.trial(pair)
            if not material.family or len(mine) != 1 or trial is None or trial.number is None:
                continue
            p = trial.p if trial.p is not None else share_of(trial.number)
            own.append((pair, mine[0], p if mine[0] == 0 else 1 - p))
        gold = [(pair, place, score, _gold(pair, place)) for pair, place, score in own]
        known = [
            (pair, place, score, true) for pair, place, score, true in gold if true is not None
        ]
        rule = say(
            "Passes when the interval holds 0 or the difference is within "
            "±%(limit)s; fails when all of the interval lies beyond.",
            limit=f"{limit:g}",
        )
        if len(known) < LEAST:
            return too_little(
                unknown(say("judge less gold on own responses"), n=len(known)),
                say(
                    "%(known)s pairs in which exactly one response is by its own family "
                    "(%(value)s) and that people or other judges have answered.",
                    known=len(known),
                    value=material.family or "unknown",
                ),
                rule,
            )
        prompts = [pair.prompt for pair, *_ in known]
        gap = mean(
            say("judge less gold on own responses"),
            [score - true for _, _, score, true in known],
            prompts,
            unit=say("share"),
        )
        if not gap.is_known:
            return too_little(gap, say("all pairs are of one prompt."), rule)
        figures = [gap, *_beside_others(known)]
        estimate, low, high = gap.known()
        by_people = sum(bool(pair.votes) for pair, *_ in known)
        return Finding(
            tuple(figures),
            near_zero(gap, limit),
            rule,
            say(
                "It scores its own family's responses %(estimate)s [%(low)s, %(high)s] "
                "against the gold score, %(known)s pairs (%(by_people)s by people, the "
                "rest by other judges).",
                estimate=f"{estimate:+.3f}",
                low=f"{low:.3f}",
                high=f"{high:.3f}",
                known=len(known),
                by_people=by_people,
            ),
        )


def _gold(pair: Pair, place: int) -> float | None:
    share = pair.people()
    if share is None and pair.others:
        share = fmean(share_of(number) for number in pair.others.values())
    if share is None:
        return None
    return share if place == 0 else 1 - share


def _beside_others(known: list[tuple[Pair, int, float, float]]) -> list[Figure]:
    """Difference in differences: its own gap less the other judges' gap on the same pairs."""
    rows = [row for row in known if row[0].others and row[0].votes]
    if len(rows) < LEAST:
        return []
    differences = []
    for pair, place, score, _ in rows:
        others = fmean(share_of(number) for number in pair.others.values())
        differences.append(score - (others if place == 0 else 1 - others))
    prompts = [pair.prompt for pair, *_ in rows]
    return [mean(say("gap less that of other judges"), differences, prompts, unit=say("share"))]


AUDIT = SelfPreference()
