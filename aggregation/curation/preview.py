"""What each tie policy and each filter would remove, before anything is published. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aggregation.curation.ledger import REASONS
from aggregation.curation.policy import BOTH_BAD, TIES, Curation
from aggregation.curation.verdicts import Vote, decide
from annotation.phrases import say


@dataclass(frozen=True)
class Outcome:
    """One way to choose: how many pairs it keeps and what it leaves out, by reason."""

    name: str
    sentence: str
    chosen: bool
    kept: int
    left_out: dict[str, int]

    def explained(self) -> list[tuple[str, int]]:
        """What is left out, in words."""
        return [(REASONS[reason], count) for reason, count in self.left_out.items()]


@dataclass(frozen=True)
class Preview:
    """Pairs under the policy given and under its alternatives; the rest of the policy unchanged."""

    pairs: int
    votes: int
    ties: tuple[Outcome, ...]
    both_bad: tuple[Outcome, ...]
    filters: tuple[Outcome, ...]

    def sections(self) -> list[tuple[str, tuple[Outcome, ...]]]:
        return [
            (say("Votes for “about the same”"), self.ties),
            (say("Votes for “both are bad”"), self.both_bad),
            (say("Filters"), self.filters),
        ]


def preview(pairs: Iterable[Sequence[Vote]], curation: Curation) -> Preview:
    """Count the outcome of every alternative in one pass over the pairs."""
    plain = replace(curation, least_votes=1, least_agreement=0.0)
    ways: list[tuple[str, str, str, Curation]] = [
        *(("ties", name, text, replace(curation, ties=name)) for name, text in TIES.items()),
        *(
            ("both_bad", name, text, replace(curation, both_bad=name))
            for name, text in BOTH_BAD.items()
        ),
        ("filters", "none", say("No filter on votes or agreement."), plain),
        (
            "filters",
            "votes",
            _at_least(curation.least_votes),
            replace(plain, least_votes=curation.least_votes),
        ),
        (
            "filters",
            "agreement",
            say(
                "At least %(least_agreement)s of the votes for the chosen side.",
                least_agreement=f"{curation.least_agreement:.0%}",
            ),
            replace(plain, least_agreement=curation.least_agreement),
        ),
    ]
    counts: list[Counter[str]] = [Counter() for _ in ways]
    seen = votes = 0
    for cast in pairs:
        seen += 1
        votes += len(cast)
        for count, (_, _, _, way) in zip(counts, ways, strict=True):
            count[decide(cast, way).reason] += 1

    def outcomes(kind: str) -> tuple[Outcome, ...]:
        return tuple(
            Outcome(
                name, text, kind != "filters" and way == curation, count[""], _without_kept(count)
            )
            for (of, name, text, way), count in zip(ways, counts, strict=True)
            if of == kind
        )

    return Preview(seen, votes, outcomes("ties"), outcomes("both_bad"), outcomes("filters"))


def _at_least(votes: int) -> str:
    if votes == 1:
        return say("At least 1 counted vote.")
    return say("At least %(n)s counted votes.", n=votes)


def _without_kept(count: Counter[str]) -> dict[str, int]:
    return {reason: number for reason, number in sorted(count.items()) if reason}
