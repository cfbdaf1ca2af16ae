"""Judgments in a few words, for tables that put judges beside people. Pure."""

from collections.abc import Mapping
from typing import Any

from annotation.phrases import say

STRENGTHS = {
    3: say("A much better"),
    2: say("A better"),
    1: say("A slightly better"),
    0: say("About the same"),
    -1: say("B slightly better"),
    -2: say("B better"),
    -3: say("B much better"),
}
LETTERS = "ABCDEFGHI"


def in_words(judgment_type: str, payload: Mapping[str, Any] | None) -> str:
    """What a payload says, short; letters stand for placement positions."""
    if not payload:
        return say("No verdict")
    if judgment_type == "pairwise":
        return say("Both bad") if payload.get("both_bad") else STRENGTHS[int(payload["strength"])]
    if judgment_type == "ranking":
        tiers = [" = ".join(LETTERS[place] for place in tier) for tier in payload["tiers"]]
        return " > ".join(tiers)
    if judgment_type == "rating":
        return "; ".join(
            f"{LETTERS[int(place)]}: {', '.join(f'{value:g}' for value in ratings.values())}"
            for place, ratings in sorted(payload["ratings"].items())
        )
    if judgment_type == "checklist":
        return "; ".join(
            say(
                "%(letter)s: %(n)s of %(n_asked)s yes",
                letter=LETTERS[int(place)],
                n=sum(each == "yes" for each in answers.values()),
                n_asked=len(answers),
            )
            for place, answers in sorted(payload["answers"].items())
        )
    return say("Answered")


def sign_of(judgment_type: str, payload: Mapping[str, Any] | None) -> int | None:
    """+1, 0 or -1 of a pairwise payload, in placement positions; None for anything else."""
    if judgment_type != "pairwise" or not payload:
        return None
    strength = int(payload["strength"])
    return (strength > 0) - (strength < 0)
