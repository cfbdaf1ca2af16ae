"""What a result warns of, and what a person can do about it. A code never stands without its
sentence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from annotation.phrases import say

NAMED = 20  # ids that a warning spells out


class WarningCode(StrEnum):
    EMPTY = "EMPTY"
    SINGLE_ITEM = "SINGLE_ITEM"
    SINGLE_ANNOTATOR = "SINGLE_ANNOTATOR"
    DISCONNECTED = "DISCONNECTED"
    NOT_STRONGLY_CONNECTED = "NOT_STRONGLY_CONNECTED"
    ALL_TIES = "ALL_TIES"
    SEPARATION = "SEPARATION"
    UNSEEN_ITEMS = "UNSEEN_ITEMS"
    UNSEEN_PAIRS = "UNSEEN_PAIRS"
    LOCAL_OPTIMUM_RISK = "LOCAL_OPTIMUM_RISK"
    LABEL_SWITCHING = "LABEL_SWITCHING"
    NOT_CONVERGED = "NOT_CONVERGED"
    TIE_UNRESOLVED = "TIE_UNRESOLVED"
    NP_HARD_TRUNCATED = "NP_HARD_TRUNCATED"
    ORDER_DEPENDENT = "ORDER_DEPENDENT"
    RANDOMISED = "RANDOMISED"
    UNBALANCED_EXPOSURE = "UNBALANCED_EXPOSURE"
    NO_GOLD = "NO_GOLD"
    PROMPTS_UNKNOWN = "PROMPTS_UNKNOWN"
    NO_EMBEDDINGS = "NO_EMBEDDINGS"
    NO_PERSONAL_SIGNAL = "NO_PERSONAL_SIGNAL"
    SEATS_UNFILLED = "SEATS_UNFILLED"
    CI_REPLACED = "CI_REPLACED"


SENTENCES: dict[WarningCode, str] = {
    WarningCode.EMPTY: (
        say(
            "There is nothing to add up for some or all items, so their scores are "
            "left blank. Collect judgments on them or check the import."
        )
    ),
    WarningCode.SINGLE_ITEM: (
        say(
            "There is only one item, and nothing to compare it with. For an order add a second one."
        )
    ),
    WarningCode.SINGLE_ANNOTATOR: (
        say(
            "All judgments come from one annotator, so nothing tells how much people "
            "differ. Invite others before reading the intervals."
        )
    ),
    WarningCode.DISCONNECTED: (
        say(
            "The items fall into parts that were never compared with each other; "
            "each part has its own scale and ranks. Collect comparisons between the "
            "parts."
        )
    ),
    WarningCode.NOT_STRONGLY_CONNECTED: (
        say(
            "Some items never lost, or never won, against others, so their distance "
            "is unbounded; the scores come from a small penalty and only their order "
            "means something. Collect more comparisons of these items."
        )
    ),
    WarningCode.ALL_TIES: (
        say(
            "The judgments are all ties, or contain none, so how readily people call "
            "a tie can't be estimated. Read the scores without that part of the "
            "model."
        )
    ),
    WarningCode.SEPARATION: (
        say(
            "The data separate some items or effects perfectly, so their estimates "
            "would be infinite. Collect more judgments or read these values as "
            "bounds."
        )
    ),
    WarningCode.UNSEEN_ITEMS: (
        say("Some items have no judgment at all, so they have no score. Collect judgments on them.")
    ),
    WarningCode.UNSEEN_PAIRS: (
        say(
            "Some pairs of items were never compared and count as even here. Collect "
            "comparisons of these pairs before trusting close ranks."
        )
    ),
    WarningCode.LOCAL_OPTIMUM_RISK: (
        say(
            "This model can have several optima; the best one that was found is shown. "
            "Compare it with a simpler method."
        )
    ),
    WarningCode.LABEL_SWITCHING: (
        say(
            "Some annotators share no unit with the others, so the meaning of their "
            "labels can't be checked. Let them label common units."
        )
    ),
    WarningCode.NOT_CONVERGED: (
        say(
            "The computation stopped before it settled. Raise the number of "
            "iterations or use a simpler method."
        )
    ),
    WarningCode.TIE_UNRESOLVED: (
        say(
            "Several items or slates share the first place and nothing in the data "
            "decides between them. Collect more judgments or break the tie in public."
        )
    ),
    WarningCode.NP_HARD_TRUNCATED: (
        say(
            "The search was stopped at its limit, so a better order may exist. Raise "
            "the limit or reduce the items."
        )
    ),
    WarningCode.ORDER_DEPENDENT: (
        say(
            "The result depends on the order in which judgments are read. Use it as "
            "a live preview and another method for decisions."
        )
    ),
    WarningCode.RANDOMISED: (
        say("Chance takes part in this rule; the seed is recorded so that it can be repeated.")
    ),
    WarningCode.UNBALANCED_EXPOSURE: (
        say(
            "Some items were shown much more often than others, which biases this "
            "rule. Balance the questions or use a model-based method."
        )
    ),
    WarningCode.PROMPTS_UNKNOWN: (
        say(
            "The judgments don't say which prompts they are about, so only "
            "annotators were varied and the intervals say nothing of other prompts. "
            "Name the prompts, or vary annotators only."
        )
    ),
    WarningCode.NO_GOLD: (
        say(
            "No unit has a known answer, so nothing can tell how reliable annotators "
            "are and all count the same. Add gold labels or use a method that does "
            "without."
        )
    ),
    WarningCode.NO_EMBEDDINGS: (
        say(
            "Some or all responses have no embedding, so nothing is learned from "
            "votes on them. Run an embedding job on the project's responses, or "
            "score items with a place of their own."
        )
    ),
    WarningCode.NO_PERSONAL_SIGNAL: (
        say(
            "No personal signal was learned, so everybody gets the pooled "
            "prediction. Collect more votes per annotator before speaking of "
            "personal preferences."
        )
    ),
    WarningCode.SEATS_UNFILLED: (
        say(
            "Some seats stay empty, because there are too few items or nobody is "
            "entitled to them. Ask for fewer seats or choose how to fill the rest."
        )
    ),
    WarningCode.CI_REPLACED: (
        say(
            "The kind of standard errors that was asked for can't be had from these "
            "judgments, so another kind is shown. Read the intervals as that kind."
        )
    ),
}


@dataclass(frozen=True)
class ResultWarning:
    """A code, a few words on where it applies, and the first twenty ids it speaks of."""

    code: WarningCode
    detail: str = ""
    items: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        text = SENTENCES[self.code]
        return f"{text} ({self.detail})" if self.detail else text


def warn(code: WarningCode, detail: str = "", items: Iterable[object] = ()) -> ResultWarning:
    """A warning about `items` (ids), of which the first twenty are named."""
    return ResultWarning(code, detail, tuple(_named(item) for item in islice(items, NAMED)))


def _named(item: object) -> str:
    """An id in words; one of several parts, such as a response and a criterion, part by part."""
    return " · ".join(map(str, item)) if isinstance(item, tuple | list) else str(item)
