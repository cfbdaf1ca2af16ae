"""One annotator's own page: how far, how fast, and their own answers beside nobody else's."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count
from django.utils import timezone

from annotation.models import Annotator, Judgment
from annotation.progress import Median
from annotation.review.wording import in_words

PAGE = 20
LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class OwnPace:
    """Answers of the last seven days, and the median time of `timed` answers, None without."""

    lately: int
    median_ms: float | None
    timed: int


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """One of the annotator's answers that stand, in the letters of their own screen."""

    judgment: Judgment
    said: str
    prompt: str


def own_pace(annotator: Annotator, *, now: datetime | None = None) -> OwnPace:
    mine = Judgment.objects.filter(annotator=annotator, supersedes__isnull=True)
    times = mine.aggregate(median=Median("elapsed_ms"), timed=Count("elapsed_ms"))
    since = (now or timezone.now()) - LATELY
    return OwnPace(mine.filter(created_at__gte=since).count(), times["median"], times["timed"])


def own_answers(
    annotator: Annotator, *, before: int | None = None, size: int = PAGE
) -> tuple[list[OwnAnswer], int | None]:
    """The newest `size` answers below position `before` that stand; where the next page begins.

    Answers that check the annotator look like any other.
    """
    found = Judgment.objects.filter(annotator=annotator, superseded_by__isnull=True)
    if before is not None:
        found = found.filter(position__lt=before)
    rows = list(
        found.select_related("question__prompt", "question__rubric").order_by("-position")[
            : size + 1
        ]
    )
    shown = [_own(judgment) for judgment in rows[:size]]
    return shown, rows[size - 1].position if len(rows) > size else None


def _own(judgment: Judgment) -> OwnAnswer:
    rubric = judgment.question.rubric
    criteria = dict(rubric.criteria.values_list("position", "text")) if rubric else {}
    said = in_words(
        judgment.judgment_type, judgment.payload, criteria, shown=judgment.shown_order or None
    )
    return OwnAnswer(judgment, said, judgment.question.prompt.html)
