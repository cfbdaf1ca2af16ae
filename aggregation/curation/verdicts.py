"""From the votes on one pair to one verdict. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from aggregation.curation.policy import Curation
from annotation.evidence import Comparison, TieKind


@dataclass(frozen=True, slots=True)
class Vote:
    """One annotator on one pair: + for the first response, - for the second, 0 for neither."""

    strength: int
    both_bad: bool = False

    @classmethod
    def of(cls, evidence: Comparison) -> "Vote":
        return cls(evidence.strength, evidence.tie_kind is TieKind.BOTH_BAD)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the votes on a pair come to.

    winner     0 or 1, None without one; then `reason` is a key of REASONS
    n          counted votes, ties among them unless ignored
    agreement  share of the counted votes for the winner (plus half the ties under "half")
    strength   mean strength towards the winner over counted votes, ties as 0. It can be negative:
               a small majority may feel less strongly than the minority.
    """

    winner: int | None
    reason: str
    n: int
    agreement: float
    strength: float
    ties: int
    both_bad: int


def decide(votes: Iterable[Vote], curation: Curation) -> Verdict:
    """The verdict of these votes under a policy."""
    cast = list(votes)
    bad = sum(vote.both_bad for vote in cast)
    ties = sum(vote.strength == 0 for vote in cast) - bad
    if curation.both_bad == "drop_pair" and bad and 2 * bad >= len(cast):
        return _none("both_bad", len(cast), ties, bad)
    counted = [vote for vote in cast if _counts(vote, curation)]
    first = sum(vote.strength > 0 for vote in counted)
    second = sum(vote.strength < 0 for vote in counted)
    neither = len(counted) - first - second
    n = len(counted)
    if n < curation.least_votes:
        return _none("few_votes" if cast else "no_votes", n, ties, bad)
    ahead = max(first, second)
    if first == second or (curation.ties == "own" and ahead <= neither):
        return _none("tie", n, ties, bad)
    winner = 0 if first > second else 1
    agreement = (ahead + (neither / 2 if curation.ties == "half" else 0)) / n
    if agreement < curation.least_agreement:
        return _none("low_agreement", n, ties, bad)
    towards = sum(vote.strength for vote in counted) * (1 if winner == 0 else -1)
    return Verdict(winner, "", n, agreement, towards / n, ties, bad)


def _counts(vote: Vote, curation: Curation) -> bool:
    if vote.strength:
        return True
    if vote.both_bad and curation.both_bad == "ignore":
        return False
    return curation.ties != "ignore"


def _none(reason: str, n: int, ties: int, bad: int) -> Verdict:
    return Verdict(None, reason, n, float("nan"), float("nan"), ties, bad)
