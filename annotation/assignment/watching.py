"""When an annotator is warned, and when they are paused."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from annotation.assignment.rules import AssignmentRules


class Reaction(StrEnum):
    NONE = "none"
    WARN = "warn"
    PAUSE = "pause"


class Cause(StrEnum):
    GOLD = "gold"
    REPEATS = "repeats"
    TOO_FAST = "too_fast"


@dataclass(frozen=True, slots=True)
class Conduct:
    """An annotator's latest answers, newest first, since they were last warned or let go on.

    `gold` and `repeats` are shares of agreement, `elapsed_ms` the times of ordinary answers.
    `warnings` is how often they were warned since they began or were let go on.
    """

    gold: Sequence[float] = ()
    repeats: Sequence[float] = ()
    elapsed_ms: Sequence[int] = ()
    warnings: int = 0


@dataclass(frozen=True, slots=True)
class Watched:
    reaction: Reaction
    cause: Cause | None = None
    measured: float = 0.0


def watch(rules: AssignmentRules, conduct: Conduct) -> Watched:
    """What the rules say to this conduct. A window that isn't full says nothing."""
    cause, measured = _first_cause(rules, conduct)
    if cause is None:
        return Watched(Reaction.NONE)
    warned_enough = conduct.warnings >= rules.warnings
    return Watched(Reaction.PAUSE if warned_enough else Reaction.WARN, cause, measured)


def _first_cause(rules: AssignmentRules, conduct: Conduct) -> tuple[Cause | None, float]:
    gold = _mean(conduct.gold, rules.gold_window)
    if gold is not None and gold < rules.gold_least:
        return Cause.GOLD, gold
    repeats = _mean(conduct.repeats, rules.repeat_window)
    if repeats is not None and repeats < rules.repeat_least:
        return Cause.REPEATS, repeats
    quick = [float(each < rules.fastest_ms) for each in conduct.elapsed_ms]
    too_fast = _mean(quick, rules.too_fast_window)
    if rules.fastest_ms and too_fast is not None and too_fast > rules.too_fast_share:
        return Cause.TOO_FAST, too_fast
    return None, 0.0


def _mean(values: Sequence[float], window: int) -> float | None:
    """The mean of the newest `window` values, None while there are fewer."""
    return sum(values[:window]) / window if len(values) >= window else None
