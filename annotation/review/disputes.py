"""Questions whose answers differ most, first: the queue of a reviewer."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import TextField
from django.db.models.functions import Cast

from annotation.models import Adjudication, Annotator, Judgment, Project, Question
from annotation.quality.members import MOST_READ, outcomes_of_text
from annotation.quality.pairs import disagreement

PAGE = 25


@dataclass(frozen=True, slots=True)
class Dispute:
    """A question with how much its `answers` answers differ: 0 none, 1 every two in everything."""

    question: Question
    disagreement: float
    answers: int
    adjudicated: bool


@dataclass(frozen=True, slots=True)
class Disputes:
    """A page of them: the `total` there are, and the key at which the next page begins."""

    listed: list[Dispute]
    total: int
    following: str


def disputes(
    project: Project,
    *,
    between: Collection[Annotator] = (),
    settled: bool = False,
    after: str = "",
    size: int = PAGE,
) -> Disputes:
    """Questions on which people differ, among the newest judgments; most first, then oldest.

    With `between`, only these people's answers are compared. `settled` also lists questions that
    have been adjudicated. `after` is the `following` of the page before; unreadable ones begin at
    the start.
    """
    found = Judgment.objects.counted().filter(question__project=project)
    if between:
        found = found.filter(annotator__in=list(between))
    rows = (
        found.order_by("-position")
        .annotate(text=Cast("payload", TextField()))
        .values_list("question", "judgment_type", "text")[:MOST_READ]
    )
    answers = defaultdict(list)
    for question, kind, text in rows:
        answers[question].append(outcomes_of_text(kind, text))
    done = set(
        Adjudication.objects.filter(question__project=project).values_list("question", flat=True)
    )
    ranked = sorted(
        (-round(differing, 9), question, len(said))
        for question, said in answers.items()
        if (settled or question not in done) and (differing := disagreement(said)) > 0
    )
    start = _after(after)
    rest = [each for each in ranked if start is None or each[:2] > start]
    shown = rest[:size]
    questions = (
        Question.objects.filter(pk__in=[question for _, question, _ in shown])
        .select_related("prompt")
        .in_bulk()
    )
    listed = [Dispute(questions[pk], -value, n, pk in done) for value, pk, n in shown]
    following = f"{shown[-1][0]!r},{shown[-1][1]}" if len(rest) > size else ""
    return Disputes(listed, len(ranked), following)


def _after(key: str) -> tuple[float, int] | None:
    value, _, question = key.partition(",")
    try:
        return float(value), int(question)
    except ValueError:
        return None
