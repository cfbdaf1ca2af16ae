"""The policy itself: explicit choices for everything that isn't a clear vote."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from annotation.phrases import say

TIES = {
    "half": say("A vote for “about the same” counts as half a vote for each side."),
    "ignore": say("A vote for “about the same” is not counted; only votes that choose a side are."),
    "own": say(
        "“About the same” stands as an answer of its own: a response is chosen "
        "only if it has more votes than the other one and than the ties."
    ),
}
BOTH_BAD = {
    "as_tie": say("“Both are bad” is treated like “about the same”."),
    "ignore": say("A vote for “both are bad” is not counted."),
    "drop_pair": say(
        "A pair that at least half of the votes call bad on both sides is left "
        "out; otherwise such a vote is treated like “about the same”."
    ),
}
ADJUDICATED = {
    "votes": say("A reviewer's verdict on a question changes nothing in how votes become pairs."),
    "prefer": say(
        "Where a reviewer said which answer is right, that answer alone decides, "
        "whatever the votes; where none was right, there is no pair. If the "
        "answer itself is left out of the release, the votes decide."
    ),
}
KINDS = {
    "person": say("people"),
    "model": say("models"),
    "simulated": say("simulated annotators"),
}


def _listed(kinds: tuple[str, ...]) -> str:
    return " and ".join(KINDS[kind] for kind in kinds)


class CurationError(ValueError):
    """A policy that can't be meant, with a sentence."""


@dataclass(frozen=True, kw_only=True)
class Curation:
    """How judgments become rows.

    kinds            whose judgments count: person, model, simulated
    ties, both_bad   keys of TIES and BOTH_BAD; whatever they say, a pair without a winner is no row
    least_votes      fewest counted votes behind a pair
    least_agreement  smallest share of the counted votes for the chosen side, 0 to 1
    group_by         a declared attribute: one verdict per group instead of one for all; "" for all
    attributes       declared attributes that go along with single judgments
    reasons          whether the annotators' own words go along
    smallest_cell    groups and combinations of attributes with fewer people than this are withheld
    adjudicated      a key of ADJUDICATED: what a reviewer's verdict on a question changes
    """

    kinds: tuple[str, ...] = ("person",)
    ties: str = "half"
    both_bad: str = "as_tie"
    least_votes: int = 1
    least_agreement: float = 0.0
    group_by: str = ""
    attributes: tuple[str, ...] = ()
    reasons: bool = False
    smallest_cell: int = 5
    adjudicated: str = "votes"

    def __post_init__(self) -> None:
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise CurationError(say("Choose whose judgments count: person, model or simulated."))
        if self.ties not in TIES:
            raise CurationError(
                say(
                    "The tie policy is one of %(names)s, not %(ties)s.",
                    names=", ".join(TIES),
                    ties=f"{self.ties!r}",
                )
            )
        if self.both_bad not in BOTH_BAD:
            raise CurationError(
                say(
                    "The policy for “both are bad” is one of %(names)s, not %(both_bad)s.",
                    names=", ".join(BOTH_BAD),
                    both_bad=f"{self.both_bad!r}",
                )
            )
        if self.least_votes < 1:
            raise CurationError(say("A pair needs at least one vote behind it."))
        if self.adjudicated not in ADJUDICATED:
            raise CurationError(
                say(
                    "What verdicts change is one of %(names)s, not %(adjudicated)s.",
                    names=", ".join(ADJUDICATED),
                    adjudicated=f"{self.adjudicated!r}",
                )
            )
        if self.adjudicated == "prefer" and self.group_by:
            raise CurationError(
                say(
                    "One verdict per group takes the groups' own votes, and a reviewer's "
                    "answer would stand for all of them. Choose one of the two."
                )
            )
        if not 0 <= self.least_agreement <= 1:
            raise CurationError(say("Agreement is a share from 0 to 1."))
        if self.smallest_cell < 2:
            raise CurationError(
                say("A group of one is a person: the smallest group that may show is 2 people.")
            )
        if self.reasons and self.attributes:
            raise CurationError(
                say(
                    "The annotators' own words and their attributes are never published side "
                    "by side: together they identify people. Choose one of the two."
                )
            )

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Inverse of `to_plain`. Raises CurationError for an unknown entry."""
        unknown = sorted(set(plain) - {f.name for f in fields(cls)})
        if unknown:
            raise CurationError(
                say("A curation policy has no entry “%(unknown)s”.", unknown=unknown[0])
            )
        values = dict(plain)
        for name in ("kinds", "attributes"):
            if name in values:
                values[name] = tuple(values[name])
        return cls(**values)

    def to_plain(self) -> dict[str, Any]:
        return {**asdict(self), "kinds": list(self.kinds), "attributes": list(self.attributes)}

    def sentences(self) -> list[str]:
        """The whole policy in words, as the manifest and the data card print it."""
        lines = [
            say("Judgments by %(who_list)s count.", who_list=_listed(self.kinds)),
            TIES[self.ties],
            BOTH_BAD[self.both_bad],
            ADJUDICATED[self.adjudicated],
            say("A pair whose votes name no winner is left out: a tie never becomes a pair."),
            say("Skipped questions are no judgments and appear nowhere."),
            say("A criterion answered “not applicable” takes no part in any sum."),
            say(
                "Parked judgments (they came after their seat was taken, or after the "
                "project stopped) and judgments that their author replaced are left out."
            ),
        ]
        if self.least_votes > 1:
            lines.append(
                say(
                    "A pair needs at least %(least_votes)s counted votes.",
                    least_votes=self.least_votes,
                )
            )
        if self.least_agreement > 0:
            lines.append(
                say(
                    "At least %(least_agreement)s of the votes counted must be for one side.",
                    least_agreement=f"{self.least_agreement:.0%}",
                )
            )
        lines.append(say("Two responses of the same text are no pair."))
        if self.group_by:
            lines.append(
                say(
                    "There is one verdict per group, by the declared attribute "
                    "“%(group_by)s”; groups of fewer than %(smallest_cell)s people are "
                    "withheld.",
                    group_by=self.group_by,
                    smallest_cell=self.smallest_cell,
                )
            )
        if self.attributes:
            lines.append(
                say(
                    "Judgments carry the declared attributes %(names)s; where fewer than "
                    "%(smallest_cell)s people share a combination, it is withheld.",
                    names=", ".join(self.attributes),
                    smallest_cell=self.smallest_cell,
                )
            )
        if self.reasons:
            lines.append(say("Judgments carry the annotators' own words."))
        return lines
