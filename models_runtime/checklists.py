"""Checklists that a model wrote, in the hands of people: edited, frozen, asked."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Criterion, CriterionKind, Project, Question, Rubric, User
from annotation.questions import ask_each
from models_runtime.errors import NotPossible
from models_runtime.judging.checklists import review
from models_runtime.models import StudyJob

MOST_ITEMS = 20


def checklists_of(project: Project) -> list[Rubric]:
    """Checklists of single prompts and criteria mined for all, drafts first, then the newest."""
    mined = StudyJob.objects.filter(project=project, rubric__isnull=False)
    rubrics = Rubric.objects.filter(project=project).filter(
        Q(prompt__isnull=False) | Q(name__in=mined.values("rubric__name"))
    )
    rubrics = rubrics.exclude(criteria__kind=CriterionKind.SCALE)
    rows = rubrics.select_related("prompt").prefetch_related("criteria").order_by("-id")
    return sorted(rows, key=lambda rubric: rubric.frozen_at is not None)


def doubts_about(rubric: Rubric) -> list[str]:
    """What a person should look at before freezing it; mined criteria are no questions."""
    if rubric.prompt_id is None:
        return []
    reviewed = review([each.text for each in rubric.criteria.all()])
    return [*reviewed.faults, *reviewed.doubts]


def rewrite(rubric: Rubric, items: Sequence[str], *, user: User) -> Rubric:
    """The checklist with these items: the draft itself, or a new version of one that is frozen.
    An item that keeps its words keeps its weight.

    Raises NotPossible for a list that can't be asked.
    """
    texts = [" ".join(item.split()) for item in items if item.strip()]
    if not 1 <= len(texts) <= MOST_ITEMS:
        raise NotPossible(_("A checklist has 1 to %(most)s questions.") % {"most": MOST_ITEMS})
    if len({text.casefold() for text in texts}) < len(texts):
        raise NotPossible(_("Two questions of the checklist are the same. Leave one out."))
    with transaction.atomic():
        held = Rubric.objects.select_for_update(of=("self",)).get(pk=rubric.pk)
        if held.frozen_at is not None:
            held = _new_version(held, user)
        weights = dict(rubric.criteria.values_list("text", "weight"))
        held.criteria.all().delete()
        Criterion.objects.bulk_create(
            Criterion(
                rubric=held, position=place, text=text, kind=CriterionKind.YES_NO,
                weight=weights.get(text, 1.0),
            )
            for place, text in enumerate(texts)
        )  # fmt: skip
    return held


def _new_version(rubric: Rubric, user: User) -> Rubric:
    named = Rubric.objects.filter(project_id=rubric.project_id, name=rubric.name)
    newest = named.order_by("-version").values_list("version", flat=True)[0]
    return Rubric.objects.create(
        project_id=rubric.project_id,
        prompt_id=rubric.prompt_id,
        name=rubric.name,
        version=newest + 1,
        written_by=str(user)[:200],
    )


def freeze(rubric: Rubric, *, asks: bool = False) -> int:
    """Freeze a draft, so that judges may use it; with `asks`, ask people and judges its questions
    about every response to its prompt. Returns how many questions were asked. Raises NotPossible.
    """
    if not rubric.criteria.exists():
        raise NotPossible(_("This checklist is empty. Write at least one question."))
    with transaction.atomic():
        Rubric.objects.filter(pk=rubric.pk, frozen_at__isnull=True).update(frozen_at=timezone.now())
        if not asks:
            return 0
        if rubric.prompt is None:
            raise NotPossible(_("Criteria for all prompts are asked of judges, pair by pair."))
        asked = ask_each(
            project=rubric.project,
            prompts=[rubric.prompt],
            judgment_type="checklist",
            rubric=rubric,
        )
    return len(asked.questions)


def asked_with(rubric: Rubric) -> int:
    """How many questions use this checklist."""
    return Question.objects.filter(rubric=rubric).count()


def is_mined(rubric: Rubric) -> bool:
    """Whether a version of this rubric was made of criteria that a study mined."""
    return StudyJob.objects.filter(project_id=rubric.project_id, rubric__name=rubric.name).exists()
