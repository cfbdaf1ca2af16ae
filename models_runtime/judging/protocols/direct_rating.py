"""Direct rating by a rubric (Prometheus, G-Eval): a level per response and criterion.

The rubric is the one that people use for the same questions. With labels, the rating is the
expected level under the probabilities of the levels; with k samples, their mean. The judgment
holds the nearest level of the scale, the item the expectation itself.
"""

from dataclasses import dataclass

from models_runtime.engines import Capability
from models_runtime.judging.options import Options, option
from models_runtime.judging.pairs import MOST_REASON
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.ratings import Rated, ask_rating, rated, rating_verdict
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Answers, Ask, Talk
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.prompting.parsing import strip_wrapping
from models_runtime.prompting.rating import RATING, RATING_LABEL


@dataclass(frozen=True, kw_only=True)
class RatingOptions(Options):
    labelled: bool = option(
        False,
        "From label probabilities",
        "The expected level; no text. Needs levels of one digit and a model that gives "
        "probabilities.",
    )
    samples: int = option(
        1, "Samples", "Above 1, the mean of so many sampled ratings.", low=1, high=64
    )
    reference_system: str = option(
        "", "Reference answers by", "The system whose responses are shown as reference answers."
    )


class DirectRating(JudgingProtocol):
    title = "Direct rating by a rubric"
    summary = "Each response gets a level per criterion of the rubric, on its own."
    reference = "Kim et al. 2024 (Prometheus 2); Liu et al. 2023 (G-Eval)"
    judgment_types = frozenset({"rating"})
    options_class = RatingOptions
    templates = (RATING, RATING_LABEL)
    needs_criteria = "scale"

    def conduct(self, subject: Subject, options: RatingOptions) -> Talk[Verdict]:
        if options.labelled:
            unfit = [each.text for each in subject.criteria if not each.levels]
            if unfit:
                return invalid(f"the levels of “{unfit[0][:80]}” are no single digits")
        asks = _asks(subject, options)
        answers = yield [ask for group in asks.values() for ask in group]
        ratings: dict[tuple[int, int], Rated | None] = {
            (place, criterion.position): rated(
                criterion, [answers[ask.key] for ask in asks[place, criterion.position]]
            )
            for place in subject.places
            for criterion in subject.criteria
        }
        return rating_verdict(subject, ratings, reason=_reason(answers))

    def cost(self, shape: Shape, options: RatingOptions) -> Cost:
        samples = 1 if options.labelled else options.samples
        return Cost.of(shape.candidates * shape.criteria * samples, "N·K·k")

    def needs(self, options: RatingOptions) -> frozenset[Capability]:
        return frozenset({Capability.DECIDE if options.labelled else Capability.GENERATE})

    def way(self, options: RatingOptions) -> str:
        if options.labelled:
            return RATING_LABEL.name
        return RATING.name + (f", mean of {options.samples}" if options.samples > 1 else "")


def _asks(subject: Subject, options: RatingOptions) -> dict[tuple[int, int], list[Ask]]:
    samples = 1 if options.labelled else options.samples
    return {
        (place, criterion.position): [
            ask_rating(
                subject,
                place,
                criterion,
                key=f"place-{place}/criterion-{criterion.position}/{sample}",
                labelled=options.labelled,
                temperature=0.0 if samples == 1 else 1.0,
            )
            for sample in range(samples)
        ]
        for place in subject.places
        for criterion in subject.criteria
    }


def _reason(answers: Answers) -> str:
    """What the judge wrote about the first rating that has words."""
    for answer in answers.values():
        if answer.is_read and answer.text:
            return strip_wrapping(answer.text).rpartition("Rating:")[0].strip()[:MOST_REASON]
    return ""


PROTOCOL = DirectRating()
