"""`./polyphony write_prompts PROJECT CHECKPOINT`: have a model write prompts after a project's."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from annotation.waiting import WorkNotDone, wait_until_done
from models_runtime.checkpoints import checkpoint_named
from models_runtime.errors import NotPossible
from models_runtime.management.options import option
from models_runtime.management.telling import takes_words
from models_runtime.models import PromptJob
from models_runtime.models.prompt_making import PARAPHRASE, SYNTHESIS
from models_runtime.presenting import fates_of
from models_runtime.prompt_requests import estimate_prompts, request_prompts


class Command(BaseCommand):
    help = "Have a checkpoint write new prompts, or twins in other words, in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("checkpoint", help="the checkpoint's name")
        parser.add_argument("--kind", choices=(SYNTHESIS, PARAPHRASE), default=SYNTHESIS)
        parser.add_argument("--calls", type=int, default=10, metavar="N")
        parser.add_argument(
            "--setting",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="of the filters, such as rollouts=4; may be repeated",
        )
        parser.add_argument(
            "--from",
            action="append",
            dest="seeds",
            metavar="PROMPT",
            help="a prompt to start from, by its external id; may be repeated; else all by people",
        )
        parser.add_argument("--estimate", action="store_true", help="what it would take; no start")
        parser.add_argument("--seed", type=int, help="drawn at random if not given")
        parser.add_argument("--max-cost", type=float)
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait for the prompts this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        try:
            checkpoint = checkpoint_named(project, options["checkpoint"])
            asked: dict[str, Any] = {
                "kind": options["kind"],
                "calls": options["calls"],
                "settings": dict(map(option, options["setting"])),
                "seeds": options["seeds"],
            }
            if options["estimate"]:
                self.stdout.write(takes_words(estimate_prompts(project, checkpoint, **asked)))
                return
            capped = {"seed": options["seed"], "max_cost": options["max_cost"]}
            job = request_prompts(project, checkpoint, **asked, **capped)
            if options["wait"] is None:
                self.stdout.write(f"Job {job.public_id} waits for a worker.")
                return
            self.stdout.write(_sentences(wait_until_done(job, timeout=options["wait"])))
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal


def _sentences(job: PromptJob) -> str:
    """How many ideas came to what, one a line."""
    lines = [f"{each.ideas:>6,}  {each.words}" for each in fates_of(job)]
    return "\n".join(filter(None, (*lines, job.notice)))
