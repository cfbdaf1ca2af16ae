"""Checklist (TICK): every item of a frozen checklist answered yes, no or not applicable.

The same questions can be put to people: the judgment is the one their page makes. An item that
couldn't be read is unknown; a judgment holds an answer to every item, so with any unknown there is
none, and the pass rates over the rest are told.
"""

from dataclasses import dataclass

from annotation.phrases import say
from models_runtime.engines import Capability
from models_runtime.judging.checklists import Checked, check_asks, checked, pass_rate
from models_runtime.judging.options import OptionRefused, Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.outcomes import Outcome
from models_runtime.prompting.rating import CHECK, CHECK_ALL, CHECK_LABEL

WAYS = {
    "separate": "One call per item, with a reason",
    "joint": "All items in one call; cheaper, and errors go together",
    "labelled": "Probabilities of yes and no, one call per item",
}


@dataclass(frozen=True, kw_only=True)
class ChecklistOptions(Options):
    way: str = option("separate", "How items are asked", choices=WAYS)
    samples: int = option(
        1, "Samples", "An odd number; the majority of so many samples counts.", low=1, high=15
    )


class Checklist(JudgingProtocol):
    title = "Checklist"
    summary = "Every item of the checklist answered yes, no or not applicable, per response."
    reference = "Cook et al. 2024 (TICKing All the Boxes); Lin et al. 2024 (WildBench)"
    judgment_types = frozenset({"checklist"})
    options_class = ChecklistOptions
    templates = (CHECK, CHECK_ALL, CHECK_LABEL)
    needs_criteria = "yes_no"

    def conduct(self, subject: Subject, options: ChecklistOptions) -> Talk[Verdict]:
        asks = {
            place: check_asks(
                subject, place, subject.criteria, way=options.way, samples=options.samples
            )
            for place in subject.places
        }
        answers = yield [ask for group in asks.values() for ask in group]
        found = {
            place: checked(group, answers, subject.criteria, way=options.way)
            for place, group in asks.items()
        }
        return _verdict(subject, found)

    def cost(self, shape: Shape, options: ChecklistOptions) -> Cost:
        if options.way == "joint":
            return Cost.of(shape.candidates * options.samples, "N·k")
        samples = 1 if options.way == "labelled" else options.samples
        return Cost.of(shape.candidates * shape.criteria * samples, "N·K·k")

    def needs(self, options: ChecklistOptions) -> frozenset[Capability]:
        return frozenset({Capability.DECIDE if options.way == "labelled" else Capability.GENERATE})

    def check(self, options: ChecklistOptions) -> None:
        if options.samples % 2 == 0:
            raise OptionRefused(
                "samples", say("Take an odd number of samples, so that they decide.")
            )

    def way(self, options: ChecklistOptions) -> str:
        return options.way + (f", majority of {options.samples}" if options.samples > 1 else "")


def _verdict(subject: Subject, found: dict[int, dict[int, Checked]]) -> Verdict:
    detail = {}
    for place, items in found.items():
        passed = pass_rate(items, subject.criteria)
        detail[f"place-{place}"] = {
            "pass_rate": passed.rate,
            "soft": passed.soft,
            "p_yes": {str(position): each.p_yes for position, each in items.items()},
        }
    unknown = [
        (place, position)
        for place, items in found.items()
        for position, each in items.items()
        if each.answer is None
    ]
    if unknown:
        place, position = unknown[0]
        return invalid(f"{len(unknown)} items unknown, first place {place}, item {position}",
                       **detail)  # fmt: skip
    payload = {
        "answers": {
            str(place): {str(position): each.answer for position, each in items.items()}
            for place, items in found.items()
        }
    }
    lines = [
        f"{criterion.text} {items[criterion.position].why}"
        for items in found.values()
        for criterion in subject.criteria
        if items[criterion.position].why
    ]
    return Verdict(Outcome.GIVEN, payload, reason="\n".join(lines)[:5000], detail=detail)


PROTOCOL = Checklist()
