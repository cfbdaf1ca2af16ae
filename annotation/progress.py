"""How far a project and its people are. Counted from rows each time; nothing is stored."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import (
    Aggregate,
    Count,
    Exists,
    F,
    FloatField,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce, Greatest, TruncDate
from django.utils import timezone

from annotation.charts import Column
from annotation.forecast import Forecast, forecast
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    Judgment,
    Project,
    Prompt,
    Question,
    QuestionPurpose,
    QuestionState,
    Standing,
    User,
)


@dataclass(frozen=True, slots=True)
class OwnProgress:
    """One annotator's: `answered` questions of the `total` they have answered or may still get."""

    answered: int
    total: int

    @property
    def current(self) -> int:
        """The number of the question now on the screen."""
        return min(self.answered + 1, max(self.total, 1))


def own_progress_of(project: Project, user: User) -> OwnProgress:
    """A member's progress, whether or not they have begun to judge."""
    annotator = Annotator.objects.filter(project=project, user=user).first()
    if annotator is not None:
        return own_progress(annotator)
    open_questions = Question.objects.filter(project=project, state=QuestionState.OPEN)
    return OwnProgress(answered=0, total=open_questions.count())


def own_progress(annotator: Annotator) -> OwnProgress:
    """Open questions count as possible even while others hold all their seats."""
    answered = (
        Judgment.objects.filter(annotator=annotator, supersedes__isnull=True)
        .values("question")
        .distinct()
        .count()
    )
    judged = Judgment.objects.filter(annotator=annotator, question=OuterRef("pk"))
    given_back = Assignment.objects.filter(
        annotator=annotator, question=OuterRef("pk"), state="released"
    )
    possible = Question.objects.filter(
        ~Exists(judged), ~Exists(given_back), project=annotator.project, state=QuestionState.OPEN
    ).count()
    return OwnProgress(answered=answered, total=answered + possible)


@dataclass(frozen=True, slots=True)
class ProjectProgress:
    """Counts of a project. `answered + begun + untouched == questions`; withdrawn are left out.

    `seated` of the judgments took one of the `judgments_asked` seats: models' and those that check
    people take none.
    """

    prompts: int
    candidates: int
    questions: int
    answered: int
    begun: int
    judgments: int
    judgments_asked: int
    seated: int
    parked: int

    @property
    def untouched(self) -> int:
        return self.questions - self.answered - self.begun


def project_progress(project: Project) -> ProjectProgress:
    has_judgment = Exists(Judgment.objects.filter(question=OuterRef("pk")))
    questions = Question.objects.filter(project=project).exclude(state=QuestionState.WITHDRAWN)
    ordinary = Q(purpose=QuestionPurpose.ORDINARY)
    counts = questions.aggregate(
        questions=Count("pk"),
        answered=Count("pk", filter=Q(state=QuestionState.ANSWERED)),
        begun=Count("pk", filter=Q(has_judgment, state=QuestionState.OPEN)),
        judgments_asked=Sum("overlap", filter=ordinary, default=0),
    )
    judgments = Judgment.objects.filter(question__project=project)
    return ProjectProgress(
        prompts=Prompt.objects.filter(project=project).count(),
        candidates=Prompt.objects.filter(project=project).aggregate(n=Count("candidates"))["n"],
        judgments=judgments.counted().count(),
        seated=judgments.counted()
        .filter(question__purpose=QuestionPurpose.ORDINARY)
        .exclude(annotator__kind=AnnotatorKind.MODEL)
        .count(),
        parked=judgments.filter(standing=Standing.PARKED).count(),
        **counts,
    )


class Median(Aggregate):
    function = "PERCENTILE_CONT"
    name = "median"
    output_field = FloatField()
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


@dataclass(frozen=True, slots=True)
class Pace:
    """What one annotator has done: standing judgments, the median of the `timed` ones' times."""

    annotator: Annotator
    judgments: int
    median_ms: float | None
    timed: int
    last_at: datetime | None


def people(project: Project) -> list[Pace]:
    """The project's annotators, most judgments first, then by name."""
    standing = Judgment.objects.filter(annotator__project=project, superseded_by__isnull=True)
    counted = {
        row["annotator"]: row
        for row in standing.values("annotator").annotate(
            judgments=Count("pk"),
            median_ms=Median("elapsed_ms"),
            timed=Count("elapsed_ms"),
            last_at=Max("created_at"),
        )
    }
    paces = []
    for each in Annotator.objects.filter(project=project).select_related("user"):
        row = counted.get(each.pk)
        if row is None:
            paces.append(Pace(each, judgments=0, median_ms=None, timed=0, last_at=None))
        else:
            paces.append(
                Pace(each, row["judgments"], row["median_ms"], row["timed"], row["last_at"])
            )
    return sorted(paces, key=lambda pace: (-pace.judgments, str(pace.annotator)))


DAYS = 28  # of throughput


@dataclass(frozen=True, slots=True)
class Throughput:
    """Counted judgments by people per day (UTC), and when what is left will be done.

    `forecast` is a sentence where none can be made.
    """

    days: list[Column]
    today: date
    total: int
    forecast: Forecast | str


def throughput(project: Project, *, now: datetime | None = None) -> Throughput:
    """The last four weeks with today, which isn't over, and the forecast from the days before."""
    today = (now or timezone.now()).astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    counted = dict(
        _by_people(project)
        .filter(created_at__gte=datetime(first.year, first.month, first.day, tzinfo=UTC))
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values("day")
        .annotate(n=Count("pk"))
        .values_list("day", "n")
    )
    days = [first + timedelta(days=k) for k in range(DAYS)]
    counts = [counted.get(day, 0) for day in days]
    return Throughput(
        days=[
            Column(f"{day.day} {day:%b}", n, unfinished=day == today)
            for day, n in zip(days, counts, strict=True)
        ],
        today=today,
        total=sum(counts),
        forecast=forecast(counts[:-1], remaining=remaining(project), today=today),
    )


def remaining(project: Project) -> int:
    """Counted judgments by people that open questions still ask for."""
    given = (
        _by_people(project)
        .filter(question=OuterRef("pk"))
        .order_by()
        .values("question")
        .annotate(n=Count("pk"))
        .values("n")
    )
    waiting = Question.objects.filter(project=project, state=QuestionState.OPEN, purpose="ordinary")
    missing = Greatest(F("overlap") - Coalesce(Subquery(given, output_field=IntegerField()), 0), 0)
    return int(waiting.aggregate(n=Sum(missing, default=0))["n"])


def _by_people(project: Project) -> QuerySet[Judgment]:
    found = Judgment.objects.counted().filter(question__project=project)
    return found.exclude(annotator__kind=AnnotatorKind.MODEL)
