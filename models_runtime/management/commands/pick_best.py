"""`./polyphony pick_best PROJECT SELECTOR`: the best of each prompt's candidates."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from annotation.models import Project
from models_runtime.catalogue import SELECTORS
from models_runtime.errors import NotPossible
from models_runtime.management.options import option
from models_runtime.models import GenerationJob
from models_runtime.picking import pick_best
from models_runtime.picking_inputs import Input


class Command(BaseCommand):
    help = "Pick one candidate per prompt by a selector; kept as measurements."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("selector", choices=sorted(SELECTORS))
        parser.add_argument(
            "--input",
            action="append",
            default=[],
            metavar="INPUT=NAME[@SOURCE]",
            help="the measurement an input is read from, such as weight=p_yes; may be repeated",
        )
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="of the selector, such as share=0.2; may be repeated",
        )
        parser.add_argument("--job", help="only candidates that this generation job wrote; its id")
        parser.add_argument("--prompt", default="", help="only this prompt; its external id")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        inputs = {}
        for written in options["input"]:
            field, equals, told = written.partition("=")
            if not equals:
                raise CommandError(f"Write an input as INPUT=NAME, not {written!r}.")
            name, _, source = told.partition("@")
            inputs[field] = Input(name, source)
        job = _job(project, options["job"]) if options["job"] else None
        try:
            picked = pick_best(
                project,
                options["selector"],
                inputs=inputs,
                options=dict(map(option, options["option"])),
                job=job,
                prompt=options["prompt"],
            )
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from refusal
        for pick in picked.picks:
            self.stdout.write(f"{pick.prompt}: {pick.candidate} of {pick.n}. {pick.reason}")
        for prompt, reason in picked.left_out.items():
            self.stdout.write(f"{prompt}: none. {reason}")


def _job(project: Project, written: str) -> GenerationJob:
    try:
        return GenerationJob.objects.get(project=project, public_id=UUID(written))
    except (ValueError, GenerationJob.DoesNotExist) as error:
        raise CommandError(f"This project has no generation job {written}.") from error
