"""Pairwise comparison in both orders (MT-Bench, AlpacaEval, Arena-Hard).

Asked in both orders, a judge's liking for a place shows and can be taken out. With one order only,
it is drawn by hash of the question and the seed, so that it is reproducible and even over many.
"""

from dataclasses import dataclass, replace

from annotation.phrases import say
from models_runtime.engines import Capability
from models_runtime.judging.options import OptionRefused, Options, option
from models_runtime.judging.pairs import ask_pair, games_of, orders_of, reason_of
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.reducers import REDUCER_WORDS, REDUCERS
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.prompting.pairwise import PAIRWISE_TEMPLATES

TEMPLATE_WORDS = {
    "reasoned@1": "The model writes its reasons, then its verdict",
    "labelled@1": "Probabilities of the labels A, B, C (no text; the model must give them)",
}


@dataclass(frozen=True, kw_only=True)
class PairwiseOptions(Options):
    template: str = option(
        "reasoned@1",
        "How it is asked",
        choices={name: TEMPLATE_WORDS.get(name, name) for name in PAIRWISE_TEMPLATES},
    )
    reducer: str = option("both_orders", "How its answers become one", choices=REDUCER_WORDS)
    both_orders: bool = option(
        True,
        "Ask in both orders",
        "Twice the calls; without it, a liking for the first place stays hidden.",
    )


class Pairwise(JudgingProtocol):
    title = "Pairwise, in both orders"
    summary = "Which of two responses is better, asked with each of them first."
    reference = "Zheng et al. 2023 (MT-Bench); Li et al. 2024 (Arena-Hard); Dubois et al. 2024"
    judgment_types = frozenset({"pairwise"})
    options_class = PairwiseOptions
    templates = tuple(PAIRWISE_TEMPLATES.values())

    def conduct(self, subject: Subject, options: PairwiseOptions) -> Talk[Verdict]:
        template = PAIRWISE_TEMPLATES[options.template]
        orders = orders_of(subject, both=options.both_orders)
        asks = [ask_pair(subject, order, template) for order in orders]
        answers = yield asks
        games = games_of(asks, answers)
        if isinstance(games, str):
            return invalid(games)
        verdict = REDUCERS[options.reducer](games)
        shown = orders[0].shown if len(orders) == 1 else None
        return replace(verdict, reason=reason_of(answers, [ask.key for ask in asks]), shown=shown)

    def cost(self, shape: Shape, options: PairwiseOptions) -> Cost:
        return Cost.of(2, "2") if options.both_orders else Cost.of(1, "1")

    def needs(self, options: PairwiseOptions) -> frozenset[Capability]:
        labels = PAIRWISE_TEMPLATES[options.template].labels
        return frozenset({Capability.DECIDE if labels else Capability.GENERATE})

    def check(self, options: PairwiseOptions) -> None:
        if options.reducer == "logit_mean" and not PAIRWISE_TEMPLATES[options.template].labels:
            raise OptionRefused(
                "reducer",
                say(
                    "logit_mean needs label probabilities. Choose a template that asks for labels."
                ),
            )

    def way(self, options: PairwiseOptions) -> str:
        orders = "" if options.both_orders else ", one order"
        return f"{options.template}, {options.reducer}{orders}"


PROTOCOL = Pairwise()
