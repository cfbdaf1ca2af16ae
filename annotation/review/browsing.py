"""Browsing the log: counted, parked and replaced judgments by who, what and when, page by page."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.models import Judgment, Project, Standing

PAGE = 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which judgments to show; what is None or empty doesn't narrow.

    `differs` keeps those for which somebody else's counted answer to the same question isn't the
    same; `annotators` are primary keys; days are whole and in UTC.
    """

    annotator: str = ""
    annotators: Collection[int] | None = None
    question: str = ""
    judgment_type: str = ""
    standing: str = ""
    differs: bool = False
    has_reason: bool = False
    since: date | None = None
    until: date | None = None


def judgments(project: Project, wanted: Wanted) -> QuerySet[Judgment]:
    """The project's judgments that are wanted, in no particular order yet."""
    found = Judgment.objects.filter(question__project=project)
    narrowing: dict[str, object] = {}
    if wanted.annotator:
        narrowing["annotator__public_id"] = wanted.annotator
    if wanted.annotators is not None:
        narrowing["annotator__in"] = list(wanted.annotators)
    if wanted.question:
        narrowing["question__public_id"] = wanted.question
    if wanted.judgment_type:
        narrowing["judgment_type"] = wanted.judgment_type
    if wanted.since:
        narrowing["created_at__gte"] = _midnight(wanted.since)
    if wanted.until:
        narrowing["created_at__lt"] = _midnight(wanted.until + timedelta(days=1))
    found = found.filter(**narrowing)
    if wanted.has_reason:
        found = found.exclude(reason="")
    if wanted.standing == "replaced":
        found = found.filter(superseded_by__isnull=False)
    elif wanted.standing:
        found = found.filter(standing=wanted.standing, superseded_by__isnull=True)
    return found.filter(contradicted()) if wanted.differs else found


def page(
    found: QuerySet[Judgment], *, before: int | None, size: int = PAGE
) -> tuple[list[Judgment], int | None]:
    """The newest `size` of `found` below position `before`, and where the next page begins."""
    if before is not None:
        found = found.filter(position__lt=before)
    rows: list[Judgment] = list(
        found.order_by("-position")
        .select_related("question__prompt", "question__rubric", "annotator")
        .annotate(replaced=Exists(Judgment.objects.filter(supersedes=OuterRef("pk"))))[: size + 1]
    )
    return rows[:size], rows[size - 1].position if len(rows) > size else None


def contradicted() -> Q:
    """Somebody else's counted payload of the same question is another one."""
    other = (
        Judgment.objects.counted()
        .filter(question=OuterRef("question"), judgment_type=OuterRef("judgment_type"))
        .exclude(annotator=OuterRef("annotator"))
        .exclude(payload=OuterRef("payload"))
    )
    return Q(Exists(other)) & Q(standing=Standing.COUNTED) & Q(superseded_by__isnull=True)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
