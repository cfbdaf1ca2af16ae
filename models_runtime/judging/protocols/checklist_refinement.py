"""Self-refinement by checklist (STICK): write, check, mend what failed, keep the best.

Rounds end when the checklist is passed. The response kept is the best by pass rate, never just the
last: a rewrite that breaks what was passed loses to the one before.
"""

from dataclasses import dataclass

from annotation.phrases import say
from models_runtime.judging.options import Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.refining import best_of, refine
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Talk
from models_runtime.judging.verdicts import Written
from models_runtime.prompting.rating import ANSWER, CHECK, REFINE


@dataclass(frozen=True, kw_only=True)
class RefinementOptions(Options):
    rounds: int = option(2, "Rounds", "How often it may be rewritten.", low=1, high=8)


class ChecklistRefinement(JudgingProtocol):
    title = "Write and refine by checklist"
    summary = "A response per prompt, rewritten until it passes the prompt's checklist."
    reference = "Cook et al. 2024 (STICK)"
    judgment_types = frozenset()
    options_class = RefinementOptions
    templates = (ANSWER, CHECK, REFINE)
    seats = {"judge": "The model that writes and rewrites", "checker": "The model that checks"}
    makes = "responses"
    needs_criteria = "yes_no"

    def conduct(self, subject: Subject, options: RefinementOptions) -> Talk[Written]:
        drafts = yield from refine(
            subject, subject.criteria, rounds=options.rounds, judge="checker"
        )
        if not drafts:
            return Written((), cause="no response could be had")
        return Written(
            tuple(draft.text for draft in drafts),
            best_of(drafts),
            tuple(draft.passed.rate for draft in drafts),
            detail={"rounds": len(drafts) - 1},
        )

    def cost(self, shape: Shape, options: RefinementOptions) -> Cost:
        rounds = options.rounds
        most = 1 + shape.criteria + rounds * (1 + shape.criteria)
        return Cost(1 + shape.criteria, most, say("1 + K, and 1 + K more per round"))

    def way(self, options: RefinementOptions) -> str:
        return f"{options.rounds} rounds"


PROTOCOL = ChecklistRefinement()
