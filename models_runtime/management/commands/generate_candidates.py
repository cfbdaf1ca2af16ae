"""`./polyphony generate_candidates PROJECT CHECKPOINT`: have a model answer a project's prompts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from annotation.waiting import WorkNotDone, wait_until_done
from models_runtime.checkpoints import checkpoint_named
from models_runtime.enqueue import request_generation
from models_runtime.errors import NotPossible
from models_runtime.models import GenerationJob


class Command(BaseCommand):
    help = "Have a checkpoint write candidates for a project's prompts, in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("checkpoint", help="the checkpoint's name")
        parser.add_argument("--per-prompt", type=int, default=1, metavar="N")
        parser.add_argument("--seed", type=int, help="drawn at random if not given")
        parser.add_argument("--max-cost", type=float)
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait for the candidates this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        try:
            job = request_generation(
                project,
                checkpoint_named(project, options["checkpoint"]),
                per_prompt=options["per_prompt"],
                seed=options["seed"],
                max_cost=options["max_cost"],
            )
            if options["wait"] is None:
                self.stdout.write(f"Job {job.public_id} waits for a worker.")
                return
            self.stdout.write(_sentence(wait_until_done(job, timeout=options["wait"])))
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal


def _sentence(job: GenerationJob) -> str:
    made = f"{job.generations.count():,} candidates by {job.checkpoint.label}"
    return f"{made}. {job.notice}" if job.notice else made
