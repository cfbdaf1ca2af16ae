"""Does the judge agree with people as often as people do with each other?"""

from statistics import fmean

from annotation.phrases import say
from models_runtime.audits import (
    LEAST,
    Audit,
    Finding,
    Material,
    Pair,
    at_least,
    sign_of,
    too_little,
)
from models_runtime.audits._intervals import kappa, mean, ratio, resampled, unknown


class Agreement(Audit):
    """Agreement = chance that the judge says the same (win, loss or tie) as a person drawn from
    those who answered the pair. The ceiling is the same of two people drawn from them. Both are
    taken over the pairs that two people or more answered, each pair counting alike; the headline is
    the first over the second. Kappa is Cohen's, with the majority where there is one."""

    title = "Agreement with people"
    question = "Does it agree with people as often as they do with each other?"
    reference = "Cohen 1960; the human ceiling as in Zheng et al. 2023"
    limit = 0.8
    needs = "pairs that two people or more have answered"

    def examine(self, material: Material, limit: float) -> Finding:
        rows = [
            (pair, sign_of(number))
            for pair in material.pairs
            if pair.votes and (number := material.number(pair)) is not None
        ]
        several = [(pair, sign) for pair, sign in rows if len(pair.votes) > 1]
        rule = say(
            "Passes when it reaches %(limit)s of the agreement among people; fails "
            "when all of the interval lies below.",
            limit=f"{limit:.0%}",
        )
        if len(several) < LEAST:
            return too_little(
                unknown(say("share of the human ceiling"), n=len(several)),
                say(
                    "%(n)s pairs that two people or more have answered and it has judged.",
                    n=len(several),
                ),
                rule,
            )
        prompts = [pair.prompt for pair, _ in several]
        mine = [with_people(pair, sign) for pair, sign in several]
        theirs = [among_people(pair) for pair, _ in several]
        reached = ratio(say("share of the human ceiling"), mine, theirs, prompts, unit=say("ratio"))
        figures = [
            reached,
            mean(say("agreement with a person"), mine, prompts, unit=say("share")),
            mean(say("agreement of two people"), theirs, prompts, unit=say("share")),
        ]
        clear = [(p, sign, most) for p, sign in rows if (most := _majority(p)) is not None]
        if len({most for *_, most in clear} | {sign for _, sign, _ in clear}) > 1:
            figures.append(
                resampled(
                    say("kappa with the majority"),
                    lambda chosen: kappa(
                        [clear[place][1] for place in chosen], [clear[place][2] for place in chosen]
                    ),
                    [pair.prompt for pair, *_ in clear],
                    seed=material.seed,
                    numerator=sum(sign == most for _, sign, most in clear),
                    unit=say("kappa"),
                )
            )
        if not reached.is_known:
            return too_little(
                reached, say("people never agree here, or there is one prompt."), rule
            )
        estimate, low, high = reached.known()
        return Finding(
            tuple(figures),
            at_least(reached, limit),
            rule,
            say(
                "It agrees with a person in %(estimate)s of %(several)s pairs, people "
                "among themselves in %(estimate_2)s: %(estimate_3)s [%(low)s, %(high)s] "
                "of that ceiling.",
                estimate=f"{figures[1].estimate:.1%}",
                several=len(several),
                estimate_2=f"{figures[2].estimate:.1%}",
                estimate_3=f"{estimate:.0%}",
                low=f"{low:.0%}",
                high=f"{high:.0%}",
            ),
        )


def with_people(pair: Pair, sign: int) -> float:
    """The share of the people who answered `pair` that said `sign`."""
    return fmean(float(sign_of(vote.number) == sign) for vote in pair.votes)


def among_people(pair: Pair) -> float:
    """The share of pairs of people who said the same of `pair`."""
    counts = [sum(sign_of(v.number) == sign for v in pair.votes) for sign in (-1, 0, 1)]
    n = sum(counts)
    return sum(count * (count - 1) for count in counts) / (n * (n - 1))


def _majority(pair: Pair) -> int | None:
    counts = sorted(
        ((sum(sign_of(v.number) == s for v in pair.votes), s) for s in (-1, 0, 1)), reverse=True
    )
    return None if counts[0][0] == counts[1][0] else counts[0][1]


AUDIT = Agreement()
