"""An example of every page: each address of the URL configuration with real ids in it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import Model, QuerySet
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from aggregation.models import Release, Report, Run
from annotation.gold import may_become_gold
from annotation.models import Project, Question, Rubric, Webhook
from models_runtime.combining_rewards import combinations_of
from models_runtime.models import (
    AuditJob,
    GenerationJob,
    JudgingJob,
    ScoringJob,
    StudyJob,
)
from models_runtime.models.prompt_making import PromptJob

ELSEWHERE = re.compile(r"^(api|admin|language|healthz)")
Found = QuerySet[Any]


@dataclass(frozen=True, order=True)
class Screen:
    """A page to photograph: as whom, under which name."""

    name: str
    path: str
    who: str = "owner"
    language: str = "en"


def pages(project: Project) -> Iterator[Screen]:
    """Every address that a GET may open, for the project; several examples where they differ."""
    for name, namespace, arguments in routes():
        for number, given in enumerate(examples(name, arguments, project)):
            path = reverse(f"{namespace}:{name}" if namespace else name, kwargs=dict(given))
            yield Screen(f"{name}-{number}" if number else name, path)


def routes() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, namespace and the parameters' names of every address outside the API and the admin."""

    def walk(patterns: Any, prefix: str, namespace: str) -> Iterator[tuple[str, str, Any]]:
        for each in patterns:
            route = prefix + str(each.pattern)
            if ELSEWHERE.match(route):
                continue
            if isinstance(each, URLResolver):
                yield from walk(each.url_patterns, route, each.namespace or namespace)
            elif isinstance(each, URLPattern) and each.name:
                yield each.name, namespace, tuple(re.findall(r"<(?:\w+:)?(\w+)>", route))

    yield from walk(get_resolver().url_patterns, "", "")


def examples(
    name: str, arguments: tuple[str, ...], project: Project
) -> Iterator[Mapping[str, Any]]:
    common = {"slug": project.slug} if "slug" in arguments else {}
    if set(arguments) <= {"slug"}:
        yield common
    elif name in _OBJECTS:
        field = next(each for each in arguments if each in {"public_id", "pk", "version", "method"})
        for made in _OBJECTS[name](project):
            given = {field: getattr(made, field) if isinstance(made, Model) else made}
            yield {**common, **given, **_FURTHER.get(name, {})}


def _each_state(found: Found) -> list[Any]:
    """One of every state, in the order of the states."""
    return list(found.order_by("state", "pk").distinct("state"))


def _runs(project: Project) -> list[Any]:
    """One of every method, and one that failed."""
    rows = Run.objects.filter(project=project)
    methods = rows.filter(state="done").order_by("method", "pk").distinct("method")
    return [*methods, *rows.exclude(state="done").order_by("pk")[:1]]


def _questions(project: Project) -> list[Any]:
    found = Question.objects.filter(project=project)
    talked_over = found.filter(comments__isnull=False)[:1]
    decided = found.filter(adjudications__isnull=False)[:1]
    return [*talked_over, *decided] or list(found[:1])


def _jobs(project: Project) -> list[Any]:
    kinds: list[Any] = [GenerationJob, JudgingJob, ScoringJob, PromptJob]
    return [each for kind in kinds for each in _each_state(kind.objects.filter(project=project))]


@cache
def _studies(project: Project) -> list[Any]:
    return list(StudyJob.objects.filter(project=project).order_by("study").distinct("study"))


def _trials(project: Project) -> list[Any]:
    return list(JudgingJob.objects.filter(project=project, trial=True)[:1])


def _judging(project: Project) -> list[Any]:
    done = JudgingJob.objects.filter(project=project, trial=False, state="done")
    return list(done.filter(annotator__isnull=False)[:1])


_OBJECTS: dict[str, Callable[[Project], Any]] = {
    "question": _questions,
    "gold-item": lambda project: Question.objects.filter(
        project=project, gold_answer__isnull=False
    )[:1],
    "mark-gold": lambda project: may_become_gold(project)[:1],
    "webhook": lambda project: Webhook.objects.filter(project=project)[:1],
    "method": lambda _: ["bradley_terry", "maxmin", "schulze"],
    "run": _runs,
    "report": lambda project: Report.objects.filter(project=project).order_by("pk"),
    "release": lambda project: Release.objects.filter(project=project).order_by("version"),
    "release-changes": lambda project: Release.objects.filter(project=project, version=2),
    "combination": combinations_of,
    "job": _jobs,
    "pick": lambda project: GenerationJob.objects.filter(project=project, state="done")[:1],
    "judge-trial": _trials,
    "judge-rewards": _judging,
    "judge-verdicts": lambda project: _questions(project)[:1],
    "judge-card": lambda project: AuditJob.objects.filter(project=project).order_by("pk"),
    "study": _studies,
    "checklist": lambda project: Rubric.objects.filter(project=project).order_by("pk")[:2],
}
_FURTHER = {"release-changes": {"earlier": 1}}
