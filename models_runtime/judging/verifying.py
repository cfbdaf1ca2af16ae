"""Verifying solutions, and whether to verify at all. Pure.

With S solutions and V verifications each, λ the length of a verification in solutions, the cost is
C = S(1 + λV) solutions; self-consistency is V = 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from annotation.phrases import say
from models_runtime.judging.talk import Answer

SOLVE_EXPONENT, VERIFY_EXPONENT = 0.57, 0.39
WORTH_VERIFYING = 8.0


def verified_score(answers: Sequence[Answer]) -> float | None:
    """The mean over verdicts that could be read: 0 or 1 each, or P(yes); None if none could.

    A probability of exactly 0 is a probability, not a missing one.
    """
    scores = [
        answer.p["Yes"] if answer.p is not None else float(answer.value == "yes")
        for answer in answers
        if answer.is_read
    ]
    return fmean(scores) if scores else None


def choose_by_verification(
    answers: Sequence[str | None], scores: Sequence[float | None], *, weighted: bool = True
) -> int:
    """The place of the chosen solution: of the answer with the largest sum of scores, the best
    scored; or simply the best scored (best of N). A solution without an answer can't win unless
    none has one; one without a score counts 0. The earlier of equals is chosen."""
    known = [0.0 if score is None else score for score in scores]
    votes: dict[str, float] = {}
    for answer, score in zip(answers, known, strict=True):
        if answer is not None:
            votes[answer] = votes.get(answer, 0.0) + score

    def merit(place: int) -> tuple[float, float, int]:
        answer = answers[place]
        if answer is None:
            return -1.0, known[place], -place
        return (votes[answer] if weighted else known[place]), known[place], -place

    return max(range(len(answers)), key=merit)


def cost_of(solutions: int, verifications: int, length: float = 1.0) -> float:
    """C = S(1 + λV), in solutions."""
    return solutions * (1 + length * verifications)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a budget is best spent: so many solutions, each verified so often, and why."""

    solutions: int
    verifications: int
    cost: float
    why: str


def plan(budget: float, *, plateau: float, length: float = 1.0) -> Plan:
    """Split a budget (in solutions) between solving and verifying.

    `plateau` is the number of solutions at which self-consistency stops getting better. Below
    eight times of it all goes into solving; above, S grows as C^0.57 and V as C^0.39 from where
    verifying begins to pay. Raises ValueError for a budget below one solution.
    """
    if budget < 1:
        raise ValueError("a budget holds at least one solution")
    begins = WORTH_VERIFYING * plateau
    if budget < begins:
        solutions = int(budget)
        return Plan(solutions, 0, cost_of(solutions, 0), SOLVE)
    ratio = budget / begins
    verifications = max(1, round(ratio**VERIFY_EXPONENT))
    wanted = round(plateau * ratio**SOLVE_EXPONENT)
    affordable = int(budget / (1 + length * verifications))
    solutions = max(1, min(wanted, affordable))
    spare = budget / solutions
    while 1 + length * (verifications + 1) <= spare:
        verifications += 1
    return Plan(solutions, verifications, cost_of(solutions, verifications, length), VERIFY)


SOLVE = say(
    "All into solving: at budgets below about eight times the plateau of "
    "self-consistency, voting over more solutions beats verifying fewer."
)
VERIFY = say(
    "Beyond the plateau of self-consistency, part of the budget is better spent on verifying."
)


def shares_by_answer(answers: Sequence[str | None]) -> Mapping[str, float]:
    """Self-consistency's share of votes of each answer."""
    given = [answer for answer in answers if answer is not None]
    return {answer: given.count(answer) / len(given) for answer in given}
