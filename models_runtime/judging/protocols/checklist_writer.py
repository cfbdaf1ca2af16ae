"""Writes a checklist for every prompt (TICK), for people to edit and freeze.

What it writes is reviewed: questions only, one requirement each, no two alike, 2 to 8. A list with
faults is asked for once more, and what still can't stand is left out; what a person should look at
is noted.
"""

from annotation.phrases import say
from models_runtime.judging.checklists import review
from models_runtime.judging.options import Options
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Criteria
from models_runtime.prompting.rating import LIST, LIST_AGAIN
from models_runtime.prompting.replies import bullets
from models_runtime.prompting.templates import Fenced


class ChecklistWriter(JudgingProtocol):
    title = "Write checklists"
    summary = "A checklist of yes/no questions per prompt, a draft until a person freezes it."
    reference = "Cook et al. 2024 (TICKing All the Boxes)"
    judgment_types = frozenset()
    templates = (LIST, LIST_AGAIN)
    makes = "criteria"

    def conduct(self, subject: Subject, options: Options) -> Talk[Criteria]:
        messages = LIST.put([subject.asked], f"{subject.secret}:list")
        answers = yield [Ask("list", messages, LIST, bullets())]
        first = answers["list"]
        if not first.is_read:
            return Criteria((), cause=f"list: {first.status.value}")
        reviewed = review(first.value)
        if reviewed.faults:
            written = "\n".join(f"- {text}" for text in first.value)
            parts = [
                subject.asked,
                Fenced("CHECKLIST", written),
                Fenced("FAULTS", "\n".join(reviewed.faults)),
            ]
            again = LIST_AGAIN.put(parts, f"{subject.secret}:again")
            answers = yield [Ask("again", again, LIST_AGAIN, bullets())]
            if answers["again"].is_read:
                second = review(answers["again"].value)
                if len(second.faults) <= len(reviewed.faults):
                    reviewed = second
        return Criteria(
            reviewed.items,
            reviewed.doubts + reviewed.faults,
            cause="" if reviewed.items else "no question in the list could stand",
        )

    def cost(self, shape: Shape, options: Options) -> Cost:
        return Cost(1, 2, say("1, or 2 where the first list has faults"))


PROTOCOL = ChecklistWriter()
