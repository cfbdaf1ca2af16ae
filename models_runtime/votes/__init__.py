"""Rewards from votes over rollouts: the answer that most give stands in for the truth. Pure.

*Majority vote*: a rollout earns 1 if its answer is the commonest of its prompt's, else 0 (TTRL, Zuo
et al. 2025, arXiv:2504.16084). *Twin vote*: it earns 1 if its answer is the commonest among the
rollouts of the same request in other words, and the other way round (Co-Reward, Zhang et al. 2025,
arXiv:2508.00410), so that a model can't earn by agreeing with itself on a prompt's surface. Where
two answers are equally common nothing can be said, and nothing is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from models_runtime.selection import canonical

__all__ = ["Vote", "majority", "rewards_by", "twin_rewards"]


@dataclass(frozen=True, slots=True)
class Vote:
    """The commonest `answer` (in its canonical spelling), with its share of all `n` rollouts;
    None where no rollout has an answer or two are equally common."""

    answer: str | None
    share: float
    n: int


def majority(answers: Sequence[str | None]) -> Vote:
    """The vote over answers; None is a rollout without one, which counts in `n` only."""
    counts = Counter(canonical(answer) for answer in answers if answer is not None)
    if not counts:
        return Vote(None, 0.0, len(answers))
    (first, votes), *rest = counts.most_common(2)
    is_tied = bool(rest) and rest[0][1] == votes
    return Vote(None if is_tied else first, votes / len(answers), len(answers))


def rewards_by(vote: Vote, answers: Sequence[str | None]) -> list[float] | None:
    """1 for each answer that is the vote's, 0 for others and for none; None without a vote."""
    if vote.answer is None:
        return None
    return [float(answer is not None and canonical(answer) == vote.answer) for answer in answers]


def twin_rewards(
    first: Sequence[str | None], second: Sequence[str | None]
) -> tuple[list[float] | None, list[float] | None]:
    """The rewards of each twin's rollouts by the other's vote."""
    return rewards_by(majority(second), first), rewards_by(majority(first), second)
