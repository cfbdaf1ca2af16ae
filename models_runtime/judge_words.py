"""Judgments in a few words, for tables that put judges beside people. Pure."""

from collections.abc import Mapping
from typing import Any

STRENGTHS = {
    3: "A much better",
    2: "A better",
    1: "A slightly better",
    0: "About the same",
    -1: "B slightly better",
    -2: "B better",
    -3: "B much better",
}
LETTERS = "ABCDEFGHI"


def in_words(judgment_type: str, payload: Mapping[str, Any] | None) -> str:
    """What a payload says, short; letters stand for placement positions."""
    if not payload:
        return "No verdict"
    if judgment_type == "pairwise":
        return "Both bad" if payload.get("both_bad") else STRENGTHS[int(payload["strength"])]
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
            f"{LETTERS[int(place)]}: {sum(each == 'yes' for each in answers.values())} of "
            f"{len(answers)} yes"
            for place, answers in sorted(payload["answers"].items())
        )
    return "Answered"


def sign_of(judgment_type: str, payload: Mapping[str, Any] | None) -> int | None:
    """+1, 0 or -1 of a pairwise payload, in placement positions; None for anything else."""
    if judgment_type != "pairwise" or not payload:
        return None
    strength = int(payload["strength"])
    return (strength > 0) - (strength < 0)
