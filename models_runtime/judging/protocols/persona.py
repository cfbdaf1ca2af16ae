"""A simulated annotator: the model compares two responses as a described person would.

For rehearsals only: its judgments are kept under an annotator of kind “simulated”, which is never
counted as a person, and only in projects that are marked as simulated.
"""

from dataclasses import dataclass, replace

from annotation.phrases import say
from models_runtime.judging.options import OptionRefused, Options, option
from models_runtime.judging.pairs import ask_pair, games_of, orders_of, reason_of
from models_runtime.judging.personas import Persona
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.reducers import both_orders
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.prompting.pairwise import PAIRWISE_TEMPLATES

REASONED = PAIRWISE_TEMPLATES["reasoned@1"]


@dataclass(frozen=True, kw_only=True)
class PersonaOptions(Options):
    persona: str = option(
        "Alex | everyday life | plain words and honesty",
        "Persona",
        "Name | what they know | what they value.",
    )
    both_orders: bool = option(False, "Ask in both orders", "People see one order.")


class PersonaJudge(JudgingProtocol):
    title = "Simulated annotator"
    summary = "The model judges as a described person would; for rehearsals, never as a person."
    reference = "Wang et al. 2023 (Solo Performance Prompting)"
    judgment_types = frozenset({"pairwise"})
    options_class = PersonaOptions
    templates = (REASONED,)
    simulates = True

    def conduct(self, subject: Subject, options: PersonaOptions) -> Talk[Verdict]:
        persona = Persona.read(options.persona)
        assert persona is not None
        orders = orders_of(subject, both=options.both_orders)
        asks = [
            replace(ask, messages=persona.speak(ask.messages))
            for ask in (ask_pair(subject, order, REASONED) for order in orders)
        ]
        answers = yield asks
        games = games_of(asks, answers)
        if isinstance(games, str):
            return invalid(games)
        return replace(
            both_orders(games),
            reason=reason_of(answers, [ask.key for ask in asks]),
            shown=orders[0].shown if len(orders) == 1 else None,
        )

    def cost(self, shape: Shape, options: PersonaOptions) -> Cost:
        return Cost.of(2 if options.both_orders else 1, say("1, or 2 in both orders"))

    def check(self, options: PersonaOptions) -> None:
        if Persona.read(options.persona) is None:
            raise OptionRefused("persona", say("Begin with the persona's name."))

    def way(self, options: PersonaOptions) -> str:
        return f"as {options.persona.partition('|')[0].strip()}"


PROTOCOL = PersonaJudge()
