"""`./polyphony ask --project SLUG`: turn candidates into questions."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.asking import Plan, ask_about_all
from annotation.catalogue import JUDGMENT_TYPES
from annotation.errors import AnnotationError
from annotation.intake.reports import told_count
from annotation.models import Project
from annotation.pairing import DESIGNS, Design
from annotation.questions import Asked


class Command(BaseCommand):
    help = (
        "Ask questions about a project's candidates: which of two, by a design, in which order "
        "several are, or about every single one, as its judgment type needs. Asking again adds "
        "only what is new."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--project", required=True, metavar="SLUG")
        add("--judgment-type", choices=sorted(JUDGMENT_TYPES), help="default: the project's")
        add("--design", choices=list(DESIGNS), default="all", help="which pairs (default: all)")
        add("--per-prompt", type=int, help="pairs or slates per prompt; no matter for all")
        add("--size", type=int, default=4, help="responses in a slate to be ranked (default: 4)")
        add("--seed", type=int, help="default: the project's")
        add("--overlap", type=int, help="judgments per question (default: the project's)")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project “{options['project']}”.")
        try:
            self.stdout.write(_told(_ask(project, options)))
        except (AnnotationError, ValueError) as error:
            raise CommandError(str(error)) from error


def _ask(project: Project, options: dict[str, Any]) -> Asked:
    kind = options["judgment_type"] or project.judgment_type
    plan = Plan(
        Design(options["design"], options["per_prompt"]), options["size"], options["per_prompt"]
    )
    return ask_about_all(
        project, plan, judgment_type=kind, seed=options["seed"], overlap=options["overlap"]
    )


def _told(asked: Asked) -> str:
    told = [f"Asked {told_count('questions', len(asked.questions))}."]
    if asked.already_there:
        told.append(f"Already there: {asked.already_there:,}.")
    if asked.identical:
        told.append(f"Left out as identical: {asked.identical:,}; there is nothing to choose.")
    if asked.too_few:
        prompts = told_count("prompts", asked.too_few)
        told.append(f"Left out {prompts} with fewer than two responses.")
    return " ".join(told)
