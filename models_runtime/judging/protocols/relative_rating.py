"""Relative rating by a rubric (Prometheus' relative mode): which of two does better on a criterion.

Every criterion of the question's rubric, or of the prompt's frozen checklist, is asked in both
orders; a criterion is won where both orders agree. The weighted mean over criteria decides.
"""

from dataclasses import dataclass

from models_runtime.judging.options import Options, option
from models_runtime.judging.pairs import ask_pair, games_of, orders_of, reason_of
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.ratings import reference_of
from models_runtime.judging.reducers import both_orders
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Talk
from models_runtime.judging.verdicts import Verdict, invalid, verdict_of_number
from models_runtime.prompting.pairwise import CRITERION
from models_runtime.prompting.templates import Fenced


@dataclass(frozen=True, kw_only=True)
class RelativeOptions(Options):
    both_orders: bool = option(True, "Ask in both orders", "Twice the calls.")
    reference_system: str = option(
        "", "Reference answers by", "The system whose responses are shown as reference answers."
    )


class RelativeRating(JudgingProtocol):
    title = "Relative rating by a rubric"
    summary = "Which of two responses does better on each criterion, then on all together."
    reference = "Kim et al. 2024 (Prometheus 2)"
    judgment_types = frozenset({"pairwise"})
    options_class = RelativeOptions
    templates = (CRITERION,)
    needs_criteria = "yes_no"

    def conduct(self, subject: Subject, options: RelativeOptions) -> Talk[Verdict]:
        orders = orders_of(subject, both=options.both_orders)
        asks = {
            criterion.position: [
                ask_pair(
                    subject,
                    order,
                    CRITERION,
                    key=f"criterion-{criterion.position}/{order.value}",
                    before=[
                        *reference_of(subject), Fenced("CRITERION", criterion.described())
                    ],
                )
                for order in orders
            ]
            for criterion in subject.criteria
        }  # fmt: skip
        answers = yield [ask for group in asks.values() for ask in group]
        numbers: dict[int, float] = {}
        for position, group in asks.items():
            games = games_of(group, answers)
            if not isinstance(games, str):
                numbers[position] = both_orders(games).outcome.number
        weights = {each.position: each.weight for each in subject.criteria}
        total = sum(weights[position] for position in numbers)
        if 2 * len(numbers) < len(asks) or not total:
            return invalid(f"{len(asks) - len(numbers)} of {len(asks)} criteria unread")
        number = sum(weights[position] * each for position, each in numbers.items()) / total
        keys = [ask.key for group in asks.values() for ask in group]
        return verdict_of_number(
            number, reason=reason_of(answers, keys), detail={"criteria": numbers}
        )

    def cost(self, shape: Shape, options: RelativeOptions) -> Cost:
        return Cost.of(shape.criteria * (2 if options.both_orders else 1), "2·K")

    def way(self, options: RelativeOptions) -> str:
        return CRITERION.name + ("" if options.both_orders else ", one order")


PROTOCOL = RelativeRating()
