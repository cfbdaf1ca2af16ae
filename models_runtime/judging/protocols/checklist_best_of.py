"""Best of N by checklist (STICK): several responses, the one that passes most is kept.

Ties go to the soft pass rate, then to the shorter response, then to the earlier one.
"""

from dataclasses import dataclass

from annotation.phrases import say
from models_runtime.judging.options import Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.refining import ask_answer, assess, best_of
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Talk
from models_runtime.judging.verdicts import Written
from models_runtime.prompting.rating import ANSWER, CHECK, CHECK_ALL


@dataclass(frozen=True, kw_only=True)
class BestOfOptions(Options):
    responses: int = option(4, "Responses", "How many are written.", low=2, high=64)
    joint: bool = option(True, "All items in one call", "One checking call per response.")


class ChecklistBestOf(JudgingProtocol):
    title = "Write several, keep the best by checklist"
    summary = "Several responses per prompt; the one that passes most of its checklist is kept."
    reference = "Cook et al. 2024 (STICK)"
    judgment_types = frozenset()
    options_class = BestOfOptions
    templates = (ANSWER, CHECK, CHECK_ALL)
    seats = {"judge": "The model that writes", "checker": "The model that checks"}
    makes = "responses"
    needs_criteria = "yes_no"

    def conduct(self, subject: Subject, options: BestOfOptions) -> Talk[Written]:
        keys = [f"response-{place}" for place in range(options.responses)]
        answers = yield [ask_answer(subject, key, temperature=1.0, seat="judge") for key in keys]
        texts = [str(answers[key].value) for key in keys if answers[key].is_read]
        if not texts:
            return Written((), cause="no response could be had")
        way = "joint" if options.joint else "separate"
        drafts = yield from assess(
            subject, subject.criteria, texts, way=way, prefix="check-", seat="checker"
        )
        return Written(tuple(texts), best_of(drafts), tuple(each.passed.rate for each in drafts))

    def cost(self, shape: Shape, options: BestOfOptions) -> Cost:
        checks = 1 if options.joint else shape.criteria
        return Cost.of(options.responses * (1 + checks), say("N + N·K, or 2·N jointly"))

    def way(self, options: BestOfOptions) -> str:
        return f"{options.responses} responses"


PROTOCOL = ChecklistBestOf()
