"""WildBench score: one rating from 1 to 10 per response, with the checklist in the prompt.

The rating questions of the project say what is rated; the scale's ends are mapped from 1 to 10.
The mean over responses is shown as (mean - 5) · 2.
"""

from models_runtime.judging.options import Options
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.ratings import Rated, rating_verdict, reference_of
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Verdict
from models_runtime.prompting.rating import WILD_RATING
from models_runtime.prompting.replies import number
from models_runtime.prompting.templates import Fenced, Part

LOW, HIGH = 1, 10


class WildBenchScore(JudgingProtocol):
    title = "WildBench score"
    summary = "A rating from 1 to 10 per response, with the checklist as a guide."
    reference = "Lin et al. 2024 (WildBench)"
    judgment_types = frozenset({"rating"})
    templates = (WILD_RATING,)
    needs_criteria = "scale"

    def conduct(self, subject: Subject, options: Options) -> Talk[Verdict]:
        asks = {place: _ask(subject, place) for place in subject.places}
        answers = yield list(asks.values())
        ratings: dict[tuple[int, int], Rated | None] = {}
        for place, ask in asks.items():
            answer = answers[ask.key]
            for each in subject.criteria:
                share = (answer.value - LOW) / (HIGH - LOW) if answer.is_read else None
                value = None if share is None else each.low + share * (each.high - each.low)
                ratings[place, each.position] = (
                    None if value is None else Rated(each.nearest(value), value, 0.0, 1)
                )
        raw = {f"place-{place}": answers[ask.key].value for place, ask in asks.items()}
        return rating_verdict(subject, ratings, detail={"out_of_ten": raw})

    def cost(self, shape: Shape, options: Options) -> Cost:
        return Cost.of(shape.candidates, "N")


def _ask(subject: Subject, place: int) -> Ask:
    listed = "\n".join(f"- {each.text}" for each in subject.criteria)
    parts: list[Part] = [subject.asked, *reference_of(subject)]
    parts += [Fenced("CHECKLIST", listed), subject.response(place)]
    key = f"place-{place}"
    messages = WILD_RATING.put(parts, f"{subject.secret}:{key}")
    return Ask(key, messages, WILD_RATING, number(LOW, HIGH))


PROTOCOL = WildBenchScore()
