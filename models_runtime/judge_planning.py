"""Solve or verify: how a budget is best spent, by what solutions and verifications cost here.

The rule is `judging.verifying.plan`. It needs λ, the length of a verification in solutions, which
is counted from the project's own calls, and the plateau of self-consistency, which a person states.
"""

from dataclasses import dataclass

from django.db.models import Avg, Count

from annotation.models import Candidate, Project
from models_runtime.judging.verifying import WORTH_VERIFYING, Plan, cost_of, plan
from models_runtime.models import Generation, JudgeCall
from models_runtime.prompting.parsing import ParseStatus
from models_runtime.prompting.rewards import VERIFICATION

PLATEAU = 16
MOST_BUDGET = 1_000_000.0
LEAST_LENGTH = 0.01


@dataclass(frozen=True, slots=True)
class Counted:
    """Mean tokens written by a solution and by a verification, each with its n; None where none
    has been written yet."""

    solution: float | None
    solutions: int
    verification: float | None
    verifications: int

    @property
    def length(self) -> float:
        """λ; 1 as long as one of the two is unknown."""
        if not self.solution or self.verification is None:
            return 1.0
        return max(LEAST_LENGTH, self.verification / self.solution)

    @property
    def is_known(self) -> bool:
        return bool(self.solution) and self.verification is not None


@dataclass(frozen=True, slots=True)
class Advice:
    """What the rule says of a budget, in solutions. `here` is what verifying the responses that a
    prompt has now would cost, `begins` the budget from which verifying pays."""

    counted: Counted
    length: float
    plateau: int
    budget: float
    here: float
    begins: float
    plan: Plan

    @property
    def verifies(self) -> bool:
        return self.plan.verifications > 0


def counted(project: Project) -> Counted:
    """What solutions and verifications have cost in this project so far."""
    written = Generation.objects.filter(job__project=project).aggregate(
        mean=Avg("tokens_out"), n=Count("pk")
    )
    calls = JudgeCall.objects.filter(
        item__job__project=project, template=VERIFICATION.name, kind="ask"
    ).exclude(status=ParseStatus.ENGINE_ERROR.value)
    verified = calls.aggregate(mean=Avg("tokens_out"), n=Count("pk"))
    return Counted(written["mean"], written["n"], verified["mean"], verified["n"])


def advise(
    project: Project,
    *,
    verifications: int,
    plateau: int = PLATEAU,
    budget: float | None = None,
    length: float | None = None,
) -> Advice:
    """How a prompt's budget is best spent. Without a budget, that of verifying the responses it has
    now so often; without λ, the one counted here."""
    found = counted(project)
    used = found.length if length is None else length
    here = cost_of(_responses_per_prompt(project), verifications, used)
    spent = here if budget is None else budget
    return Advice(
        counted=found,
        length=used,
        plateau=plateau,
        budget=spent,
        here=here,
        begins=WORTH_VERIFYING * plateau,
        plan=plan(spent, plateau=plateau, length=used),
    )


def _responses_per_prompt(project: Project) -> int:
    """The mean number of responses of prompts that have any, at least 2."""
    sizes = (
        Candidate.objects.filter(prompt__project=project).values("prompt").annotate(n=Count("pk"))
    )
    mean = sizes.aggregate(mean=Avg("n"))["mean"]
    return max(2, round(mean or 0))
