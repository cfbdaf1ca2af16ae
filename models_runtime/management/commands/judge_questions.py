"""`./polyphony judge_questions PROJECT CHECKPOINT`: have a model judge a project's questions."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from annotation.waiting import WorkNotDone, wait_until_done
from models_runtime.catalogue import PROTOCOLS
from models_runtime.checkpoints import checkpoint_named
from models_runtime.enqueue import DEFAULT_PROTOCOL, let_all_through, request_judging
from models_runtime.errors import NotPossible
from models_runtime.models import JudgingJob


class Command(BaseCommand):
    help = "Have a checkpoint judge a project's questions, in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("checkpoint", help="the checkpoint's name")
        parser.add_argument("--protocol", default=DEFAULT_PROTOCOL, choices=sorted(PROTOCOLS))
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="an option of the protocol, such as reducer=score_mean; may be repeated",
        )
        parser.add_argument(
            "--seat",
            action="append",
            default=[],
            metavar="SEAT=CHECKPOINT",
            help="the model in a further seat of the protocol; may be repeated",
        )
        parser.add_argument("--seed", type=int, help="drawn at random if not given")
        parser.add_argument("--max-cost", type=float)
        parser.add_argument(
            "--without-card",
            metavar="REASON",
            help="let judges label that have no good card, and say why; the reason is kept",
        )
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait for the verdicts this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        try:
            judge, way = checkpoint_named(project, options["checkpoint"]), options["protocol"]
            chosen = dict(read_option(each) for each in options["option"])
            seats = {
                name: checkpoint_named(project, value)
                for name, _, value in (each.partition("=") for each in options["seat"])
            }
            if options["without_card"] is not None:
                let_all_through(
                    project, judge, way, chosen, seats, reason=options["without_card"], user=None
                )
            job = request_judging(
                project,
                judge,
                protocol=way,
                options=chosen,
                seats=seats,
                seed=options["seed"],
                max_cost=options["max_cost"],
            )
            if options["wait"] is None:
                self.stdout.write(f"Job {job.public_id} waits for a worker.")
                return
            self.stdout.write(_sentence(wait_until_done(job, timeout=options["wait"])))
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal


def read_option(text: str) -> tuple[str, Any]:
    """NAME=VALUE, the value read as JSON where it is JSON and as text elsewhere."""
    name, sign, value = text.partition("=")
    if not sign:
        raise CommandError(f"Write options as NAME=VALUE, not “{text}”.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _sentence(job: JudgingJob) -> str:
    if job.annotator is None:
        made = job.items.filter(outcome="given").count()
        told = f"{made:,} of {job.progress_total:,} prompts done by {job.checkpoint.label}"
    else:
        verdicts = job.items.filter(judgment__isnull=False).count()
        told = f"{verdicts:,} of {job.progress_total:,} questions judged by {job.checkpoint.label}"
    return f"{told}. {job.notice}" if job.notice else told
