"""Whether a judge may label: what the project's owner asks, the judge's card, and who let it
through. Nothing here is ever changed, only added to, so it can be read who decided what and when.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from annotation.models import Project, User, WorkState
from models_runtime.audits import Grade
from models_runtime.errors import NotPossible
from models_runtime.models import AuditJob, AuditRule, AuditWaiver, Checkpoint


@dataclass(frozen=True)
class Standing:
    """A judge's card and what it says; `waiver` is somebody's knowing leave, given after it."""

    card: AuditJob | None
    grade: Grade
    waiver: AuditWaiver | None

    @property
    def is_good(self) -> bool:
        return self.card is not None and self.grade in {Grade.PASS, Grade.WARN}


def demands_card(project: Project) -> bool:
    """Whether judges need a card before they label here: yes, unless the owner said otherwise."""
    newest = AuditRule.objects.filter(project=project).order_by("-id").first()
    return newest is None or newest.demands_card


def set_rule(project: Project, *, demands: bool, user: User | None) -> AuditRule:
    """Write down what the owner asks of judges from now on."""
    return AuditRule.objects.create(project=project, demands_card=demands, set_by=user)


def grade_of(card: AuditJob) -> Grade:
    """The card's verdict: fail if an audit failed, warn if one warns, pass if one passed; unknown
    where none could say."""
    grades = set(card.findings.values_list("grade", flat=True))
    for grade in (Grade.FAIL, Grade.WARN, Grade.PASS):
        if grade.value in grades:
            return grade
    return Grade.UNKNOWN


def standing(
    project: Project, checkpoint: Checkpoint, protocol: str, options: Mapping[str, Any]
) -> Standing:
    """The newest finished card of a judge in exactly this way, and the leave that goes with it."""
    way = {
        "project": project,
        "checkpoint": checkpoint,
        "protocol": protocol,
        "options": dict(options),
    }
    card = AuditJob.objects.filter(**way, state=WorkState.DONE).order_by("-id").first()
    waiver = AuditWaiver.objects.filter(**way, job=card).order_by("-id").first()
    return Standing(card, Grade.UNKNOWN if card is None else grade_of(card), waiver)


def check_may_label(
    project: Project, checkpoint: Checkpoint, protocol: str, options: Mapping[str, Any]
) -> None:
    """Raise NotPossible where the owner demands a card and this judge has none that is good, unless
    somebody let it through knowingly."""
    if not demands_card(project):
        return
    found = standing(project, checkpoint, protocol, options)
    if found.is_good or found.waiver is not None:
        return
    way = {"judge": checkpoint.label, "way": protocol}
    if found.card is None:
        raise NotPossible(
            _(
                "Judges need a card before they label in this project, and %(judge)s has none for "
                "“%(way)s” with these options. Audit it first, or let it through with a reason."
            )
            % way
        )
    failed = [each.sentence for each in found.card.findings.filter(grade=Grade.FAIL.value)]
    because = " ".join(failed) or _("None of its audits had enough data.")
    raise NotPossible(
        _(
            "%(judge)s may not label yet: its card isn't good enough. %(because)s Audit it again, "
            "choose another judge, or let it through with a reason."
        )
        % {**way, "because": because}
    )


def let_through(
    project: Project,
    checkpoint: Checkpoint,
    protocol: str,
    options: Mapping[str, Any],
    *,
    reason: str,
    user: User | None,
) -> AuditWaiver:
    """Let a judge label knowingly; logged with the card it had then. A newer card ends it. Raises
    NotPossible without a reason."""
    if not reason.strip():
        raise NotPossible(_("Say why it may label all the same. The reason is kept."))
    card = standing(project, checkpoint, protocol, options).card
    return AuditWaiver.objects.create(
        project=project,
        checkpoint=checkpoint,
        protocol=protocol,
        options=dict(options),
        job=card,
        reason=reason.strip(),
        given_by=user,
    )
