"""Rating one response on one criterion, for the protocols that rate. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance

from models_runtime.judging.subject import Criterion, Subject
from models_runtime.judging.talk import Answer, Ask
from models_runtime.judging.verdicts import Verdict, invalid
from models_runtime.outcomes import Outcome
from models_runtime.prompting.rating import RATING, RATING_LABEL
from models_runtime.prompting.replies import number
from models_runtime.prompting.templates import Fenced, Part, Template


@dataclass(frozen=True, slots=True)
class Rated:
    """A rating: `value` on the scale's levels, `expected` between them, the samples' variance."""

    value: float
    expected: float
    variance: float
    samples: int


def ask_rating(
    subject: Subject,
    place: int,
    criterion: Criterion,
    *,
    key: str,
    labelled: bool = False,
    temperature: float = 0.0,
    extra: Sequence[Part] = (),
    template: Template | None = None,
    seat: str = "judge",
) -> Ask:
    """Ask how a response does on a criterion; `extra` material stands before the response."""
    parts: list[Part] = [subject.asked, *reference_of(subject)]
    parts += [Fenced("CRITERION", criterion.described()), *extra, subject.response(place)]
    words = {"low": f"{criterion.low:g}", "high": f"{criterion.high:g}"}
    secret = f"{subject.secret}:{key}"
    if labelled:
        chosen = template or RATING_LABEL
        labels = {level: float(level) for level in criterion.levels}
        return Ask(key, chosen.put(parts, secret, **words), chosen, labels=labels, seat=seat)
    chosen = template or RATING
    steps = "" if criterion.step == 1 else f" in steps of {criterion.step:g}"
    read = number(criterion.low, criterion.high, criterion.step)
    messages = chosen.put(parts, secret, **words, steps=steps)
    return Ask(key, messages, chosen, read, temperature=temperature, seat=seat)


def reference_of(subject: Subject) -> list[Part]:
    return [Fenced("REFERENCE ANSWER", subject.reference)] if subject.reference else []


def expected_rating(p: Mapping[str, float]) -> float:
    """The mean level under label probabilities: sum of k·p_k."""
    return sum(float(level) * share for level, share in p.items())


def rated(criterion: Criterion, answers: Sequence[Answer]) -> Rated | None:
    """The rating of the samples that could be read, None if none could."""
    values = [
        float(answer.value) if answer.p is None else expected_rating(answer.p)
        for answer in answers
        if answer.is_read
    ]
    if not values:
        return None
    mean = fmean(values)
    return Rated(criterion.nearest(mean), mean, pvariance(values), len(values))


def rating_verdict(
    subject: Subject,
    ratings: Mapping[tuple[int, int], Rated | None],
    *,
    reason: str = "",
    detail: Mapping[str, object] | None = None,
) -> Verdict:
    """A rating judgment; invalid where any response has no readable rating on a criterion."""
    known = {key: each for key, each in ratings.items() if each is not None}
    if len(known) < len(ratings):
        place, criterion = next(key for key, each in ratings.items() if each is None)
        return invalid(f"place {place}, criterion {criterion}: no readable rating")
    payload = {
        "ratings": {
            str(place): {
                str(each.position): as_level(known[place, each.position].value)
                for each in subject.criteria
            }
            for place in subject.places
        },
        "scales": scales_of(subject.criteria),
    }
    told = {
        f"place-{place}/criterion-{criterion}": {
            "expected": each.expected, "variance": each.variance, "samples": each.samples
        }
        for (place, criterion), each in known.items()
    }  # fmt: skip
    return Verdict(
        Outcome.GIVEN, payload, reason=reason, detail={"ratings": told, **(detail or {})}
    )


def scales_of(criteria: tuple[Criterion, ...]) -> dict[str, list[int | float]]:
    return {str(each.position): [as_level(each.low), as_level(each.high)] for each in criteria}


def as_level(value: float) -> int | float:
    """1.0 as 1, so that the same answer is the same payload."""
    return int(value) if value == int(value) else value
