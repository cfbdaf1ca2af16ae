"""Best of majority: among answers that enough samples give, the one with the best reward.

Keep answers whose share is at least `share` (at least two votes once there are ten samples), take
the one with the highest mean reward. Unlike best-of-n and majority voting it doesn't get worse
with more samples. When no answer is frequent enough, the most frequent one stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from models_runtime.selection import (
    NOTHING,
    Choice,
    Extra,
    Need,
    Sample,
    Votes,
    check_samples,
    group_key,
    needed,
    tie_key,
)


@dataclass(frozen=True, slots=True)
class MajorityOptions:
    """`share` is the least share of the samples that an answer needs, from 0 to 1."""

    share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share lies between 0 and 1")


@dataclass(frozen=True)
class BestOfMajority:
    """See the module's docstring; samples without an answer count towards the total."""

    title: str = "Best of majority (reward among frequent answers)"
    needs: frozenset[Need] = frozenset({Need.ANSWER, Need.REWARD})
    extra_calls: str = "one score per sample"
    reference: str = "Best-of-Majority, 2025: regret O(eps_opt + sqrt(C eps^2 / k))"
    options_class: type[Any] = field(default=MajorityOptions)

    def select(
        self,
        samples: Sequence[Sample],
        options: MajorityOptions | None = None,
        extra: Extra = NOTHING,
    ) -> Choice:
        check_samples(samples)
        options = options or MajorityOptions()
        rewards = needed(samples, "reward")
        votes = Votes.count(samples)
        least = max(options.share * len(samples), 2 if len(samples) >= 10 else 1)
        frequent = [answer for answer, count in votes.totals.items() if count >= least - 1e-9]
        if frequent:
            answer = max(frequent, key=lambda each: group_key(votes.voters[each]))
            reason = "the best mean reward of the frequent answers"
        else:
            answer = votes.winner()
            reason = "the most frequent answer; none is frequent enough to be compared by reward"
        chosen = max(votes.voters[answer], key=tie_key)
        scores: dict[int, float | None] = {sample.id: None for sample in samples}
        for each in frequent or [answer]:
            group = votes.voters[each]
            mean = fmean(rewards[sample.id] for sample in group)
            scores.update({sample.id: mean for sample in group})
        return Choice(chosen.id, scores, f"“{chosen.answer}” has {reason}.")


SELECTOR = BestOfMajority()
