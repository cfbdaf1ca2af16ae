"""How a model that is trained on its own answers goes on: does it still find, can it still tell?
Pure.

B-STaR (Zeng et al. 2024, arXiv:2412.17256) watches two things in every iteration. *Exploration*:
how many distinct correct answers there are per prompt, and for what share of prompts there is one
at all (pass@n). *Exploitation*: how well the reward separates right from wrong, told by the
accuracy of the answer with the highest reward, and by the area under the curve within a prompt. Of
what the reward selects, the balance score of a prompt is

    min(c / target, 1) · c / s,

c the correct among the s distinct texts selected: low if too few are found, low if wrong ones are
chosen. So computes the authors' own program (train_code/metric_modiacc_auto.py of their
repository), with 8 as the target. Ours are the area under the curve, the target of 4 where nothing
else is said, since so many candidates are written by default, and that a prompt of which nothing is
selected counts as 0; their program leaves it out of the mean, which would reward a threshold that
only the easiest prompts pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

__all__ = ["Attempt", "Iteration", "balance_score", "separation", "summarise"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer to a prompt: `text` names equal answers equally; `reward` is None if unknown."""

    text: str
    correct: bool
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class Iteration:
    """Means over `prompts` with `attempts` in all. `separation` is over `separable` prompts, which
    have both right and wrong answers; what can't be told is None."""

    prompts: int
    attempts: int
    found: float
    distinct_correct: float
    accuracy: float
    best_accuracy: float | None
    separation: float | None
    separable: int
    balance: float | None


def separation(attempts: Sequence[Attempt]) -> float | None:
    """The chance that a right answer has a higher reward than a wrong one, a tie counting half;
    None without both kinds."""
    right = [each.reward for each in attempts if each.correct and each.reward is not None]
    wrong = [each.reward for each in attempts if not each.correct and each.reward is not None]
    if not right or not wrong:
        return None
    wins = sum((r > w) + 0.5 * (r == w) for r in right for w in wrong)
    return wins / (len(right) * len(wrong))


def balance_score(attempts: Sequence[Attempt], *, least: float, target: int) -> float | None:
    """Of the attempts with a reward of `least` or more; 0 if none is, None without rewards."""
    if target < 1:
        raise ValueError("The target is at least 1 distinct correct answer.")
    rated = [each for each in attempts if each.reward is not None]
    if not rated:
        return None
    selected = [each for each in rated if each.reward is not None and each.reward >= least]
    if not selected:
        return 0.0
    correct = len({each.text for each in selected if each.correct})
    return min(correct / target, 1.0) * correct / len({each.text for each in selected})


def summarise(
    prompts: Sequence[Sequence[Attempt]], *, least: float = 0.0, target: int = 4
) -> Iteration:
    """One iteration from the attempts at each prompt. Raises ValueError without any."""
    asked = [attempts for attempts in prompts if attempts]
    if not asked:
        raise ValueError("There is no attempt.")
    separations = [s for attempts in asked if (s := separation(attempts)) is not None]
    balances = [
        b
        for attempts in asked
        if (b := balance_score(attempts, least=least, target=target)) is not None
    ]
    bests = [right for attempts in asked if (right := _best_is_right(attempts)) is not None]
    everything = [each for attempts in asked for each in attempts]
    return Iteration(
        prompts=len(asked),
        attempts=len(everything),
        found=fmean(any(each.correct for each in attempts) for attempts in asked),
        distinct_correct=fmean(
            len({each.text for each in attempts if each.correct}) for attempts in asked
        ),
        accuracy=fmean(each.correct for each in everything),
        best_accuracy=fmean(bests) if bests else None,
        separation=fmean(separations) if separations else None,
        separable=len(separations),
        balance=fmean(balances) if balances else None,
    )


def _best_is_right(attempts: Sequence[Attempt]) -> float | None:
    """The share of right answers among those with the highest reward; None without rewards."""
    rated = [(each.reward, each.correct) for each in attempts if each.reward is not None]
    if not rated:
        return None
    most = max(reward for reward, _ in rated)
    return fmean(correct for reward, correct in rated if reward == most)
