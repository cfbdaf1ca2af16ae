"""Questions about oneself: their kinds, and how an answer becomes an attribute. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from annotation.errors import AnnotationError
from annotation.phrases import say

MOST_QUESTIONS, MOST_OPTIONS, MOST_TEXT = 40, 60, 300
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
JOINED = ", "  # between the several options that somebody chose


class Kind(StrEnum):
    CHOICE = "choice"
    MULTI = "multi"
    NUMBER = "number"
    TEXT = "text"


class SurveyRefused(AnnotationError):
    """A survey that can't be asked; the sentence says why."""


@dataclass(frozen=True, slots=True)
class SurveyQuestion:
    """One question. `name` is the attribute its answer becomes; `options` are for choices only.

    An `optional` one may be left unanswered. “Prefer not to say” is always an answer, and leaves no
    attribute.
    """

    name: str
    text: str
    kind: Kind
    options: Sequence[str] = ()
    optional: bool = True

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """Read a question from JSON. Raises SurveyRefused."""
        try:
            kind = Kind(plain.get("kind", ""))
        except ValueError as error:
            kinds = ", ".join(Kind)
            raise SurveyRefused(
                say("A question's kind is one of %(kinds)s.", kinds=kinds)
            ) from error
        name, text = str(plain.get("name", "")), str(plain.get("text", "")).strip()
        if not NAME.fullmatch(name):
            raise SurveyRefused(
                say(
                    "“%(name)s” can't be the name of an attribute: small letters, digits and "
                    "underscores, at most 40, beginning with a letter.",
                    name=name[:60],
                )
            )
        if not 0 < len(text) <= MOST_TEXT:
            raise SurveyRefused(
                say(
                    "Write the question “%(name)s”, in at most %(most_text)s characters.",
                    name=name,
                    most_text=MOST_TEXT,
                )
            )
        given = plain.get("options", ())
        if not isinstance(given, list | tuple):
            raise SurveyRefused(say("The options of “%(name)s” are a list of texts.", name=name))
        options = tuple(dict.fromkeys(str(each).strip() for each in given if str(each).strip()))
        chooses = kind in (Kind.CHOICE, Kind.MULTI)
        if chooses and not 2 <= len(options) <= MOST_OPTIONS:
            raise SurveyRefused(
                say(
                    "“%(name)s” needs 2 to %(most_options)s different options.",
                    name=name,
                    most_options=MOST_OPTIONS,
                )
            )
        return cls(name, text, kind, options if chooses else (), plain.get("optional") is not False)

    def to_plain(self) -> dict[str, Any]:
        return asdict(self) | {"kind": self.kind.value, "options": list(self.options)}

    def attribute(self, answer: Any) -> str | float | None:
        """The attribute's value that an answer becomes; None for no answer.

        Several options are joined in the survey's order, so the same choice is the same value.
        """
        if answer in (None, "", []):
            return None
        if self.kind == Kind.MULTI:
            return JOINED.join(option for option in self.options if option in answer) or None
        if self.kind == Kind.NUMBER:
            number = float(answer)
            return int(number) if number.is_integer() else number
        return str(answer).strip() or None

    def chosen(self, attribute: Any) -> list[str]:
        """The options that an attribute made of several says."""
        said = f"{JOINED}{attribute}{JOINED}"
        return [each for each in self.options if f"{JOINED}{each}{JOINED}" in said]


def read_questions(plain: Sequence[Mapping[str, Any]]) -> list[SurveyQuestion]:
    """The questions of a survey, in order. Raises SurveyRefused."""
    if len(plain) > MOST_QUESTIONS:
        raise SurveyRefused(
            say(
                "A survey asks at most %(most_questions)s questions.", most_questions=MOST_QUESTIONS
            )
        )
    questions = [SurveyQuestion.of(each) for each in plain]
    names = [question.name for question in questions]
    for name in names:
        if names.count(name) > 1:
            raise SurveyRefused(
                say("Two questions are called “%(name)s”. Give each its own name.", name=name)
            )
    return questions
