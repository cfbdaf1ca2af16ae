"""Cascade: a cheap judge decides what it is sure of, a strong one the rest.

The cheap judge is asked in both orders. Where it names different responses, or can't be read, the
strong judge is asked in both orders and its verdict counts.
"""

from dataclasses import dataclass, replace

from annotation.phrases import say
from models_runtime.judging.options import Options, option
from models_runtime.judging.pairs import BOTH, ask_pair, games_of, reason_of
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.reducers import Game, both_orders
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.prompting.pairwise import PAIRWISE_TEMPLATES

REASONED = PAIRWISE_TEMPLATES["reasoned@1"]


@dataclass(frozen=True, kw_only=True)
class CascadeOptions(Options):
    ties_escalate: bool = option(
        False, "Ties go up too", "Ask the strong judge also where the cheap one sees a tie twice."
    )


class Cascade(JudgingProtocol):
    title = "Cascade from a cheap to a strong judge"
    summary = "The strong judge is only asked where the cheap one contradicts itself."
    reference = "Jung et al. 2024 (Trust or Escalate); judging specification §1.6"
    judgment_types = frozenset({"pairwise"})
    options_class = CascadeOptions
    templates = (REASONED,)
    seats = {"judge": "The cheap judge", "strong": "The strong judge"}

    def conduct(self, subject: Subject, options: CascadeOptions) -> Talk[Verdict]:
        asks = [ask_pair(subject, o, REASONED, key=f"cheap-{o.value}") for o in BOTH]
        answers = yield asks
        games = games_of(asks, answers)
        if not isinstance(games, str) and _is_sure(games, options):
            reason = reason_of(answers, [ask.key for ask in asks])
            return replace(both_orders(games), reason=reason, detail={"escalated": False})
        strong = [
            ask_pair(subject, o, REASONED, key=f"strong-{o.value}", seat="strong") for o in BOTH
        ]
        answers = yield strong
        games = games_of(strong, answers)
        if isinstance(games, str):
            return invalid(games, escalated=True)
        reason = reason_of(answers, [ask.key for ask in strong])
        return replace(both_orders(games), reason=reason, detail={"escalated": True})

    def cost(self, shape: Shape, options: CascadeOptions) -> Cost:
        return Cost(2, 4, say("2 cheap, and 2 strong where the cheap judge contradicts itself"))

    def way(self, options: CascadeOptions) -> str:
        return "ties escalate" if options.ties_escalate else ""


def _is_sure(games: list[Game], options: CascadeOptions) -> bool:
    winners = {game.canonical.winner for game in games}
    return len(winners) == 1 and not (options.ties_escalate and None in winners)


PROTOCOL = Cascade()
