"""`./polyphony measure_candidates PROJECT CHECKPOINT SCORER`: rewards, embeddings and the like."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from annotation.waiting import WorkNotDone, wait_until_done
from models_runtime.catalogue import SCORERS
from models_runtime.checkpoints import checkpoint_named
from models_runtime.enqueue import request_scoring
from models_runtime.errors import NotPossible
from models_runtime.management.options import option
from models_runtime.management.telling import takes_words
from models_runtime.models import ScoringJob
from models_runtime.presenting import measured_by
from models_runtime.scoring_estimates import estimate_scoring


class Command(BaseCommand):
    help = "Have a checkpoint measure a project's candidates, in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("checkpoint", help="the checkpoint's name")
        parser.add_argument("scorer", choices=sorted(SCORERS))
        parser.add_argument("--partner", help="the weaker checkpoint of a log-density ratio")
        parser.add_argument(
            "--setting",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a setting of the measure, its value in JSON or plain text; may be repeated",
        )
        parser.add_argument("--again", action="store_true", help="also what was measured before")
        parser.add_argument("--seed", type=int, help="drawn at random if not given")
        parser.add_argument("--max-cost", type=float)
        parser.add_argument("--estimate", action="store_true", help="what it would take; no start")
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait for the measurements this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        try:
            partner = options["partner"]
            checkpoint = checkpoint_named(project, options["checkpoint"])
            asked: dict[str, Any] = {
                "scorer": options["scorer"],
                "settings": dict(map(option, options["setting"])),
                "partner": checkpoint_named(project, partner) if partner else None,
                "again": options["again"],
            }
            if options["estimate"]:
                self.stdout.write(takes_words(estimate_scoring(project, checkpoint, **asked)))
                return
            capped = {"seed": options["seed"], "max_cost": options["max_cost"]}
            job = request_scoring(project, checkpoint, **asked, **capped)
            if options["wait"] is None:
                self.stdout.write(f"Job {job.public_id} waits for a worker.")
                return
            self.stdout.write(_sentences(wait_until_done(job, timeout=options["wait"])))
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal


def _sentences(job: ScoringJob) -> str:
    lines = [f"{job.progress_total:,} candidates, measured by {job.checkpoint.label}. {job.notice}"]
    for each in measured_by(job):
        mean = "vectors" if each.mean is None else f"mean {each.mean:.4g}"
        lines.append(f"  {each.name}: {each.count:,}, {mean}")
    return "\n".join(lines)
