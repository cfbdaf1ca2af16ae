"""P(True): the probability of “True” for a response, the others shown as context.

The score of a response is the normalised probability that it is true; differences within the
margin tie. The order of the context is drawn by hash.
"""

from dataclasses import dataclass

from models_runtime.engines import Capability
from models_runtime.judging.options import Options, option
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Verdict, verdict_of_scores
from models_runtime.prompting.rewards import TRUTH
from models_runtime.prompting.templates import Fenced, Part


@dataclass(frozen=True, kw_only=True)
class TruthOptions(Options):
    context: bool = option(True, "Show the others", "Brainstormed answers make it more exact.")
    margin: float = option(0.05, "Margin", "Scores that differ by no more tie.", low=0, high=1)


class PTrue(JudgingProtocol):
    title = "P(True)"
    summary = "How probable the model finds it that a response is true; no text, one call each."
    reference = "Kadavath et al. 2022"
    judgment_types = frozenset({"pairwise", "ranking"})
    options_class = TruthOptions
    templates = (TRUTH,)

    def conduct(self, subject: Subject, options: TruthOptions) -> Talk[Verdict]:
        asks = [_ask(subject, place, context=options.context) for place in subject.places]
        answers = yield asks
        scores = [
            answer.p["True"] if answer.is_read and answer.p is not None else None
            for answer in (answers[ask.key] for ask in asks)
        ]
        return verdict_of_scores(
            subject.judgment_type, scores, margin=options.margin, best_only=subject.best_only
        )

    def cost(self, shape: Shape, options: TruthOptions) -> Cost:
        return Cost.of(shape.candidates, "N")

    def needs(self, options: TruthOptions) -> frozenset[Capability]:
        return frozenset({Capability.DECIDE})


def _ask(subject: Subject, place: int, *, context: bool) -> Ask:
    key = f"place-{place}"
    parts: list[Part] = [subject.asked]
    if context:
        others = [each for each in subject.shuffled(place) if each != place]
        listed = "\n\n".join(f"({n}) {subject.texts[each]}" for n, each in enumerate(others, 1))
        parts.append(Fenced("OTHER ANSWERS", listed))
    parts.append(Fenced("POSSIBLE ANSWER", subject.texts[place]))
    messages = TRUTH.put(parts, f"{subject.secret}:{key}")
    return Ask(key, messages, TRUTH, labels={"True": True, "False": False})


PROTOCOL = PTrue()
