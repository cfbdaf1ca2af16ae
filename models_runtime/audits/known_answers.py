"""Does the judge choose the response that is known to be right?"""

from annotation.phrases import say
from models_runtime.audits import LEAST, Audit, Finding, Grade, Material, Pair, Trial, too_little
from models_runtime.audits import share_of as won
from models_runtime.audits._intervals import Figure, mean, share, unknown

CHANCE = 0.5


class KnownAnswers(Audit):
    """Of pairs in which one response is known to be right: the share of calls that choose it, a tie
    counting half and a call that couldn't be read as wrong. Where the judge asks in both orders,
    that is the mean of both orders' accuracies, and each order's is told beside it."""

    title = "Known answers"
    question = "Does it choose the response that is known to be right?"
    reference = "Zeng et al. 2024 (LLMBar)"
    limit = 0.5
    needs = "pairs of which one response is known to be right"

    def examine(self, material: Material, limit: float) -> Finding:
        known = [
            (pair, trial)
            for pair in material.pairs
            if pair.right is not None and (trial := material.trial(pair)) is not None
        ]
        rule = say(
            "Passes when the interval lies above %(limit)s (chance is 50 %%); fails "
            "when it lies below; else warns.",
            limit=f"{limit:.0%}",
        )
        if len(known) < LEAST:
            return too_little(
                unknown(say("accuracy"), n=len(known)),
                say("%(n)s pairs of which one response is known to be right.", n=len(known)),
                rule,
            )
        prompts = [pair.prompt for pair, _ in known]
        figures = [share(say("accuracy"), [_accuracy(p, t) for p, t in known], prompts)]
        figures += _by_order(known, prompts)
        estimate, low, high = figures[0].known()
        grade = Grade.PASS if low > limit else Grade.FAIL if high < limit else Grade.WARN
        return Finding(
            tuple(figures),
            grade,
            rule,
            say(
                "It chooses the right response in %(estimate)s [%(low)s, %(high)s] of "
                "%(known)s pairs.",
                estimate=f"{estimate:.1%}",
                low=f"{low:.1%}",
                high=f"{high:.1%}",
                known=len(known),
            ),
        )


def _accuracy(pair: Pair, trial: Trial) -> float:
    """The share of a pair's calls that are right; of the verdict where no call showed the pair."""
    asked = len(trial.shows) + len(trial.unread)
    if not asked:
        return 0.0 if trial.number is None else _right(pair, trial.number)
    return sum(_right(pair, show.number) for show in trial.shows) / asked


def _right(pair: Pair, number: float) -> float:
    return won(number if pair.right == 0 else -number)


def _by_order(known: list[tuple[Pair, Trial]], prompts: list[str]) -> list[Figure]:
    figures = []
    for first, name in ((0, say("position 0 shown first")), (1, say("position 1 shown first"))):
        right: list[float] = []
        for pair, trial in known:
            told = [_right(pair, show.number) for show in trial.shows if show.first == first]
            told += [0.0 for place in trial.unread if place == first]
            right += told[:1]
        if len(right) == len(known):
            figures.append(
                mean(say("accuracy, %(name)s", name=name), right, prompts, unit=say("share"))
            )
    return figures


AUDIT = KnownAnswers()
