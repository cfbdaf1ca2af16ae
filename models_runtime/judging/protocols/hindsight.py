"""Hindsight: the comparison repeated after imagining what follows from each response (RLHS).

A simulator writes what happens to a person who acts on each response, then the judge compares them
knowing it. With foresight, the plain comparison is asked as well, and kept as the judge's first
answer, which the one in hindsight supersedes: the two phases that people have.
"""

from dataclasses import dataclass, replace

from annotation.phrases import say
from models_runtime.judging.options import Options, option
from models_runtime.judging.pairs import BOTH, ask_pair, games_of, reason_of
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.reducers import score_mean
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Order, Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.prompting.debate import CONSEQUENCE, HINDSIGHT_VERDICT
from models_runtime.prompting.pairwise import PAIRWISE_TEMPLATES
from models_runtime.prompting.replies import prose
from models_runtime.prompting.templates import Fenced

REASONED = PAIRWISE_TEMPLATES["reasoned@1"]


@dataclass(frozen=True, kw_only=True)
class HindsightOptions(Options):
    foresight: bool = option(
        True, "Compare beforehand too", "Two more calls; tells how often hindsight changes things."
    )


class Hindsight(JudgingProtocol):
    title = "With hindsight"
    summary = "The better response once it is imagined what follows from each."
    reference = "Liang et al. 2025 (RLHS)"
    judgment_types = frozenset({"pairwise"})
    options_class = HindsightOptions
    templates = (REASONED, CONSEQUENCE, HINDSIGHT_VERDICT)
    seats = {"judge": "The model that judges", "simulator": "The model that imagines what follows"}

    def conduct(self, subject: Subject, options: HindsightOptions) -> Talk[Verdict]:
        plain = [ask_pair(subject, o, REASONED, key=f"foresight-{o.value}") for o in BOTH]
        follows = [_imagine(subject, place) for place in (0, 1)]
        answers = yield [*(plain if options.foresight else []), *follows]
        if unread := [ask.key for ask in follows if not answers[ask.key].is_read]:
            return invalid(f"{unread[0]}: {answers[unread[0]].status.value}")
        outcomes = [str(answers[ask.key].value) for ask in follows]
        asks = [_with_hindsight(subject, order, outcomes) for order in BOTH]
        later = yield asks
        games = games_of(asks, later)
        if isinstance(games, str):
            return invalid(games)
        verdict = score_mean(games)
        detail: dict[str, object] = {"consequences": outcomes}
        earlier: Verdict | None = None
        if options.foresight:
            before = games_of(plain, answers)
            if not isinstance(before, str):
                reason = reason_of(answers, [ask.key for ask in plain])
                earlier = replace(score_mean(before), reason=reason)
                detail["foresight"] = earlier.outcome.value
                detail["changed"] = earlier.outcome.winner != verdict.outcome.winner
        reason = reason_of(later, [ask.key for ask in asks])
        return replace(verdict, reason=reason, detail=detail, first=earlier)

    def cost(self, shape: Shape, options: HindsightOptions) -> Cost:
        return Cost.of(6 if options.foresight else 4, say("4, or 6 with foresight"))

    def way(self, options: HindsightOptions) -> str:
        return "" if options.foresight else "without foresight"


def _imagine(subject: Subject, place: int) -> Ask:
    key = f"consequence-{place}"
    parts = [subject.asked, subject.response(place)]
    messages = CONSEQUENCE.put(parts, f"{subject.secret}:{key}")
    return Ask(key, messages, CONSEQUENCE, prose, seat="simulator")


def _with_hindsight(subject: Subject, order: Order, outcomes: list[str]) -> Ask:
    after = [
        Fenced(f"WHAT FOLLOWED {letter}", outcomes[place])
        for letter, place in zip("AB", order.shown, strict=True)
    ]
    return ask_pair(subject, order, HINDSIGHT_VERDICT, after=after)


PROTOCOL = Hindsight()
