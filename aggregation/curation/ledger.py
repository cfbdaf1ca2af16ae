"""What was left out, why, and of whom: nothing disappears without an entry. Pure."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

REASONS = {
    "parked": "came after its seat was taken or after the project stopped",
    "superseded": "replaced by a later judgment of the same person",
    "withdrawn": "by people who have withdrawn from the project",
    "kind": "by a kind of annotator that this release doesn't count",
    "tie": "no side has more votes than the other",
    "both_bad": "at least half of the votes say that both are bad",
    "few_votes": "fewer counted votes than the policy asks for",
    "no_votes": "no counted vote",
    "low_agreement": "the votes agree less than the policy asks for",
    "identical_texts": "both responses have the same text",
    "no_comparison": "the question doesn't compare two responses",
    "none_right": "a reviewer found that no answer is right",
    "small_group": "the group has fewer people than may be shown",
}
EVERYBODY = "all"


@dataclass(frozen=True, order=True)
class LeftOut:
    """`count` things of `group` left out for `reason`; `what` is judgments or an export's slug."""

    what: str
    reason: str
    group: str
    count: int

    @property
    def meaning(self) -> str:
        return REASONS[self.reason]

    def to_plain(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "meaning": self.meaning,
            "group": self.group,
            "count": self.count,
        }


class Ledger:
    """Counts what is left out. Groups are declared ones, or "all"."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def leave_out(self, what: str, reason: str, group: str = EVERYBODY, count: int = 1) -> None:
        if reason not in REASONS:
            raise KeyError(f"“{reason}” is no reason of the ledger")
        self._counts[what, reason, group] += count

    def entries(self, what: str) -> list[LeftOut]:
        """In order of reason and group."""
        return sorted(LeftOut(*key, count) for key, count in self._counts.items() if key[0] == what)

    def total(self, what: str) -> int:
        return sum(count for key, count in self._counts.items() if key[0] == what)
