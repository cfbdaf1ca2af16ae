"""Jobs as people read them: how far, how fast, at what cost, and what went wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Avg, Count, Max, Min, StdDev
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Measurement, Project, WorkState
from annotation.telling import told
from models_runtime.catalogue import SCORERS
from models_runtime.enqueue import items_of
from models_runtime.models import (
    Checkpoint,
    GenerationJob,
    ItemState,
    Job,
    JudgeCall,
    JudgingItem,
    JudgingJob,
    PromptIdea,
    PromptJob,
    ScoringJob,
)
from models_runtime.models.prompt_making import PARAPHRASE
from models_runtime.outcomes import Outcome
from models_runtime.prompt_making import DROP_WORDS
from models_runtime.prompting.parsing import ParseStatus

ALARMING_SHARE = 0.05
CAUSE_WORDS = {
    "unreachable": gettext_lazy("The model server can't be reached"),
    "timeout": gettext_lazy("The model server didn't answer in time"),
    "rate_limited": gettext_lazy("The model server asks for fewer requests"),
    "server_error": gettext_lazy("The model server failed"),
    "unauthorised": gettext_lazy("The model server refused the key"),
    "model_not_found": gettext_lazy("The model isn't there"),
    "forbidden_address": gettext_lazy("The address may not be called"),
    "bad_request": gettext_lazy("The request was refused"),
    "too_long": gettext_lazy("The prompt is too long for the model"),
    "malformed_reply": gettext_lazy("The reply can't be read"),
    "empty_reply": gettext_lazy("The model answered with nothing"),
    "out_of_memory": gettext_lazy("Not enough memory"),
    "worker_lost": gettext_lazy("The worker died at it, again and again"),
}
OUTCOME_WORDS = {
    Outcome.FIRST_MUCH: gettext_lazy("First much better"),
    Outcome.FIRST: gettext_lazy("First better"),
    Outcome.TIE: gettext_lazy("About the same"),
    Outcome.SECOND: gettext_lazy("Second better"),
    Outcome.SECOND_MUCH: gettext_lazy("Second much better"),
    Outcome.BOTH_BAD: gettext_lazy("Both bad"),
    Outcome.GIVEN: gettext_lazy("Answered"),
    Outcome.INVALID: gettext_lazy("No verdict"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Rows that were set aside for one cause."""

    words: str
    example: str
    rows: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Counted from the job's rows. `rate` is rows per second over the job's whole time so far."""

    done: int
    set_aside: int
    cancelled: int
    in_work: int
    waiting: int
    rate: float | None
    time_left: timedelta | None

    @property
    def total(self) -> int:
        return self.done + self.set_aside + self.cancelled + self.in_work + self.waiting

    @property
    def over(self) -> int:
        return self.done + self.set_aside

    @property
    def note(self) -> str:
        """Rate and time left in words; empty before there is any."""
        if not self.rate:
            return ""
        if self.rate >= 1:
            pace = _("%(n)s a second") % {"n": told(f"{self.rate:.1f}")}
        else:
            pace = _("%(n)s a minute") % {"n": told(f"{self.rate * 60:.1f}")}
        if self.time_left is None:
            return pace
        left = {"pace": pace, "time": in_words(self.time_left)}
        return _("%(pace)s, about %(time)s left") % left


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a judging job has come to so far."""

    outcomes: Sequence[tuple[str, int]]
    questions: int
    calls: int
    unread: int
    position_bias: float | None

    @property
    def unread_share(self) -> float:
        return self.unread / self.calls if self.calls else 0.0

    @property
    def is_alarming(self) -> bool:
        return self.unread_share > ALARMING_SHARE


def in_words(span: timedelta) -> str:
    """A span of time as people say it: 45 s, 12 min, 3 h 20 min."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def progress_of(job: Job) -> Progress:
    counts = items_of(job).counts()
    over = counts[ItemState.DONE] + counts[ItemState.FAILED]
    left = counts[ItemState.READY] + counts[ItemState.RUNNING]
    elapsed = job.elapsed()
    rate = over / elapsed.total_seconds() if over and elapsed else None
    running = job.state == WorkState.RUNNING
    return Progress(
        done=counts[ItemState.DONE],
        set_aside=counts[ItemState.FAILED],
        cancelled=counts[ItemState.CANCELLED],
        in_work=counts[ItemState.RUNNING],
        waiting=counts[ItemState.READY],
        rate=rate,
        time_left=timedelta(seconds=left / rate) if rate and running else None,
    )


def pace_words(job: Job) -> str:
    """Tokens written a second over the job's whole time so far; empty before there are any."""
    elapsed = job.elapsed()
    written = job.spent().tokens_out
    if not written or not elapsed:
        return ""
    return f"{written / elapsed.total_seconds():,.1f}"


def troubles_of(job: Job) -> list[Trouble]:
    return [
        Trouble(str(CAUSE_WORDS.get(cause, cause.replace("_", " "))), example, rows)
        for cause, example, rows in items_of(job).causes()
    ]


def verdicts_of(job: JudgingJob) -> Verdicts:
    items = JudgingItem.objects.filter(job=job, state=ItemState.DONE).order_by()
    counts = dict(items.values_list("outcome").annotate(n=Count("pk")))
    calls = JudgeCall.objects.filter(item__job=job).order_by()
    read = calls.filter(status__in=[ParseStatus.OK, ParseStatus.REPAIRED]).count()
    asked = calls.exclude(status=ParseStatus.ENGINE_ERROR).count()
    return Verdicts(
        outcomes=[(str(words), counts.get(outcome, 0)) for outcome, words in OUTCOME_WORDS.items()],
        questions=sum(counts.values()),
        calls=asked,
        unread=asked - read,
        position_bias=items.aggregate(mean=Avg("position_bias"))["mean"],
    )


@dataclass(frozen=True, slots=True)
class MeasuredSummary:
    """What a scoring job measured under one name; vectors have no mean."""

    name: str
    count: int
    mean: float | None
    deviation: float | None
    least: float | None
    most: float | None


def measured_by(job: ScoringJob) -> list[MeasuredSummary]:
    rows = (
        Measurement.objects.filter(scoring__job=job)
        .values_list("name")
        .annotate(
            count=Count("pk"),
            mean=Avg("number"),
            deviation=StdDev("number"),
            least=Min("number"),
            most=Max("number"),
        )
        .order_by("name")
    )
    return [MeasuredSummary(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Fate:
    """How many ideas of a prompt job came to this; `dropped` is "" for those that were kept."""

    dropped: str
    words: str
    ideas: int


def fates_of(job: PromptJob) -> list[Fate]:
    """What became of a job's ideas: those kept first, then the reasons in the filters' order."""
    rows = PromptIdea.objects.filter(job=job).values_list("dropped").order_by()
    counts = dict(rows.annotate(n=Count("pk")))
    return [
        Fate(drop.value, words, counts[drop.value])
        for drop, words in DROP_WORDS.items()
        if counts.get(drop.value)
    ]


def newest_ideas(job: PromptJob, *, most: int) -> list[PromptIdea]:
    """The newest prompts that were kept, and what they were like."""
    kept = PromptIdea.objects.filter(job=job, dropped="").select_related("prompt", "item__prompt")
    return list(kept.order_by("-id")[:most])


def noun_of(job: Job) -> str:
    """What a job's rows are, as people count them."""
    if isinstance(job, ScoringJob):
        return _("Candidates measured")
    if isinstance(job, PromptJob):
        return _("Calls for prompts")
    return _("Candidates") if isinstance(job, GenerationJob) else _("Questions judged")


def title_of(job: Job) -> str:
    return _("%(what)s by %(model)s") % {"what": _made_by(job), "model": job.checkpoint.label}


def _made_by(job: Job) -> str:
    if isinstance(job, ScoringJob):
        known = SCORERS.get(job.scorer)
        return told(known.title) if known else job.scorer
    if isinstance(job, PromptJob):
        return _("Twins of prompts") if job.kind == PARAPHRASE else _("Prompts")
    if isinstance(job, GenerationJob):
        return _("Candidates")
    if isinstance(job, JudgingJob) and job.trial:
        return _("Trial judgments")
    if isinstance(job, JudgingJob) and job.annotator_id is None:
        return _MADE[job.read_protocol().makes]()
    return _("Judgments")


_MADE = {"criteria": lambda: _("Criteria"), "responses": lambda: _("Responses")}


def _said(value: object) -> object:
    """A setting; one that has settings itself as “kind (name value, …)”."""
    if not isinstance(value, dict):
        return value
    own = ", ".join(f"{name} {each!r}" for name, each in value.items() if name != "kind")
    return f"{value.get('kind', '')} ({own})"


def _model_in_words(checkpoint: Checkpoint) -> str:
    said = {
        "model": checkpoint.model,
        "revision": checkpoint.revision,
        "engine": checkpoint.engine,
    }
    if not checkpoint.revision:
        return _("%(model)s, through %(engine)s") % said
    return _("%(model)s, revision %(revision)s, through %(engine)s") % said


def facts_of(job: Job) -> list[tuple[str, str]]:
    """What was asked for, as terms and values."""
    checkpoint = job.checkpoint
    facts = [(_("Model"), _model_in_words(checkpoint))]
    if isinstance(job, GenerationJob):
        drawn = ", ".join(
            f"{name} = {_said(value)}" for name, value in job.sampling.items() if value != []
        )
        facts += [(_("Per prompt"), str(job.per_prompt)), (_("Sampling"), drawn)]
        if job.novelty:
            rule = ", ".join(f"{name} = {value}" for name, value in job.novelty.items() if value)
            facts.append((_("Too alike"), rule))
        if job.languages:
            facts.append((_("Languages"), ", ".join(job.languages)))
        if job.embedder is not None:
            facts.append((_("How alike is told by"), job.embedder.label))
    if isinstance(job, JudgingJob):
        facts += [
            (_("Protocol"), job.way()),
            *(
                (
                    _("Also asked"),
                    _("%(model)s as %(seat)s")
                    % {"model": each.checkpoint.label, "seat": each.name},
                )
                for each in job.seats.all()
            ),
        ]
        if job.annotator is not None:
            facts.append((_("Annotator"), str(job.annotator)))
    if isinstance(job, PromptJob):
        filters = ", ".join(f"{name} = {value}" for name, value in job.settings.items())
        facts += [
            (_("Start from"), _("%(n)s prompts") % {"n": told(f"{len(job.seeds):,}")}),
            (_("Filters"), filters),
        ]
    if isinstance(job, ScoringJob):
        facts += [(name, str(value)) for name, value in job.settings.items()]
        if job.partner is not None:
            facts.append((_("Second model"), job.partner.label))
        facts.append((_("Source of the measurements"), job.source))
    facts.append((_("Seed"), str(job.seed)))
    if job.max_cost is not None:
        facts.append((_("Budget"), f"{job.max_cost:g}"))
    return facts


def newest_jobs(project: Project, *, most: int) -> list[Job]:
    """Jobs of every kind, the newest first."""
    jobs: list[Job] = [
        *GenerationJob.objects.filter(project=project).select_related("checkpoint")[:most],
        *JudgingJob.objects.filter(project=project).select_related("checkpoint")[:most],
        *ScoringJob.objects.filter(project=project).select_related("checkpoint")[:most],
        *PromptJob.objects.filter(project=project).select_related("checkpoint")[:most],
    ]
    return sorted(jobs, key=lambda job: job.created_at, reverse=True)[:most]


def find_job(project: Project, public_id: object) -> Job | None:
    """The project's job of any kind with this public id."""
    for model in (GenerationJob, JudgingJob, ScoringJob, PromptJob):
        found: Job | None = (
            model.objects.filter(project=project, public_id=public_id)
            .select_related("checkpoint", "project")
            .first()
        )
        if found is not None:
            return found
    return None
