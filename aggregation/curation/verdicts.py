"""From the votes on one pair to one verdict. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, product

from aggregation.curation.policy import Curation
from annotation.evidence import Comparison, Evidence, Ranking, TieKind


@dataclass(frozen=True, slots=True)
class Vote:
    """One annotator on one pair: + for the first response, - for the second, 0 for neither."""

    strength: int
    both_bad: bool = False

    def mirrored(self) -> "Vote":
        return Vote(-self.strength, self.both_bad)


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


def votes_by_pair(said: Iterable[Evidence]) -> dict[tuple[int, int], list[Vote]]:
    """Votes per pair of places (lower place first) in what annotators said of one question.

    A comparison is a vote on its pair. A ranking is one vote of strength 1 on every pair it
    implies: equal tiers are "about the same", and whatever was shown but not listed is below the
    list; two unlisted ones say nothing of each other. Ratings and labels are no votes.
    """
    cast: dict[tuple[int, int], list[Vote]] = {}
    for evidence in said:
        for a, b, vote in _votes(evidence):
            pair, kept = ((a, b), vote) if a < b else ((b, a), vote.mirrored())
            cast.setdefault(pair, []).append(kept)
    return dict(sorted(cast.items()))


def _votes(evidence: Evidence) -> Iterator[tuple[int, int, Vote]]:
    if isinstance(evidence, Comparison):
        both_bad = evidence.tie_kind is TieKind.BOTH_BAD
        yield evidence.a, evidence.b, Vote(evidence.strength, both_bad)
    elif isinstance(evidence, Ranking):
        listed = [(place, tier) for tier, places in enumerate(evidence.tiers) for place in places]
        named = {place for place, _ in listed}
        below = [place for place in evidence.shown if place not in named]
        for (a, high), (b, low) in combinations(listed, 2):
            yield a, b, Vote(0 if high == low else 1)
        for a, b in product(named, below):
            yield a, b, Vote(1)


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
