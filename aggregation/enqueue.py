"""Asking for background work: a row first, then a wake-up after the commit.

A lost wake-up changes nothing: the sweeper finds the row. So an unreachable broker is logged and
the person's request still succeeds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from celery import Task
from django.db import IntegrityError, transaction
from django.db.models import Max

from aggregation import tasks
from aggregation.catalogue import EXPORTS, METHODS
from aggregation.curation import Curation
from aggregation.models import Check, Examination, Items, Level, Release, Report, Run
from aggregation.options import OptionError
from aggregation.report import ReportOptions
from aggregation.subjects import SUBJECTS
from aggregation.tables import Labels
from annotation import log
from annotation.consent import withdrawals
from annotation.errors import LogBusy
from annotation.models import (
    AnnotatorKind,
    Assignment,
    AssignmentState,
    Criterion,
    Project,
    User,
    WorkState,
)
from annotation.phrases import say

TRIES = 5  # two people publishing in the same instant


class NotPossible(Exception):
    """What was asked for can't be done; the text says why and what to do."""


def request_run(
    project: Project,
    method: str,
    *,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    kinds: Sequence[str] | None = None,
    items: str = Items.SYSTEMS,
    criterion: str = "",
    mark: int | None = None,
    user: User | None = None,
) -> Run:
    """Write down that `method` is to be run on the log as it stands now, and wake a worker.

    `options` are the method's own, as texts or values; `kinds` defaults to people, or to whoever a
    simulated project has; `mark` to everything committed by now. `criterion` is the text of the one
    criterion that is to count; blank, several criteria become one weighted mean. What people said
    who have withdrawn by now takes no part. Raises NotPossible
    for an unknown method, kind or criterion, or a bad option.
    """
    return _create_run(
        project=project,
        method=method,
        options=_checked_options(method, options or {}, seed),
        seed=seed,
        kinds=_checked_kinds(project, kinds),
        items=Items(items).value,
        criterion=_checked_criterion(project, criterion),
        mark=_mark(project) if mark is None else mark,
        withdrawals=withdrawals(project),
        requested_by=user,
    )


def refuse_if_people_left(run: Run) -> None:
    """Raise NotPossible if somebody withdrew since the run was made: nothing new joins it then."""
    since = withdrawals(run.project) - run.withdrawals
    if since:
        people = say("Somebody has") if since == 1 else say("%(n)s people have", n=since)
        raise NotPossible(
            say(
                "%(people)s withdrawn since this run was made, and it still counts what "
                "they said. The run itself stays as it is; start a new one and go on "
                "from that.",
                people=people,
            )
        )


def request_replay(run: Run, *, user: User | None = None) -> Run:
    """Ask for a finished run to be computed again from the log, to see that it comes out the same.

    Raises NotPossible for a run without a result.
    """
    if run.state != WorkState.DONE:
        raise NotPossible(say("Only a finished run can be rebuilt. Wait until it is done."))
    return _create_run(
        project=run.project,
        method=run.method,
        options=run.options,
        seed=run.seed,
        kinds=run.kinds,
        items=run.items,
        criterion=run.criterion,
        mark=run.mark,
        withdrawals=run.withdrawals,
        requested_by=user,
        replay_of=run,
    )


def request_examination(
    run: Run,
    subject: str,
    *,
    beside: Sequence[Run] = (),
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    user: User | None = None,
) -> Examination:
    """Ask for a run, or several on the same judgments, to be examined.

    Raises NotPossible for an unknown subject, a bad option, a run that isn't finished where
    the subject needs its result, or runs that don't stand on the same judgments.
    """
    if subject not in SUBJECTS:
        raise NotPossible(
            say(
                "There is no such examination. Choose one of: %(names)s.", names=", ".join(SUBJECTS)
            )
        )
    wanted = SUBJECTS[subject]
    others = [other for other in beside if other.pk != run.pk]
    if wanted.needs_result and any(each.state != WorkState.DONE for each in (run, *others)):
        raise NotPossible(say("Only a finished run can be examined. Wait until it is done."))
    if any(not same_basis(run, other) for other in others):
        raise NotPossible(say("Only runs on the same judgments can be examined together."))
    if wanted.compares and not others:
        raise NotPossible(say("Choose at least two runs on the same judgments to compare."))
    given = {name: value for name, value in (options or {}).items() if name != "seed"}
    try:
        wanted.options.parse({**given, "seed": seed})
    except OptionError as error:
        raise NotPossible(str(error)) from error
    with transaction.atomic():
        examination = Examination.objects.create(
            run=run, subject=subject, options=given, seed=seed, requested_by=user
        )
        examination.beside.set(others)
        wake(tasks.execute_examination, examination.pk)
    return examination


def same_basis(run: Run, other: Run) -> bool:
    """Whether two runs read the same judgments and score the same things."""

    def basis(one: Run) -> tuple[Any, ...]:
        return (
            one.project_id,
            one.mark,
            sorted(one.kinds),
            one.items,
            one.criterion,
            one.withdrawals,
        )

    return basis(run) == basis(other)


def judgments_examined(run: Run) -> Examination | None:
    """The newest look at the judgments this run reads; runs on the same judgments share it."""
    found = (
        Examination.objects.filter(
            subject="judgments",
            run__project=run.project_id,
            run__mark=run.mark,
            run__items=run.items,
            run__criterion=run.criterion,
        )
        .exclude(state__in=(WorkState.FAILED, WorkState.CANCELLED))
        .select_related("run")
        .defer("run__result", "report")
    )
    for examination in found.order_by("-id"):
        read_alike = _reads_labels(examination.run.method) == _reads_labels(run.method)
        if read_alike and same_basis(examination.run, run):
            return examination
    return None


def _reads_labels(method: str) -> bool:
    return method in METHODS and Labels in METHODS[method].consumes


def request_report(
    project: Project,
    *,
    options: Mapping[str, Any] | None = None,
    seed: int = 0,
    kinds: Sequence[str] | None = None,
    level: str = Level.SYSTEMS,
    user: User | None = None,
) -> Report:
    """Ask for a pluralistic report on the log as it stands now.

    Raises NotPossible for a bad option, an unknown kind of annotator or an unknown level.
    """
    if level not in Level.values:
        raise NotPossible(
            say("A report compares one of: %(names)s.", names=", ".join(Level.values))
        )
    given = {name: value for name, value in (options or {}).items() if name != "seed"}
    try:
        ReportOptions.parse({**given, "seed": seed})
    except OptionError as error:
        raise NotPossible(str(error)) from error
    return _create_report(
        project=project,
        options=given,
        seed=seed,
        kinds=_checked_kinds(project, kinds),
        level=level,
        mark=_mark(project),
        withdrawals=withdrawals(project),
        requested_by=user,
    )


def request_report_replay(report: Report, *, user: User | None = None) -> Report:
    """Ask for a finished report to be computed again from the log, to see that it comes out the
    same. Raises NotPossible for one without content.
    """
    if report.state != WorkState.DONE:
        raise NotPossible(say("Only a finished report can be rebuilt. Wait until it is done."))
    return _create_report(
        project=report.project,
        options=report.options,
        seed=report.seed,
        kinds=report.kinds,
        level=report.level,
        mark=report.mark,
        withdrawals=report.withdrawals,
        requested_by=user,
        replay_of=report,
    )


def _create_report(**fields: Any) -> Report:
    with transaction.atomic():
        report = Report.objects.create(**fields)
        wake(tasks.execute_report, report.pk)
    return report


def request_release(
    project: Project,
    *,
    exports: Sequence[str] = ("trl_preference", "raw_judgments"),
    curation: Curation | None = None,
    run: Run | None = None,
    notes: str = "",
    licence: str = "",
    user: User | None = None,
) -> Release:
    """Write down that the next version is to be published, and wake a worker.

    With a `run` the release stands on that run's mark and its scores go along; otherwise on the log
    as it stands now. Raises NotPossible for an unknown export or a run that isn't finished here.
    """
    unknown = sorted(set(exports) - set(EXPORTS))
    if unknown or not exports:
        raise NotPossible(
            say("Choose at least one of these formats: %(names)s.", names=", ".join(EXPORTS))
            + (say(" “%(unknown)s” isn't one of them.", unknown=unknown[0]) if unknown else "")
        )
    if run is not None and (run.project_id != project.pk or run.state != WorkState.DONE):
        raise NotPossible(say("A release can only stand on a finished run of the same project."))
    if run is not None:
        refuse_if_people_left(run)
    curation = curation or Curation(kinds=tuple(default_kinds(project)))
    fields = {
        "project": project,
        "exports": sorted(set(exports)),
        "curation": curation.to_plain(),
        "run": run,
        "mark": run.mark if run is not None else _mark(project),
        "skips": _skips(project),
        "notes": notes,
        "licence": licence,
        "requested_by": user,
    }
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                release = Release.objects.create(version=_next_version(project), **fields)
                wake(tasks.publish_release, release.pk)
            return release
        except IntegrityError as error:
            if "one_release_per_project_and_version" not in str(error) or attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def request_check(release: Release, *, rebuild: bool = False) -> Check:
    """Ask for a published release to be examined. Raises NotPossible before it is published."""
    if release.state != WorkState.DONE:
        raise NotPossible(say("Only a published release can be checked."))
    with transaction.atomic():
        check = Check.objects.create(release=release, rebuild=rebuild)
        wake(tasks.check_release, check.pk)
    return check


def default_kinds(project: Project) -> list[str]:
    """Whose judgments count unless somebody says otherwise: people's, or simulated people's."""
    kinds = [AnnotatorKind.PERSON.value]
    if project.is_simulated:
        kinds.append(AnnotatorKind.SIMULATED.value)
    return kinds


def wake(task: "Task[Any, Any]", pk: int) -> None:
    """Tell a worker about a row once it is committed."""
    transaction.on_commit(lambda: tasks.send(task, pk))


def _create_run(**fields: Any) -> Run:
    with transaction.atomic():
        run = Run.objects.create(**fields)
        wake(tasks.execute_run, run.pk)
        if run.replay_of is None and judgments_examined(run) is None:
            request_examination(run, "judgments")
    return run


def _checked_options(method: str, options: Mapping[str, Any], seed: int) -> dict[str, Any]:
    if method not in METHODS:
        raise NotPossible(
            say(
                "There is no method “%(method)s”. Choose one of: %(names)s.",
                method=method,
                names=", ".join(METHODS),
            )
        )
    if seed < 0:
        raise NotPossible(say("A seed is a whole number from 0."))
    try:
        METHODS[method].options.parse({**options, "seed": seed})
    except OptionError as error:
        raise NotPossible(str(error)) from error
    return {name: value for name, value in options.items() if name != "seed"}


def _checked_criterion(project: Project, criterion: str) -> str:
    asked = Criterion.objects.filter(rubric__project=project, text=criterion)
    if criterion and not asked.exists():
        raise NotPossible(
            say(
                "This project doesn't ask “%(criterion)s”. Choose one of its criteria.",
                criterion=criterion[:200],
            )
        )
    return criterion


def _checked_kinds(project: Project, kinds: Sequence[str] | None) -> list[str]:
    chosen = default_kinds(project) if kinds is None else sorted(set(kinds))
    unknown = set(chosen) - {kind.value for kind in AnnotatorKind}
    if unknown or not chosen:
        raise NotPossible(say("Choose whose judgments count: person, model or simulated."))
    return chosen


def _next_version(project: Project) -> int:
    highest = Release.objects.filter(project=project).aggregate(highest=Max("version"))["highest"]
    return int(highest or 0) + 1


def _skips(project: Project) -> int:
    """Questions given back unanswered by a person's own wish."""
    return (
        Assignment.objects.filter(question__project=project, state=AssignmentState.RELEASED)
        .exclude(release_reason="the lease expired and the seat was taken")
        .count()
    )


def _mark(project: Project) -> int:
    try:
        return log.mark(project)
    except LogBusy as error:
        raise NotPossible(str(error)) from error
