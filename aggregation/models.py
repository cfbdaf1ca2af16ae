"""Runs, snapshots and releases: what was computed from the log, and what left the house."""

import hashlib
import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from aggregation.results import AggregateResult
from annotation.models import (
    AnnotatorKind,
    Candidate,
    Project,
    Question,
    System,
    User,
    Work,
    WorkQuerySet,
)


class Items(models.TextChoices):
    """What a run scores: systems over all prompts, or the candidates of each prompt."""

    SYSTEMS = "systems", _("Systems, over all prompts")
    CANDIDATES = "candidates", _("Responses, within each prompt")


class Run(Work):
    """One aggregation: a method with its options and seed, on the log up to a mark.

    The same mark, options and seed give the same `result`, byte for byte; `replay_of` names the run
    that this one repeats to prove it. `kinds` says whose judgments take part; `criterion` is the
    text of the one criterion that is read, blank for all of them. `withdrawals` is how many people
    had withdrawn when it was asked for: theirs take no part. `input_digest` is the SHA-256 of the
    table of evidence that was read; `exclusions` counts what could not take part, by reason.
    """

    told_as = "run.finished"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    requested_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    method = models.CharField(max_length=60)
    options = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField(default=0)
    mark = models.BigIntegerField()
    kinds: "models.Field[Any, Any]" = ArrayField(
        models.CharField(max_length=20, choices=AnnotatorKind.choices)
    )
    items = models.CharField(max_length=12, choices=Items.choices, default=Items.SYSTEMS)
    criterion = models.TextField(blank=True)
    withdrawals = models.PositiveIntegerField(default=0, db_default=0)
    replay_of = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="replays"
    )
    input_digest = models.CharField(max_length=64, blank=True)
    code_version = models.CharField(max_length=100, blank=True)
    judgments = models.PositiveBigIntegerField(null=True, blank=True)
    annotators = models.PositiveIntegerField(null=True, blank=True)
    exclusions = models.JSONField(default=dict, blank=True)
    result = models.TextField(null=True, blank=True)  # noqa: DJ001 - null says "not yet", "" can't

    objects = WorkQuerySet["Run"].as_manager()

    class Meta(Work.Meta):
        ordering = ["-id"]
        constraints = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done") | Q(result__isnull=False),
                name="run_done_has_a_result",
            ),
            models.CheckConstraint(condition=Q(mark__gte=0), name="run_mark_not_negative"),
            models.CheckConstraint(condition=Q(seed__gte=0), name="run_seed_not_negative"),
            models.CheckConstraint(
                condition=Q(items__in=[items.value for items in Items]),
                name="run_items_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(kinds=[]), name="run_reads_at_least_one_kind_of_annotator"
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="runs_of_project")]

    def __str__(self) -> str:
        return f"{self.method} of {self.project} at {self.mark}"

    def aggregate(self) -> AggregateResult:
        """The stored result. Raises ValueError when the run has none."""
        if self.result is None:
            raise ValueError(f"Run {self.public_id} has no result.")
        return AggregateResult.from_json(self.result)

    @property
    def result_digest(self) -> str:
        """SHA-256 of the stored result's bytes; empty without one."""
        return "" if self.result is None else hashlib.sha256(self.result.encode()).hexdigest()

    @property
    def is_identical_replay(self) -> bool | None:
        """Whether this replay gave its original's bytes; None for other runs or unfinished ones."""
        if self.replay_of is None or self.result is None:
            return None
        return self.result == self.replay_of.result


class Examination(Work):
    """One look at a run's judgments or at the run itself: how much people agree, how sturdy a
    winner is, how many more judgments are needed.

    `subject` names what is examined; `beside` are further runs on the same judgments, for subjects
    that compare rules. The same run, options and seed give the same `report`.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="examinations")
    beside = models.ManyToManyField(Run, related_name="+", blank=True)
    requested_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    subject = models.CharField(max_length=40)
    options = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField(default=0)
    code_version = models.CharField(max_length=100, blank=True)
    report = models.JSONField(null=True, blank=True)

    objects = WorkQuerySet["Examination"].as_manager()

    class Meta(Work.Meta):
        ordering = ["-id"]
        constraints = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done") | Q(report__isnull=False),
                name="examination_done_has_a_report",
            ),
            models.CheckConstraint(condition=Q(seed__gte=0), name="examination_seed_not_negative"),
        ]
        indexes = [models.Index(fields=["run", "subject", "-id"], name="examinations_of_run")]

    def __str__(self) -> str:
        return f"{self.subject} of {self.run}"


class Steering(models.Model):
    """Whether, and by which rule, the order of a project's questions follows what was learnt.

    Off unless an owner switches it on. `floor` is the share of chance that is spread evenly over
    all open questions, so that every one of them keeps being asked; `every` is how many new
    judgments call for a new order.
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="steering")
    is_on = models.BooleanField(default=False)
    rule = models.CharField(max_length=40)
    floor = models.FloatField(default=0.1)
    every = models.PositiveIntegerField(default=100)
    seed = models.BigIntegerField(default=0)
    changed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(floor__gt=0) & Q(floor__lte=1), name="steering_floor_is_a_share"
            ),
            models.CheckConstraint(condition=Q(every__gte=1), name="steering_every_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.project}: {self.rule if self.is_on else 'off'}"


class PriorityRound(Work):
    """One new order of a project's open questions, drawn by a rule from the log up to a mark.

    A blank `rule` gives every question back the priority it had before any steering. `groups_of`
    is the run whose groups a rule on groups went by.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="priority_rounds")
    requested_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    rule = models.CharField(max_length=40, blank=True)
    floor = models.FloatField(default=1.0)
    seed = models.BigIntegerField(default=0)
    mark = models.BigIntegerField()
    judgments = models.PositiveBigIntegerField(null=True, blank=True)
    open_questions = models.PositiveBigIntegerField(null=True, blank=True)
    groups_of = models.ForeignKey(
        Run, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = WorkQuerySet["PriorityRound"].as_manager()

    class Meta(Work.Meta):
        ordering = ["-id"]
        constraints = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=Q(floor__gt=0) & Q(floor__lte=1), name="priority_round_floor_is_a_share"
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=Q(state__in=["queued", "running"]),
                name="one_open_priority_round_per_project",
            ),
        ]

    def __str__(self) -> str:
        return f"order of {self.project} at {self.mark}"


class PriorityChange(models.Model):
    """A question's priority as a round wrote it. Append-only: the log of why who was asked what.

    `place` is its place in the drawn order, from 0, and `propensity` the chance with which it was
    drawn there, given the places before; both are null where the question went back to `base`, the
    priority it has without steering. `value` is what the rule says its answer is worth.
    """

    round = models.ForeignKey(PriorityRound, on_delete=models.CASCADE, related_name="changes")
    question = models.ForeignKey(
        Question, on_delete=models.CASCADE, related_name="priority_changes"
    )
    place = models.PositiveIntegerField(null=True, blank=True)
    propensity = models.FloatField(null=True, blank=True)
    value = models.FloatField(null=True, blank=True)
    base = models.FloatField()
    priority = models.FloatField()

    class Meta:
        ordering = ["round", "place", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["round", "question"], name="one_priority_change_per_round_and_question"
            ),
            models.CheckConstraint(
                condition=Q(propensity__isnull=True) | Q(propensity__gt=0, propensity__lte=1),
                name="priority_change_propensity_is_a_chance",
            ),
            models.CheckConstraint(
                condition=Q(place__isnull=True, propensity__isnull=True)
                | Q(place__isnull=False, propensity__isnull=False),
                name="priority_change_drawn_with_a_chance",
            ),
        ]
        indexes = [models.Index(fields=["question", "-id"], name="priority_changes_of_question")]

    def __str__(self) -> str:
        return f"{self.question}: {self.priority}"


class Score(models.Model):
    """One item's score in one run. Null stands for "not defined", never for zero."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="scores")
    position = models.PositiveIntegerField()
    item = models.TextField()
    system = models.ForeignKey(System, on_delete=models.CASCADE, null=True, blank=True)
    candidate = models.ForeignKey(Candidate, on_delete=models.CASCADE, null=True, blank=True)
    judgments = models.PositiveBigIntegerField()
    score = models.FloatField(null=True, blank=True)
    se = models.FloatField(null=True, blank=True)
    lo = models.FloatField(null=True, blank=True)
    hi = models.FloatField(null=True, blank=True)
    rank = models.PositiveIntegerField(null=True, blank=True)
    rank_lo = models.PositiveIntegerField(null=True, blank=True)
    rank_hi = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["run", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="one_score_per_run_and_place"),
            models.CheckConstraint(
                condition=Q(system__isnull=True) | Q(candidate__isnull=True),
                name="score_is_of_a_system_or_a_candidate",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item}: {self.score}"


class Snapshot(models.Model):
    """The project's log as it stood at `mark`. Frozen: a later reading must give the same digest.

    `digest` is the SHA-256 over all counted judgments in order of the log; `counts` holds how many
    there are, by how many annotators, on how many questions, and how many were parked or replaced.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="snapshots")
    mark = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    counts = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "mark"], name="one_snapshot_per_project_and_mark"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project} at {self.mark}"


class Release(Work):
    """A published dataset: files under `folder`, whole and signed, or not visible at all.

    Only a release whose state is `done` is shown, listed by the API or handed out. `curation` is
    the policy by which judgments became rows; `skips` was counted when the release was asked for.
    `withdrawals` is how many people had withdrawn from the project by then: their judgments are
    left out, and a later withdrawal doesn't change what this release is. `adjudications` is the key
    of the newest reviewers' verdict that it knows of, 0 for none; `rule_choices` likewise that of
    the newest choice of a rule.
    The manifest on disk is the truth about the files; `manifest` is its copy for the pages.
    """

    told_as = "release.finished"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    version = models.PositiveIntegerField()
    requested_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    notes = models.TextField(blank=True)
    licence = models.CharField(max_length=200, blank=True)
    exports: "models.Field[Any, Any]" = ArrayField(models.CharField(max_length=60))
    curation = models.JSONField(default=dict, blank=True)
    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, null=True, blank=True, related_name="releases"
    )
    mark = models.BigIntegerField()
    skips = models.PositiveBigIntegerField(default=0)
    withdrawals = models.PositiveIntegerField(default=0, db_default=0)
    adjudications = models.PositiveBigIntegerField(default=0, db_default=0)
    rule_choices = models.PositiveBigIntegerField(default=0, db_default=0)
    snapshot = models.ForeignKey(
        Snapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="releases"
    )
    folder = models.CharField(max_length=300, blank=True)
    manifest = models.JSONField(null=True, blank=True)
    manifest_digest = models.CharField(max_length=64, blank=True)

    objects = WorkQuerySet["Release"].as_manager()

    class Meta(Work.Meta):
        ordering = ["-version"]
        constraints = [
            *Work.Meta.constraints,
            models.UniqueConstraint(
                fields=["project", "version"], name="one_release_per_project_and_version"
            ),
            models.CheckConstraint(
                condition=(
                    ~Q(state="done")
                    | (
                        Q(snapshot__isnull=False, manifest__isnull=False)
                        & ~Q(folder="")
                        & ~Q(manifest_digest="")
                    )
                ),
                name="release_done_is_whole",
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="release_version_from_one"),
            models.CheckConstraint(
                condition=~Q(exports=[]), name="release_has_at_least_one_export"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project} v{self.version}"

    def files(self) -> list[dict[str, Any]]:
        """The data files as the manifest lists them; empty before the release is whole."""
        return list((self.manifest or {}).get("files", []))


class Check(Work):
    """One examination of a release: its signature, hashes and counts, and, if asked, a rebuild.

    `report` lists the single checks: {"name", "passed", "sentence"}.
    """

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="checks")
    rebuild = models.BooleanField(default=False)
    report = models.JSONField(null=True, blank=True)

    objects = WorkQuerySet["Check"].as_manager()

    class Meta(Work.Meta):
        ordering = ["-id"]
        constraints = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done") | Q(report__isnull=False),
                name="check_done_has_a_report",
            ),
        ]

    def __str__(self) -> str:
        return f"check of {self.release}"

    @property
    def passed(self) -> bool | None:
        """Whether every single check passed; None before the report is there."""
        return None if self.report is None else all(check["passed"] for check in self.report)


class Level(models.TextChoices):
    """What a report compares: systems, the responses of each prompt, or answers to statements."""

    SYSTEMS = "systems", _("Systems, over all prompts")
    RESPONSES = "responses", _("Responses, within each prompt")
    STATEMENTS = "statements", _("Yes or no to each line of a checklist")


class Report(Work):
    """A pluralistic report on the log up to a mark.

    The same mark, options and seed give the same `content` (JSON), byte for byte; `replay_of` names
    the report that this one repeats to prove it. Nothing in it is about fewer than five people.
    `withdrawals` is how many people had withdrawn when it was asked for: theirs take no part.
    Progress counts a hundred steps for seeking groups, then resamples of people.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reports")
    requested_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    options = models.JSONField(default=dict, blank=True)
    seed = models.BigIntegerField(default=0)
    mark = models.BigIntegerField()
    kinds: "models.Field[Any, Any]" = ArrayField(
        models.CharField(max_length=20, choices=AnnotatorKind.choices)
    )
    level = models.CharField(max_length=12, choices=Level.choices, default=Level.SYSTEMS)
    withdrawals = models.PositiveIntegerField(default=0, db_default=0)
    replay_of = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, blank=True, related_name="replays"
    )
    code_version = models.CharField(max_length=100, blank=True)
    content = models.TextField(null=True, blank=True)  # noqa: DJ001 - null says "not yet", "" can't

    objects = WorkQuerySet["Report"].as_manager()

    class Meta(Work.Meta):
        ordering = ["-id"]
        constraints = [
            *Work.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(state="done") | Q(content__isnull=False),
                name="report_done_has_content",
            ),
            models.CheckConstraint(condition=Q(mark__gte=0), name="report_mark_not_negative"),
            models.CheckConstraint(condition=Q(seed__gte=0), name="report_seed_not_negative"),
            models.CheckConstraint(
                condition=Q(level__in=[level.value for level in Level]),
                name="report_level_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(kinds=[]), name="report_reads_at_least_one_kind_of_annotator"
            ),
        ]
        indexes = [models.Index(fields=["project", "-id"], name="reports_of_project")]

    def __str__(self) -> str:
        return f"report on {self.project} at {self.mark}"

    @property
    def content_digest(self) -> str:
        """SHA-256 of the stored report's bytes; empty without one."""
        return "" if self.content is None else hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def is_identical_replay(self) -> bool | None:
        """Whether this replay gave its original's bytes; None for others or unfinished ones."""
        if self.replay_of is None or self.content is None:
            return None
        return self.content == self.replay_of.content


class RuleChoice(models.Model):
    """Which rule somebody decided to go by, and why, after reading a report. Append-only; the
    newest one of a project stands, and goes into its releases.

    `rule` is one of the report's rules, `title` and `picks` what the report calls it and what it
    picks there.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="choices")
    rule = models.CharField(max_length=60)
    title = models.CharField(max_length=120)
    picks = models.TextField()
    reason = models.TextField()
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="rule_choices")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(rule=""), name="rule_choice_names_a_rule"),
            models.CheckConstraint(condition=~Q(reason=""), name="rule_choice_gives_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.title}, {self.created_at:%Y-%m-%d %H:%M}"
