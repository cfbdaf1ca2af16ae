"""What was left out, why, and of whom: nothing disappears without an entry. Pure."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from annotation.phrases import say

REASONS = {
    "parked": say("came after its seat was taken or after the project stopped"),
    "superseded": say("replaced by a later judgment of the same person"),
    "withdrawn": say("by people who have withdrawn from the project"),
    "kind": say("by a kind of annotator that this release doesn't count"),
    "tie": say("no side has more votes than the other"),
    "both_bad": say("at least half of the votes say that both are bad"),
    "few_votes": say("fewer counted votes than the policy asks for"),
    "no_votes": say("no counted vote"),
    "low_agreement": say("the votes agree less than the policy asks for"),
    "identical_texts": say("both responses have the same text"),
    "no_comparison": say("the question doesn't compare two responses"),
    "none_right": say("a reviewer found that no answer is right"),
    "small_group": say("the group has fewer people than may be shown"),
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
