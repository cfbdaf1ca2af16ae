"""What can go wrong for a person who judges, each with the sentence they will read.

Every sentence says what happened, what is safe and what to do next. Pure: the sentences are marked
here, and translated by the door that shows them.
"""


def _(sentence: str) -> str:
    """Mark a sentence for translation."""
    return sentence


class AnnotationError(Exception):
    """Base of the refusals in this app. `str(error)` is a sentence for a person.

    `code` names a refusal to programs that must tell it from others; blank where the status says
    enough.
    """

    code = ""


class NotAllowed(AnnotationError):
    """The account may not do this in this project."""


class InvalidPayload(AnnotationError):
    """A judgment's content doesn't fit its judgment type or its question."""


class InvalidQuestion(AnnotationError):
    """A question can't be asked as described: wrong number of candidates, another prompt's, …"""


class InvalidAnswer(AnnotationError):
    """The submitted form has errors; `errors` maps field names to sentences."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__(" ".join(text for texts in errors.values() for text in texts))


class AlreadyAnswered(AnnotationError):
    """This person has answered this question, in another tab or earlier."""

    code = "already_answered"

    def __init__(self) -> None:
        super().__init__(
            _(
                "You have already answered this question, perhaps in another tab. "
                "Your first answer is kept and this one was not saved. "
                "Go on with the next question."
            )
        )


class NotYourAssignment(AnnotationError):
    """The assignment belongs to somebody else or doesn't exist."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This question isn't assigned to you, so nothing was saved. "
                "Open the judging page to get a question of your own."
            )
        )


class KeyReused(AnnotationError):
    """A submission key that belongs to another judgment."""

    code = "key_reused"

    def __init__(self) -> None:
        super().__init__(
            _(
                "This answer carries the key of a different answer, so it was not saved. "
                "Reload the page and answer again."
            )
        )


class JudgingStopped(AnnotationError):
    """No new questions are given out: the project isn't open, or the annotator is paused."""

    code = "judging_stopped"


class SurveyDue(JudgingStopped):
    """The project asks its annotators about themselves first."""

    code = "survey_due"

    def __init__(self) -> None:
        super().__init__(
            _(
                "This project asks a few questions about yourself before you judge. Answer them, "
                "or skip them; then go on. Everything you submitted is safe."
            )
        )


class QuotaFull(JudgingStopped):
    """The annotator's group has given as many answers as the project asks of it."""

    code = "quota_full"

    def __init__(self) -> None:
        super().__init__(
            _(
                "This project has as many answers as it asks for from people who said of "
                "themselves what you said. Everything you submitted is safe. Thank you."
            )
        )


class LogBusy(AnnotationError):
    """The log's end can't be read consistently right now, because a large import is writing it."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "A large import is being written, so the log's end can't be read just now. "
                "Nothing is lost; ask again in a little while."
            )
        )


class AmendmentRefused(AnnotationError):
    """An earlier answer can't be changed: not theirs, changed already, or the project stopped."""
