"""Critique first, then a rating that takes it into account (critique reward models).

The critique may come from another model than the rating. It is kept as the judgment's reason, so
people can read it after they have answered themselves.
"""

from dataclasses import replace

from models_runtime.judging.options import Options
from models_runtime.judging.pairs import MOST_REASON
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.ratings import Rated, ask_rating, rated, rating_verdict
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.prompting.replies import prose
from models_runtime.prompting.rewards import CRITIQUE, RATE_CRITICISED
from models_runtime.prompting.templates import Fenced


class CritiqueRating(JudgingProtocol):
    title = "Critique, then rating"
    summary = "A critique of each response, then a level per criterion that weighs it."
    reference = "Ankner et al. 2024 (Critique-out-Loud); Zhang et al. 2025 (MM-RLHF)"
    judgment_types = frozenset({"rating"})
    templates = (CRITIQUE, RATE_CRITICISED)
    seats = {"judge": "The model that rates", "critic": "The model that criticises"}
    needs_criteria = "scale"

    def conduct(self, subject: Subject, options: Options) -> Talk[Verdict]:
        critiques = [_criticise(subject, place) for place in subject.places]
        said = yield critiques
        if unread := [ask.key for ask in critiques if not said[ask.key].is_read]:
            return invalid(f"{unread[0]}: {said[unread[0]].status.value}")
        texts = [str(said[ask.key].value) for ask in critiques]
        asks = {
            (place, criterion.position): ask_rating(
                subject,
                place,
                criterion,
                key=f"place-{place}/criterion-{criterion.position}",
                template=RATE_CRITICISED,
                extra=[Fenced("CRITIQUE", texts[place])],
            )
            for place in subject.places
            for criterion in subject.criteria
        }
        answers = yield list(asks.values())
        ratings: dict[tuple[int, int], Rated | None] = {
            (place, criterion.position): rated(
                criterion, [answers[asks[place, criterion.position].key]]
            )
            for place in subject.places
            for criterion in subject.criteria
        }
        reason = "\n\n".join(texts)[:MOST_REASON]
        return replace(rating_verdict(subject, ratings), reason=reason)

    def cost(self, shape: Shape, options: Options) -> Cost:
        return Cost.of(shape.candidates * (1 + shape.criteria), "N·(1 + K)")


def _criticise(subject: Subject, place: int) -> Ask:
    key = f"critique-{place}"
    messages = CRITIQUE.put([subject.asked, subject.response(place)], f"{subject.secret}:{key}")
    return Ask(key, messages, CRITIQUE, prose, seat="critic")


PROTOCOL = CritiqueRating()
