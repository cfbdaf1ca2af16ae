"""Preference by checklist (TICK): the response that passes more of the prompt's checklist wins.

The sign of the difference of the pass rates decides; equal rates tie. With label probabilities the
soft rates are compared, and a difference within the margin ties.
"""

from dataclasses import dataclass

from models_runtime.engines import Capability
from models_runtime.judging.checklists import check_asks, checked, pass_rate
from models_runtime.judging.options import Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Talk
from models_runtime.judging.verdicts import Verdict, verdict_of_scores
from models_runtime.prompting.rating import CHECK, CHECK_ALL, CHECK_LABEL

WAYS = {
    "separate": "One call per item, with a reason",
    "joint": "All items in one call; cheaper, and errors go together",
    "labelled": "Probabilities of yes and no, one call per item",
}


@dataclass(frozen=True, kw_only=True)
class PreferenceOptions(Options):
    way: str = option("separate", "How items are asked", choices=WAYS)
    margin: float = option(
        0.05, "Margin", "Soft rates that differ by no more are a tie.", low=0, high=1
    )


class ChecklistPreference(JudgingProtocol):
    title = "Preference by checklist"
    summary = "Responses compared by how much of the prompt's frozen checklist they pass."
    reference = "Cook et al. 2024 (TICKing All the Boxes)"
    judgment_types = frozenset({"pairwise", "ranking"})
    options_class = PreferenceOptions
    templates = (CHECK, CHECK_ALL, CHECK_LABEL)
    needs_criteria = "yes_no"

    def conduct(self, subject: Subject, options: PreferenceOptions) -> Talk[Verdict]:
        asks = {
            place: check_asks(subject, place, subject.criteria, way=options.way)
            for place in subject.places
        }
        answers = yield [ask for group in asks.values() for ask in group]
        passed = [
            pass_rate(checked(asks[place], answers, subject.criteria, way=options.way),
                      subject.criteria)
            for place in subject.places
        ]  # fmt: skip
        soft = options.way == "labelled"
        return verdict_of_scores(
            subject.judgment_type,
            [each.soft if soft else each.rate for each in passed],
            margin=options.margin if soft else 0.0,
            best_only=subject.best_only,
            detail={"unknown": [each.unknown for each in passed]},
        )

    def cost(self, shape: Shape, options: PreferenceOptions) -> Cost:
        if options.way == "joint":
            return Cost.of(shape.candidates, "N")
        return Cost.of(shape.candidates * shape.criteria, "N·K")

    def needs(self, options: PreferenceOptions) -> frozenset[Capability]:
        return frozenset({Capability.DECIDE if options.way == "labelled" else Capability.GENERATE})

    def way(self, options: PreferenceOptions) -> str:
        return options.way


PROTOCOL = ChecklistPreference()
