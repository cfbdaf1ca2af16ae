"""Debate: two debaters argue for a response each, a judge reads both sides and decides.

Both sides of a turn are asked at the same time, so nobody has the last word. Quotes must stand in
the responses; others are struck out and counted. The debaters' own confidence isn't asked for: it
rises whatever the odds. By default only pairs on which the judge's two orders disagree are debated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from annotation.phrases import say
from models_runtime.judging.options import Options, option
from models_runtime.judging.pairs import LETTERS, ask_pair, games_of, orders_of, reason_of
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.quoting import verify_quotes
from models_runtime.judging.reducers import Game, both_orders, score_mean
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Answers, Ask, Order, Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.prompting.debate import DEBATE_TURN, DEBATE_VERDICT
from models_runtime.prompting.pairwise import PAIRWISE_TEMPLATES
from models_runtime.prompting.replies import prose, stated_confidence
from models_runtime.prompting.templates import Fenced, Part

REASONED = PAIRWISE_TEMPLATES["reasoned@1"]


@dataclass(frozen=True, kw_only=True)
class DebateOptions(Options):
    turns: int = option(2, "Turns", "Of each side.", low=1, high=6)
    swapped: bool = option(True, "A second debate with swapped sides", "Twice the calls.")
    disputed_only: bool = option(
        True,
        "Only disputed pairs",
        "First asks the judge in both orders, and debates where they disagree.",
    )


@dataclass
class Debate:
    """One debate: in which order the responses are shown, and what has been said, by letter."""

    order: Order
    turns: list[dict[str, str]] = field(default_factory=list)
    verified: int = 0
    struck: int = 0

    def transcript(self) -> str:
        return "\n\n".join(
            f"For Response {letter}, turn {number}:\n{text}"
            for number, turn in enumerate(self.turns, 1)
            for letter, text in sorted(turn.items())
        )


class DebateProtocol(JudgingProtocol):
    title = "Debate"
    summary = "Two debaters speak for a response each, with checked quotes; a judge decides."
    reference = "Khan et al. 2024; Michael et al. 2023; Bandi & Harrasse 2024 (debate judging)"
    judgment_types = frozenset({"pairwise"})
    options_class = DebateOptions
    templates = (REASONED, DEBATE_TURN, DEBATE_VERDICT)
    seats = {"judge": "The model that decides", "debater": "The model that speaks for both sides"}

    def conduct(self, subject: Subject, options: DebateOptions) -> Talk[Verdict]:
        if options.disputed_only:
            settled = yield from _settled(subject)
            if settled is not None:
                return settled
        debates = [Debate(order) for order in orders_of(subject, both=options.swapped)]
        for turn in range(options.turns):
            asks = [_turn(subject, debate, turn, place) for debate in debates for place in (0, 1)]
            answers = yield asks
            for debate in debates:
                _hear(subject, debate, turn, answers)
        verdicts = [_verdict_ask(subject, debate) for debate in debates]
        answers = yield verdicts
        games = games_of(verdicts, answers)
        if isinstance(games, str):
            return invalid(games, debated=True)
        return _decided(debates, games, answers, [ask.key for ask in verdicts])

    def cost(self, shape: Shape, options: DebateOptions) -> Cost:
        debate = (2 * options.turns + 1) * (2 if options.swapped else 1)
        if options.disputed_only:
            return Cost(2, 2 + debate, say("2, and (2·T + 1)·2 for a disputed pair"))
        return Cost.of(debate, "(2·T + 1)·2")

    def way(self, options: DebateOptions) -> str:
        words = [f"{options.turns} turns", "swapped" if options.swapped else "one debate"]
        return ", ".join([*words, "disputed pairs"] if options.disputed_only else words)


def _settled(subject: Subject) -> Talk[Verdict | None]:
    """The verdict of the plain comparison where both orders agree, None where they don't."""
    asks = [
        ask_pair(subject, order, REASONED, key=f"plain-{order.value}")
        for order in (Order.AB, Order.BA)
    ]
    answers = yield asks
    games = games_of(asks, answers)
    if isinstance(games, str) or len({game.canonical.winner for game in games}) > 1:
        return None
    reason = reason_of(answers, [ask.key for ask in asks])
    return replace(both_orders(games), reason=reason, detail={"debated": False})


def _parts(subject: Subject, debate: Debate) -> list[Part]:
    first, second = debate.order.shown
    parts: list[Part] = [
        subject.asked, subject.response(first, "A"), subject.response(second, "B")
    ]  # fmt: skip
    return [*parts, Fenced("DEBATE", debate.transcript())] if debate.turns else parts


def _key(debate: Debate, turn: int, place: int) -> str:
    return f"debate-{debate.order.value}/turn-{turn}/{LETTERS[place]}"


def _turn(subject: Subject, debate: Debate, turn: int, place: int) -> Ask:
    key = _key(debate, turn, place)
    messages = DEBATE_TURN.put(
        _parts(subject, debate), f"{subject.secret}:{key}", side=LETTERS[place]
    )
    return Ask(key, messages, DEBATE_TURN, prose, order=debate.order, seat="debater")


def _hear(subject: Subject, debate: Debate, turn: int, answers: Answers) -> None:
    """Take both sides' turns; who said nothing that could be read is silent."""
    said: dict[str, str] = {}
    for place in (0, 1):
        answer = answers[_key(debate, turn, place)]
        quoted = verify_quotes(str(answer.value) if answer.is_read else "(silent)", subject.texts)
        said[LETTERS[place]] = quoted.text
        debate.verified += quoted.verified
        debate.struck += quoted.struck
    debate.turns.append(said)


def _verdict_ask(subject: Subject, debate: Debate) -> Ask:
    return ask_pair(
        subject,
        debate.order,
        DEBATE_VERDICT,
        key=f"verdict-{debate.order.value}",
        after=[Fenced("DEBATE", debate.transcript())],
    )


def _decided(
    debates: Sequence[Debate], games: Sequence[Game], answers: Answers, keys: Sequence[str]
) -> Verdict:
    stated = [stated_confidence(answers[key].text) for key in keys]
    known = [each for each in stated if each is not None]
    return replace(
        score_mean(games),
        confidence=fmean(known) if known else None,
        reason=reason_of(answers, keys),
        detail={
            "debated": True,
            "quotes_verified": sum(debate.verified for debate in debates),
            "quotes_struck": sum(debate.struck for debate in debates),
        },
    )


PROTOCOL = DebateProtocol()
