"""Small worlds for the runtime's tests: a project with prompts, questions and checkpoints."""

from typing import Any

from annotation.content import add_candidate, add_prompt
from annotation.models import Candidate, Placement, Project, Question
from models_runtime import audit_gate
from models_runtime.checkpoints import register
from models_runtime.models import Checkpoint
from tests.cast import make_project

TOPICS = ("noise", "rent", "snow", "bikes", "cats", "tips", "queues", "gifts", "loans", "shoes")


def project_with_prompts(count: int, slug: str = "advice", **fields: Any) -> Project:
    project = make_project(slug, **fields)
    for number in range(count):
        add_prompt(project=project, messages=ask(number), external_id=f"p{number:04}")
    return project


def ask(number: int) -> str:
    return f"What should I do about {TOPICS[number % len(TOPICS)]} in house {number}?"


def without_cards(project: Project) -> None:
    """Let judges label here without a card: most tests are about what they say, not about leave."""
    if not project.audit_rules.exists():
        audit_gate.set_rule(project, demands=False, user=None)


def scripted(project: Project, name: str = "amber", **options: Any) -> Checkpoint:
    """A scripted checkpoint of a project whose judges need no card, unless a test said they do."""
    without_cards(project)
    return register(project=project, name=name, engine="scripted", model=name, options=options)


def served(project: Project, url: str, name: str = "server", **options: Any) -> Checkpoint:
    without_cards(project)
    quick = {"backoff": 0.01, "timeout": 5.0, "retries": 1}
    return register(
        project=project,
        name=name,
        engine="openai_compatible",
        model="amber",
        base_url=url,
        options=quick | options,
    )


def pair(project: Project, number: int, first: str, second: str) -> Question:
    """A question about two given responses."""
    prompt = add_prompt(project=project, messages=ask(number), external_id=f"q{number:04}")
    question = Question.objects.create(
        project=project,
        prompt=prompt,
        judgment_type="pairwise",
        external_id=f"question-{number:04}",
        overlap=project.overlap,
    )
    candidates: list[Candidate] = [
        add_candidate(prompt=prompt, text=text, external_id=f"{number}-{place}")
        for place, text in enumerate((first, second))
    ]
    Placement.objects.bulk_create(
        Placement(question=question, candidate=candidate, position=place)
        for place, candidate in enumerate(candidates)
    )
    return question
