"""Pairwise judging by a model: which calls to make, and what they come to. Pure.

A question is asked in both orders, so that a judge's liking for the place shows and can be taken
out. `next_steps` looks at the calls made so far and names the ones still needed, so a judging that
was interrupted goes on where it stopped. A reducer turns the finished calls into a verdict in
placement positions, or into `invalid` with its cause; what couldn't be read is never a tie.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from models_runtime.engines import Decision
from models_runtime.outcomes import Outcome
from models_runtime.prompting.parsing import ParseStatus

LEAST_MASS = 0.5
REASKS = 2
_EDGE = 1e-9


class Order(StrEnum):
    """AB shows position 0 first; BA shows position 1 first."""

    AB = "ab"
    BA = "ba"

    @property
    def shown(self) -> tuple[int, int]:
        return (0, 1) if self is Order.AB else (1, 0)


class CallKind(StrEnum):
    ASK = "ask"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class Step:
    """One call: in which order, asking or repairing, and the how-manieth sample."""

    order: Order
    kind: CallKind = CallKind.ASK
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A finished call. `outcome` and `p_first` speak of the order in which the two were shown.

    `p_first` is the probability that the response shown first wins, a tie counted half; only
    label-probability calls have it.
    """

    step: Step
    status: ParseStatus
    outcome: Outcome | None = None
    p_first: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of a question, in placement positions.

    `payload` is the judgment's canonical payload, None where the outcome is INVALID; then `cause`
    says why. `p_first` and `position_bias` (in logits, + favours the place shown first) are given
    by reducers that know probabilities.
    """

    outcome: Outcome
    payload: dict[str, int | bool] | None = None
    p_first: float | None = None
    confidence: float | None = None
    position_bias: float | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a question is judged. With `both_orders` False one order is drawn by hash of its id."""

    reducer: str = "both_orders"
    both_orders: bool = True
    reasks: int = REASKS
    repairs: bool = True

    def orders(self, question: str, seed: int) -> tuple[Order, ...]:
        if self.both_orders:
            return (Order.AB, Order.BA)
        digest = hashlib.sha256(f"{seed}:{question}".encode()).digest()
        return (Order.AB,) if digest[0] % 2 == 0 else (Order.BA,)


def next_steps(calls: Sequence[Call], orders: Sequence[Order], protocol: Protocol) -> list[Step]:
    """The calls that can be made now; empty when nothing more is to be asked."""
    steps: list[Step] = []
    for order in orders:
        made = [call for call in calls if call.step.order is order]
        if step := _next_step(made, order, protocol):
            steps.append(step)
    return steps


def _next_step(calls: Sequence[Call], order: Order, protocol: Protocol) -> Step | None:
    if not calls:
        return Step(order)
    last = max(calls, key=lambda call: (call.step.sample, call.step.kind is CallKind.REPAIR))
    if last.status.is_answer:
        return None
    repairable = last.status in {ParseStatus.UNPARSABLE, ParseStatus.TRUNCATED}
    if protocol.repairs and repairable and last.step.kind is CallKind.ASK:
        return Step(order, CallKind.REPAIR, last.step.sample)
    if last.step.sample < protocol.reasks:
        return Step(order, CallKind.ASK, last.step.sample + 1)
    return None


def answer_of(calls: Sequence[Call], order: Order) -> Call | None:
    """The call that answered in this order, None if none did."""
    answers = [c for c in calls if c.step.order is order and c.status.is_answer]
    return max(answers, key=lambda call: call.step.sample) if answers else None


def read_decision(decision: Decision) -> tuple[ParseStatus, Outcome | None, float | None]:
    """Status, outcome and p_first of label probabilities for A, B and C (about the same).

    With less than half of the probability on the labels the model meant something else.
    """
    if decision.mass < LEAST_MASS:
        return ParseStatus.UNPARSABLE, None, None
    p = decision.probabilities
    meanings = {"A": Outcome.FIRST, "B": Outcome.SECOND, "C": Outcome.TIE}
    likeliest = max(meanings, key=lambda label: p.get(label, 0.0))
    return ParseStatus.OK, meanings[likeliest], p.get("A", 0.0) + p.get("C", 0.0) / 2


def reduce_calls(calls: Sequence[Call], orders: Sequence[Order], protocol: Protocol) -> Verdict:
    """The verdict of finished calls under the protocol's reducer.

    Invalid as soon as one order has no answer: half a protocol isn't a verdict.
    """
    answers: list[Call] = []
    for order in orders:
        answer = answer_of(calls, order)
        if answer is None:
            return Verdict(Outcome.INVALID, cause=_why_unanswered(calls, order))
        answers.append(answer)
    return REDUCERS[protocol.reducer](answers)


def _why_unanswered(calls: Sequence[Call], order: Order) -> str:
    statuses = [c.status.value for c in calls if c.step.order is order]
    return f"order {order.value}: {', '.join(statuses) or 'never asked'}"


def both_orders(answers: Sequence[Call]) -> Verdict:
    """A win only if every order names the same response (MT-Bench's conservative rule), else a tie.

    The weaker of the agreeing strengths counts. Both bad only if every order says so.
    """
    outcomes = [_canonical(answer) for answer in answers]
    if all(outcome is Outcome.BOTH_BAD for outcome in outcomes):
        return _settled(Outcome.BOTH_BAD)
    winners = {outcome.winner for outcome in outcomes}
    if len(winners) > 1 or None in winners:
        return _settled(Outcome.TIE)
    return _settled(min(outcomes, key=lambda outcome: abs(outcome.number)))


def score_mean(answers: Sequence[Call]) -> Verdict:
    """The mean of the orders' numbers (+1 … -1). Both bad only if every order says so."""
    outcomes = [_canonical(answer) for answer in answers]
    if all(outcome is Outcome.BOTH_BAD for outcome in outcomes):
        return _settled(Outcome.BOTH_BAD)
    mean = sum(outcome.number for outcome in outcomes) / len(outcomes)
    return _verdict_from(mean)


def logit_mean(answers: Sequence[Call]) -> Verdict:
    """The mean of the orders' log-odds for position 0; an additive bias for a place cancels.

    With p_AB and p_BA the probabilities that the response shown first wins,
    logit p = (logit p_AB - logit p_BA) / 2 and the bias is (logit p_AB + logit p_BA) / 2.
    Raises ValueError unless every answer carries a probability.
    """
    signed: list[float] = []
    raw: list[float] = []
    for answer in answers:
        if answer.p_first is None:
            raise ValueError("logit_mean needs label probabilities; use a template with labels")
        logit = _logit(answer.p_first)
        raw.append(logit)
        signed.append(logit if answer.step.order is Order.AB else -logit)
    p = 1 / (1 + math.exp(-sum(signed) / len(signed)))
    bias = sum(raw) / len(raw) if len(raw) > 1 else None
    verdict = _verdict_from(2 * p - 1)
    return Verdict(
        verdict.outcome, verdict.payload, p_first=p, confidence=max(p, 1 - p), position_bias=bias
    )


REDUCERS: dict[str, Callable[[Sequence[Call]], Verdict]] = {
    "both_orders": both_orders,
    "score_mean": score_mean,
    "logit_mean": logit_mean,
}


def strength_of(number: float) -> int:
    """A number in [-1, 1] as a strength in -3 … 3, halves rounded away from zero.

    +1 (much better) is 3, +0.5 (better) is 2, and what rounds to 0 is a tie.
    """
    return int(math.copysign(math.floor(abs(number) * 3 + 0.5), number)) if number else 0


def _verdict_from(number: float) -> Verdict:
    strength = strength_of(number)
    outcome = {
        -3: Outcome.SECOND_MUCH,
        -2: Outcome.SECOND,
        -1: Outcome.SECOND,
        0: Outcome.TIE,
        1: Outcome.FIRST,
        2: Outcome.FIRST,
        3: Outcome.FIRST_MUCH,
    }[strength]
    return Verdict(outcome, {"strength": strength})


def _settled(outcome: Outcome) -> Verdict:
    payload: dict[str, int | bool] = {"strength": strength_of(outcome.number)}
    if outcome is Outcome.BOTH_BAD:
        payload["both_bad"] = True
    return Verdict(outcome, payload)


def _canonical(answer: Call) -> Outcome:
    assert answer.outcome is not None
    return answer.outcome if answer.step.order is Order.AB else answer.outcome.mirrored


def _logit(p: float) -> float:
    p = min(max(p, _EDGE), 1 - _EDGE)
    return math.log(p / (1 - p))
