"""Stopping annotators by rule: caps, the qualification, warnings and pauses, each with a sentence.

Whatever is decided about a person is logged as a `Decision`, with the numbers that decided.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from annotation.assignment.rules import AssignmentRules
from annotation.assignment.watching import Cause, Conduct, Reaction, Watched, watch
from annotation.checking import gold_scores, must_qualify, qualification_scores, repeat_scores
from annotation.errors import JudgingStopped
from annotation.models import (
    Annotator,
    Assignment,
    AssignmentPurpose,
    AssignmentState,
    Decision,
    DecisionKind,
    Judgment,
    QuestionPurpose,
)

FRESH_STARTS = (DecisionKind.RESUMED, DecisionKind.QUALIFIED)


def may_go_on(annotator: Annotator, rules: AssignmentRules, now: datetime) -> bool:
    """Let an annotator go on whose pause by a rule is over; whether they may judge now."""
    if annotator.paused_at is None:
        return True
    if not annotator.paused_because or not rules.pause_hours:
        return False
    if annotator.paused_at + timedelta(hours=rules.pause_hours) > now:
        return False
    resume(annotator, now)
    return True


def resume(annotator: Annotator, now: datetime) -> None:
    """End a pause; earlier warnings are forgotten, and what was measured starts afresh."""
    annotator.paused_at, annotator.paused_because = None, ""
    annotator.save(update_fields=["paused_at", "paused_because"])
    _log(annotator, DecisionKind.RESUMED, "", {}, now)


def refuse_beyond_caps(annotator: Annotator, rules: AssignmentRules, now: datetime) -> None:
    """Raise JudgingStopped once the annotator has done what one person may; leases count too."""
    if not rules.caps:
        return
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if rules.most_per_annotator and _done(annotator) >= rules.most_per_annotator:
        raise JudgingStopped(
            _(
                "You have judged as many questions as one person may in this project. "
                "Everything you submitted is safe. Thank you."
            )
        )
    if rules.most_per_day and _done(annotator, since=midnight) >= rules.most_per_day:
        raise JudgingStopped(
            _(
                "You have judged as many questions as one person may in a day. "
                "Everything you submitted is safe; come back tomorrow."
            )
        )


def _done(annotator: Annotator, *, since: datetime | None = None) -> int:
    taken = Q(state=AssignmentState.SUBMITTED) | Q(state=AssignmentState.LIVE)
    assignments = Assignment.objects.filter(taken, annotator=annotator)
    if since is not None:
        assignments = assignments.filter(leased_at__gte=since)
    return assignments.count()


def review(annotator: Annotator, judgment: Judgment, rules: AssignmentRules, now: datetime) -> str:
    """Qualify, warn or pause the author of an answer by the rules; what they are told, or ""."""
    if judgment.question.purpose == QuestionPurpose.QUALIFICATION:
        return _review_qualification(annotator, rules, now)
    if not rules.watches:
        return ""
    watched = watch(rules, _conduct(annotator, rules))
    if watched.reaction == Reaction.NONE:
        return ""
    sentence = _sentence(watched)
    if watched.reaction == Reaction.PAUSE:
        return _pause(annotator, DecisionKind.PAUSED, sentence, _measured(watched), now)
    _log(annotator, DecisionKind.WARNED, sentence, _measured(watched), now)
    return sentence


def _review_qualification(annotator: Annotator, rules: AssignmentRules, now: datetime) -> str:
    scores = qualification_scores(annotator)
    if not must_qualify(annotator, rules) or len(scores) < rules.qualification_questions:
        return ""
    share = sum(scores) / len(scores)
    measured = {"agreement": round(share, 6), "questions": len(scores)}
    if share >= rules.qualification_pass:
        sentence = _("You have passed the qualification. Thank you; the questions begin now.")
        _log(annotator, DecisionKind.QUALIFIED, sentence, measured, now)
        return sentence
    sentence = _(
        "Your answers to the first questions differ too much from the expected ones, so you get no "
        "further questions for now. Please read the guidelines and write to the project's owner."
    )
    return _pause(annotator, DecisionKind.FAILED_QUALIFICATION, sentence, measured, now)


def _conduct(annotator: Annotator, rules: AssignmentRules) -> Conduct:
    """What was measured since the last decision about this annotator."""
    decisions = Decision.objects.filter(annotator=annotator).order_by("-created_at", "-id")
    latest = decisions.first()
    fresh = decisions.filter(kind__in=FRESH_STARTS).first()
    warned = decisions.filter(kind=DecisionKind.WARNED)
    if fresh is not None:
        warned = warned.filter(pk__gt=fresh.pk)
    since = latest.created_at if latest is not None else None
    return Conduct(
        gold=gold_scores(annotator, since=since, most=rules.gold_window),
        repeats=repeat_scores(annotator, since=since, most=rules.repeat_window),
        elapsed_ms=_times(annotator, since, rules.too_fast_window),
        warnings=warned.count(),
    )


def _times(annotator: Annotator, since: datetime | None, most: int) -> list[int]:
    judgments = Judgment.objects.filter(
        annotator=annotator,
        elapsed_ms__isnull=False,
        assignment__purpose=AssignmentPurpose.ORDINARY,
    )
    if since is not None:
        judgments = judgments.filter(created_at__gt=since)
    times = judgments.order_by("-position").values_list("elapsed_ms", flat=True)[:most]
    return [time for time in times if time is not None]


def _sentence(watched: Watched) -> str:
    paused = watched.reaction == Reaction.PAUSE
    what = {
        Cause.GOLD: _("Your answers to check questions often differ from the expected ones."),
        Cause.REPEATS: _("Asked the same question again, you often answered differently."),
        Cause.TOO_FAST: _("Many of your answers came faster than the texts can be read."),
    }[watched.cause or Cause.GOLD]
    if paused:
        then = _(
            "Your judging is paused. Everything you submitted is safe; "
            "please write to the project's owner."
        )
    else:
        then = _("Please take your time and read the guidelines again; then go on.")
    return f"{what} {then}"


def _measured(watched: Watched) -> Mapping[str, object]:
    return {"cause": str(watched.cause), "measured": round(watched.measured, 6)}


def _pause(
    annotator: Annotator,
    kind: DecisionKind,
    sentence: str,
    measured: Mapping[str, object],
    now: datetime,
) -> str:
    annotator.paused_at, annotator.paused_because = now, sentence
    annotator.save(update_fields=["paused_at", "paused_because"])
    _log(annotator, kind, sentence, measured, now)
    return sentence


def _log(
    annotator: Annotator,
    kind: DecisionKind,
    sentence: str,
    measured: Mapping[str, object],
    now: datetime,
) -> None:
    Decision.objects.create(
        project_id=annotator.project_id,
        annotator=annotator,
        kind=kind,
        sentence=sentence,
        measured=dict(measured),
        created_at=now,
    )
