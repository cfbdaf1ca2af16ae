"""Generative self-aggregation: several responses are shown to their writer, which writes a new one.

The new response is not chosen among the old ones but written from what is good in them. It is then
rated like every other, and the best by rating is kept: a new response that is worse than what it
was made from loses to it, and equals give way to the new one. Samples that don't fit into the
context are left out whole, never cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models_runtime.judging.options import Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.refining import ask_answer
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Written
from models_runtime.prompting.aggregating import AGGREGATE
from models_runtime.prompting.rating import ANSWER, WILD_RATING
from models_runtime.prompting.replies import number, prose
from models_runtime.prompting.templates import Fenced

LOW, HIGH = 1, 10


@dataclass(frozen=True, kw_only=True)
class AggregationOptions(Options):
    responses: int = option(4, "Responses", "How many are written first.", low=2, high=16)
    most_letters: int = option(
        24_000,
        "Letters shown",
        "Responses are shown whole until there are so many; the others are left out.",
        low=200,
        high=1_000_000,
    )


class SelfAggregation(JudgingProtocol):
    title = "Write several, then one from all of them"
    summary = "A new response from several; it is kept only if no earlier one is rated higher."
    reference = "Generative self-aggregation, Li et al. 2025, arXiv:2503.04104"
    judgment_types = frozenset()
    options_class = AggregationOptions
    templates = (ANSWER, AGGREGATE, WILD_RATING)
    seats = {"judge": "The model that writes", "checker": "The model that rates"}
    makes = "responses"

    def conduct(self, subject: Subject, options: AggregationOptions) -> Talk[Written]:
        keys = [f"response-{place}" for place in range(options.responses)]
        answers = yield [ask_answer(subject, key, temperature=1.0, seat="judge") for key in keys]
        texts = [str(answers[key].value) for key in keys if answers[key].is_read]
        if not texts:
            return Written((), cause="no response could be had")
        shown = shown_of(texts, options.most_letters)
        answers = yield [_ask_for_new(subject, shown)]
        if answers["aggregate"].is_read:
            texts.append(str(answers["aggregate"].value))
        is_new = len(texts) - 1 if answers["aggregate"].is_read else None
        asks = [_ask_for_rating(subject, place, text) for place, text in enumerate(texts)]
        answers = yield asks
        scores = tuple(answers[ask.key].value for ask in asks)
        detail = {"shown": len(shown), "aggregated": is_new}
        if all(score is None for score in scores):
            return Written((), cause="no rating could be read", detail=detail)
        return Written(tuple(texts), best_of(scores, is_new), scores, detail=detail)

    def cost(self, shape: Shape, options: AggregationOptions) -> Cost:
        return Cost.of(2 * options.responses + 2, "2·N + 2")

    def way(self, options: AggregationOptions) -> str:
        return f"{options.responses} responses"


def shown_of(texts: Sequence[str], most_letters: int) -> list[str]:
    """The first texts that fit together, each whole; the shortest alone if none of them does."""
    shown: list[str] = []
    left = most_letters
    for text in texts:
        if len(text) <= left:
            shown.append(text)
            left -= len(text)
    return shown or [min(texts, key=len)]


def best_of(scores: Sequence[float | None], is_new: int | None) -> int:
    """The place with the highest rating; of equals the new response, then the earliest."""
    return max(
        range(len(scores)),
        key=lambda place: (
            -1.0 if scores[place] is None else float(scores[place] or 0),
            place == is_new,
            -place,
        ),
    )


def _ask_for_new(subject: Subject, shown: Sequence[str]) -> Ask:
    parts = [subject.asked, *(Fenced(f"RESPONSE {n}", text) for n, text in enumerate(shown, 1))]
    messages = AGGREGATE.put(parts, f"{subject.secret}:aggregate")
    return Ask("aggregate", messages, AGGREGATE, prose, temperature=1.0, seat="judge")


def _ask_for_rating(subject: Subject, place: int, text: str) -> Ask:
    key = f"rate-{place}"
    parts = [subject.asked, Fenced("RESPONSE", text)]
    messages = WILD_RATING.put(parts, f"{subject.secret}:{key}")
    return Ask(key, messages, WILD_RATING, number(LOW, HIGH), seat="checker")


PROTOCOL = SelfAggregation()
