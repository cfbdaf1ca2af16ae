"""`./polyphony judge_questions PROJECT CHECKPOINT`: have a model judge a project's questions."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from annotation.waiting import WorkNotDone, wait_until_done
from models_runtime.checkpoints import checkpoint_named
from models_runtime.enqueue import DEFAULT_REDUCER, DEFAULT_TEMPLATE, request_judging
from models_runtime.errors import NotPossible
from models_runtime.models import JudgingJob


class Command(BaseCommand):
    help = "Have a checkpoint judge a project's pairwise questions, in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("checkpoint", help="the checkpoint's name")
        parser.add_argument("--template", default=DEFAULT_TEMPLATE)
        parser.add_argument("--reducer", default=DEFAULT_REDUCER)
        parser.add_argument(
            "--one-order", action="store_true", help="ask each pair once, not in both orders"
        )
        parser.add_argument("--seed", type=int, help="drawn at random if not given")
        parser.add_argument("--max-cost", type=float)
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait for the verdicts this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        try:
            job = request_judging(
                project,
                checkpoint_named(project, options["checkpoint"]),
                template=options["template"],
                reducer=options["reducer"],
                both_orders=not options["one_order"],
                seed=options["seed"],
                max_cost=options["max_cost"],
            )
            if options["wait"] is None:
                self.stdout.write(f"Job {job.public_id} waits for a worker.")
                return
            self.stdout.write(_sentence(wait_until_done(job, timeout=options["wait"])))
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal


def _sentence(job: JudgingJob) -> str:
    verdicts = job.items.filter(judgment__isnull=False).count()
    told = f"{verdicts:,} of {job.progress_total:,} questions judged by {job.checkpoint.label}"
    return f"{told}. {job.notice}" if job.notice else told
