"""What a talk comes to: a verdict in placement positions, or what was made for a prompt. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models_runtime.outcomes import Outcome

_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of a question.

    `payload` is the judgment's canonical payload, None where the outcome is INVALID; then `cause`
    says why. `p_first` and `position_bias` (in logits, + favours the place shown first) come from
    protocols that know probabilities. `detail` holds what else is worth keeping, as JSON. `shown`
    is the one order in which the responses were shown, None where there were several or none.
    `first` is what it said before it knew what followed: its first answer, which this supersedes.
    """

    outcome: Outcome
    payload: Mapping[str, Any] | None = None
    p_first: float | None = None
    confidence: float | None = None
    position_bias: float | None = None
    cause: str = ""
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    shown: tuple[int, ...] | None = None
    first: "Verdict | None" = None


@dataclass(frozen=True, slots=True)
class Criteria:
    """A checklist that a model wrote for a prompt, with what a person should look at again."""

    texts: tuple[str, ...]
    doubts: tuple[str, ...] = ()
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """Responses that a model wrote for a prompt; `best` is the place of the one to keep."""

    texts: tuple[str, ...]
    best: int = 0
    scores: tuple[float | None, ...] = ()
    cause: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


Outcomes = Verdict | Criteria | Written


def invalid(cause: str, **detail: Any) -> Verdict:
    return Verdict(Outcome.INVALID, cause=cause, detail=detail)


def strength_of(number: float) -> int:
    """A number in [-1, 1] as a strength in -3 … 3, halves rounded away from zero.

    +1 (much better) is 3, +0.5 (better) is 2, and what rounds to 0 is a tie.
    """
    return int(math.copysign(math.floor(abs(number) * 3 + 0.5), number)) if number else 0


_BY_STRENGTH = {
    -3: Outcome.SECOND_MUCH,
    -2: Outcome.SECOND,
    -1: Outcome.SECOND,
    0: Outcome.TIE,
    1: Outcome.FIRST,
    2: Outcome.FIRST,
    3: Outcome.FIRST_MUCH,
}


def verdict_of_number(number: float, **more: Any) -> Verdict:
    """A pairwise verdict from a number in [-1, 1], + where position 0 is better."""
    strength = strength_of(number)
    return Verdict(_BY_STRENGTH[strength], {"strength": strength}, **more)


def verdict_of_outcome(outcome: Outcome, **more: Any) -> Verdict:
    """A pairwise verdict from an outcome in placement positions."""
    payload: dict[str, Any] = {"strength": strength_of(outcome.number)}
    if outcome is Outcome.BOTH_BAD:
        payload["both_bad"] = True
    return Verdict(outcome, payload, **more)


def verdict_of_scores(
    judgment_type: str,
    scores: Sequence[float | None],
    *,
    margin: float = 0.0,
    unit: float = 1.0,
    best_only: bool = False,
    **more: Any,
) -> Verdict:
    """A verdict from a score per place: who is better, or the whole order.

    Two scores within `margin` are a tie; a difference of `unit` or more is much better, a smaller
    one better in proportion (never a tie). `best_only` rankings name the best alone. A place
    without a score makes it invalid.
    """
    detail = {"scores": list(scores), **more.pop("detail", {})}
    if any(score is None for score in scores):
        missing = [place for place, score in enumerate(scores) if score is None]
        return invalid(f"no score for place {missing[0]}", **detail)
    known = [float(score) for score in scores if score is not None]
    if judgment_type == "ranking":
        tiers = [_tiers(known, margin)[0][:1]] if best_only else _tiers(known, margin)
        payload = {"tiers": tiers, "of": len(known)}
        return Verdict(Outcome.GIVEN, payload, detail=detail, **more)
    difference = known[0] - known[1]
    if abs(difference) <= margin + _EDGE:
        return verdict_of_outcome(Outcome.TIE, detail=detail, **more)
    number = math.copysign(max(1 / 3, min(1.0, abs(difference) / unit)), difference)
    return verdict_of_number(number, detail=detail, **more)


def _tiers(scores: Sequence[float], margin: float) -> list[list[int]]:
    """Places from best to worst; those within `margin` of a tier's best share it."""
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    tiers: list[list[int]] = []
    for place in order:
        if tiers and scores[tiers[-1][0]] - scores[place] <= margin + _EDGE:
            tiers[-1].append(place)
        else:
            tiers.append([place])
    return [sorted(tier) for tier in tiers]


def logit(p: float) -> float:
    """log(p/(1-p)), with p kept away from 0 and 1 by 1e-9."""
    p = min(max(p, _EDGE), 1 - _EDGE)
    return math.log(p / (1 - p))


def sigmoid(x: float) -> float:
    """1/(1+exp(-x)), without overflow."""
    if x < 0:
        return math.exp(x) / (1 + math.exp(x))
    return 1 / (1 + math.exp(-x))
