"""Choosing a rule after reading a report: who decided what, and why, kept for good.

No number can make this choice, so a report never contains it. It stands beside the report, and the
project's newest one goes into every release made after it.
"""

import json

from django.db import transaction
from django.db.models import Max

from aggregation.models import Report, RuleChoice
from annotation.models import Project, User
from annotation.phrases import say

LONGEST_REASON = 4_000


class NotChosen(Exception):
    """A choice that can't be recorded; the text says why and what to do."""


def rules_of(report: Report) -> dict[str, tuple[str, str]]:
    """(title, what it picks) of each rule that a finished report compares; empty without any."""
    decided = (json.loads(report.content) if report.content else {}).get("decisions")
    if not decided:
        return {}
    return {row["rule"]: (row["title"], row["said"]) for row in decided["rules"]}


def choose(report: Report, *, rule: str, reason: str, user: User) -> RuleChoice:
    """Record that `user` goes by this rule. Raises NotChosen for a rule that the report doesn't
    compare, or without a reason.
    """
    rules = rules_of(report)
    if not rules:
        raise NotChosen(say("This report compares no rules, so there is none to choose."))
    if rule not in rules:
        raise NotChosen(
            say("Choose one of the rules of this report: %(names)s.", names=", ".join(rules))
        )
    said = reason.strip()
    if not said or len(said) > LONGEST_REASON:
        raise NotChosen(
            say(
                "Give the reason for this choice, in at most %(longest_reason)s characters.",
                longest_reason=LONGEST_REASON,
            )
        )
    title, picks = rules[rule]
    with transaction.atomic():
        _lock(report.project_id)
        return RuleChoice.objects.create(
            report=report, rule=rule, title=title, picks=picks, reason=said, decided_by=user
        )


def newest_choice(project: Project) -> int:
    """The key of the project's newest choice, 0 without any; none below it can come later."""
    with transaction.atomic():
        _lock(project.pk)
        found = RuleChoice.objects.filter(report__project=project).aggregate(newest=Max("pk"))
    return int(found["newest"] or 0)


def standing_choice(project: Project, up_to: int) -> RuleChoice | None:
    """The project's newest choice with a key up to `up_to`."""
    return (
        RuleChoice.objects.filter(report__project=project, pk__lte=up_to)
        .select_related("report", "decided_by")
        .first()
    )


def _lock(project: int) -> None:
    Project.objects.select_for_update(no_key=True).only("pk").get(pk=project)
