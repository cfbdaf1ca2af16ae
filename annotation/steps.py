"""Steps around an answer of any type, set by a project's owner. Pure.

A reason, the annotator's own confidence, what they expect others to say, and a second answer in
hindsight, once the consequences have been shown. The project's options name them:
{"reason": "off" | "optional" | "required", "reason_words": least number of words,
"confidence": "off" | …, "prediction": "off" | …, "hindsight": true}.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from annotation.errors import AnnotationError
from annotation.phrases import say

OFF, OPTIONAL, REQUIRED = "off", "optional", "required"
WANTED = (OFF, OPTIONAL, REQUIRED)
NAMES = ("reason", "reason_words", "confidence", "prediction", "hindsight")
MOST_WORDS = 50  # that an owner may ask of a reason: it is one or two sentences


class InvalidSteps(AnnotationError):
    """Options that describe no steps; the text says what they may be."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What is asked beside the answer itself."""

    reason: str = OPTIONAL
    reason_words: int = 0
    confidence: str = OFF
    prediction: str = OFF
    hindsight: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """The steps that a project's options describe. Raises InvalidSteps."""
        steps = cls(**{name: options[name] for name in NAMES if name in options})
        for name in ("reason", "confidence", "prediction"):
            if getattr(steps, name) not in WANTED:
                raise InvalidSteps(
                    say("%(name)s is one of %(names)s.", name=name, names=", ".join(WANTED))
                )
        words = steps.reason_words
        if type(words) is not int or not 0 <= words <= MOST_WORDS:
            raise InvalidSteps(
                say(
                    "reason_words is a whole number from 0 to %(most_words)s.",
                    most_words=MOST_WORDS,
                )
            )
        if type(steps.hindsight) is not bool:
            raise InvalidSteps(say("hindsight is true or false."))
        return steps

    def options(self) -> dict[str, Any]:
        """What differs from the usual, as a project's options keep it."""
        usual = Steps()
        return {
            name: getattr(self, name)
            for name in NAMES
            if getattr(self, name) != getattr(usual, name)
        }


def prediction_of(percent: int | None) -> dict[str, float] | None:
    """“Of 100 others, how many will answer as you do?” as a judgment keeps it: {"same": 0.6}."""
    return None if percent is None else {"same": percent / 100}


def percent_of(prediction: Mapping[str, Any] | None) -> str:
    """The form's value that says `prediction`."""
    return "" if not prediction else f"{round(100 * float(prediction['same']))}"
