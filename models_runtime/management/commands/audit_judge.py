"""`./polyphony audit_judge PROJECT CHECKPOINT`: find out what moves a judge's verdicts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from annotation.waiting import WorkNotDone, wait_until_done
from models_runtime.audit_cards import lines_of, verdict_of
from models_runtime.audit_catalogue import AUDITS
from models_runtime.audit_requests import PAIRS, request_audit
from models_runtime.checkpoints import checkpoint_named
from models_runtime.enqueue import DEFAULT_PROTOCOL
from models_runtime.errors import NotPossible
from models_runtime.management.commands.judge_questions import read_option


class Command(BaseCommand):
    help = "Audit a judge on a project's pairs, in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("checkpoint", help="the checkpoint's name")
        parser.add_argument("--protocol", default=DEFAULT_PROTOCOL)
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="an option of the protocol, such as template=labelled@1; may be repeated",
        )
        parser.add_argument(
            "--audit", action="append", choices=sorted(AUDITS), help="may be repeated; default all"
        )
        parser.add_argument("--pairs", type=int, default=PAIRS)
        parser.add_argument("--seed", type=int, help="drawn at random if not given")
        parser.add_argument("--max-cost", type=float)
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait for the card this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        try:
            job = request_audit(
                project,
                checkpoint_named(project, options["checkpoint"]),
                protocol=options["protocol"],
                options=dict(read_option(each) for each in options["option"]),
                audits=options["audit"],
                pairs=options["pairs"],
                seed=options["seed"],
                max_cost=options["max_cost"],
            )
            if options["wait"] is None:
                self.stdout.write(f"Audit {job.public_id} waits for a worker.")
                return
            done = wait_until_done(job, timeout=options["wait"])
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(verdict_of(done))
        for line in lines_of(done):
            self.stdout.write(f"{line.mark} {line.title}: {line.finding.sentence}")
