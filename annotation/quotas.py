"""Quotas of groups over a whole project: how many judgments each gives, and who gets no more.

A judgment belongs to the group that its author declared when it was given, a question in hand to
the present one. Amended, parked and checking answers don't count again, and models never do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from annotation.assignment.rules import REST, AssignmentRules
from annotation.errors import QuotaFull
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    AssignmentPurpose,
    Profile,
    Project,
    Tally,
)
from annotation.project_rules import group_of, rules_of


@dataclass(frozen=True, slots=True)
class Quota:
    """What one group was asked for and gave; "*" is everybody in no named group."""

    group: str
    judgments: int
    wanted: int

    @property
    def is_full(self) -> bool:
        return self.judgments >= self.wanted

    @property
    def beyond(self) -> int:
        """How many more than asked for: answers that were late, kept all the same."""
        return max(0, self.judgments - self.wanted)


def quotas(project: Project) -> Sequence[Quota]:
    """The project's quotas with what was given so far; empty where it has none."""
    rules = rules_of(project)
    return [
        Quota(group, _given(project, rules, group), wanted)
        for group, wanted in rules.judgments_per_group.items()
    ]


def refuse_beyond_quota(annotator: Annotator, rules: AssignmentRules, now: datetime) -> None:
    """Raise QuotaFull if the annotator's group gives no more. In a transaction.

    Whoever asks for a question of the same group waits until its end, so that of two people at once
    only one gets the last. A question in hand is never taken away, even when its lease is over.
    """
    declared = group_of(annotator, rules)
    group = declared if declared in rules.judgments_per_group else REST
    wanted = rules.judgments_per_group.get(group)
    if wanted is None:
        return
    with connection.cursor() as cursor:
        ticket = f"quota/{annotator.project_id}/{group}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [ticket])
    given = _given(annotator.project, rules, group)
    if given < wanted:
        given += _in_hand(annotator.project, rules, group, now)[:wanted].count()
    if given >= wanted:
        raise QuotaFull


def _given(project: Project, rules: AssignmentRules, group: str) -> int:
    """From the tallies of the group's people: a handful of rows, however long the log is."""
    found = Tally.objects.filter(annotator__project=project)
    declared = KeyTextTransform(rules.group_by, "profile__attributes")
    mine = _of_group(found.alias(group=_text(declared)), rules, group)
    return int(mine.aggregate(n=Sum("judgments", default=0))["n"])


def _in_hand(
    project: Project, rules: AssignmentRules, group: str, now: datetime
) -> QuerySet[Assignment]:
    found = (
        Assignment.objects.holding(now)
        .filter(annotator__project=project, purpose=AssignmentPurpose.ORDINARY)
        .exclude(annotator__kind=AnnotatorKind.MODEL)
    )
    newest = Profile.objects.filter(annotator=OuterRef("annotator")).order_by("-version")
    declared = newest.annotate(said=KeyTextTransform(rules.group_by, F("attributes")))
    said = Subquery(declared.values("said")[:1], output_field=TextField())
    return _of_group(found.order_by().alias(group=_text(said)), rules, group)


def _text(declared: Any) -> Coalesce:
    return Coalesce(declared, Value(""), output_field=TextField())


def _of_group(found: QuerySet[Any], rules: AssignmentRules, group: str) -> QuerySet[Any]:
    named: Collection[str] = [each for each in rules.judgments_per_group if each != REST]
    return found.exclude(group__in=named) if group == REST else found.filter(group=group)
