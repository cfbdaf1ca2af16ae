"""Whose turn it is: a new question, one with a known answer, or one's own again."""

import hashlib
from enum import StrEnum

from annotation.assignment.rules import AssignmentRules


class Turn(StrEnum):
    """What an assignment is for. Only ordinary ones take seats and give counted judgments."""

    ORDINARY = "ordinary"
    GOLD = "gold"
    REPEAT = "repeat"


def next_turn(rules: AssignmentRules, *, seed: int, annotator: int, number: int) -> Turn:
    """What the annotator's `number`-th assignment is meant to be.

    Drawn by a hash, so that it can be told again from the log, and nobody can see it coming. The
    caller falls back on an ordinary question where there is no check left to give.
    """
    ticket = f"{seed}/{annotator}/{number}/turn"
    drawn = int.from_bytes(hashlib.sha256(ticket.encode()).digest()[:8], "big") / 2**64
    if drawn < rules.gold_share:
        return Turn.GOLD
    if drawn < rules.gold_share + rules.repeat_share:
        return Turn.REPEAT
    return Turn.ORDINARY
