"""The policy itself: explicit choices for everything that isn't a clear vote."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

TIES = {
    "half": "A vote for “about the same” counts as half a vote for each side.",
    "ignore": "A vote for “about the same” is not counted; only votes that choose a side are.",
    "own": "“About the same” stands as an answer of its own: "
    "a response is chosen only if it has more votes than the other one and than the ties.",
}
BOTH_BAD = {
    "as_tie": "“Both are bad” is treated like “about the same”.",
    "ignore": "A vote for “both are bad” is not counted.",
    "drop_pair": "A pair that at least half of the votes call bad on both sides is left out; "
    "otherwise such a vote is treated like “about the same”.",
}
ADJUDICATED = {
    "votes": "A reviewer's verdict on a question changes nothing in how votes become pairs.",
    "prefer": "Where a reviewer said which answer is right, that answer alone decides, whatever "
    "the votes; where none was right, there is no pair. If the answer itself is left out of the "
    "release, the votes decide.",
}
KINDS = {"person": "people", "model": "models", "simulated": "simulated annotators"}


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
            raise CurationError("Choose whose judgments count: person, model or simulated.")
        if self.ties not in TIES:
            raise CurationError(f"The tie policy is one of {', '.join(TIES)}, not {self.ties!r}.")
        if self.both_bad not in BOTH_BAD:
            raise CurationError(
                f"The policy for “both are bad” is one of {', '.join(BOTH_BAD)}, "
                f"not {self.both_bad!r}."
            )
        if self.least_votes < 1:
            raise CurationError("A pair needs at least one vote behind it.")
        if self.adjudicated not in ADJUDICATED:
            raise CurationError(
                f"What verdicts change is one of {', '.join(ADJUDICATED)}, "
                f"not {self.adjudicated!r}."
            )
        if self.adjudicated == "prefer" and self.group_by:
            raise CurationError(
                "One verdict per group takes the groups' own votes, and a reviewer's answer would "
                "stand for all of them. Choose one of the two."
            )
        if not 0 <= self.least_agreement <= 1:
            raise CurationError("Agreement is a share from 0 to 1.")
        if self.smallest_cell < 2:
            raise CurationError(
                "A group of one is a person: the smallest group that may show is 2 people."
            )
        if self.reasons and self.attributes:
            raise CurationError(
                "The annotators' own words and their attributes are never published side by side: "
                "together they identify people. Choose one of the two."
            )

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Inverse of `to_plain`. Raises CurationError for an unknown entry."""
        unknown = sorted(set(plain) - {f.name for f in fields(cls)})
        if unknown:
            raise CurationError(f"A curation policy has no entry “{unknown[0]}”.")
        values = dict(plain)
        for name in ("kinds", "attributes"):
            if name in values:
                values[name] = tuple(values[name])
        return cls(**values)

    def to_plain(self) -> dict[str, Any]:
        return {**asdict(self), "kinds": list(self.kinds), "attributes": list(self.attributes)}

    def sentences(self) -> list[str]:
        """The whole policy in words, as the manifest and the data card print it."""
        who = " and ".join(KINDS[kind] for kind in self.kinds)
        lines = [
            f"Judgments by {who} count.",
            TIES[self.ties],
            BOTH_BAD[self.both_bad],
            ADJUDICATED[self.adjudicated],
            "A pair whose votes name no winner is left out: a tie never becomes a pair.",
            "Skipped questions are no judgments and appear nowhere.",
            "A criterion answered “not applicable” takes no part in any sum.",
            "Parked judgments (they came after their seat was taken, or after the project stopped) "
            "and judgments that their author replaced are left out.",
        ]
        if self.least_votes > 1:
            lines.append(f"A pair needs at least {self.least_votes} counted votes.")
        if self.least_agreement > 0:
            lines.append(
                f"At least {self.least_agreement:.0%} of the votes counted must be for one side."
            )
        lines.append("Two responses of the same text are no pair.")
        if self.group_by:
            lines.append(
                f"There is one verdict per group, by the declared attribute “{self.group_by}”; "
                f"groups of fewer than {self.smallest_cell} people are withheld."
            )
        if self.attributes:
            lines.append(
                f"Judgments carry the declared attributes {', '.join(self.attributes)}; where "
                f"fewer than {self.smallest_cell} people share a combination, it is withheld."
            )
        if self.reasons:
            lines.append("Judgments carry the annotators' own words.")
        return lines
