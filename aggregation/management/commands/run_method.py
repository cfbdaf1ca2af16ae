"""`./polyphony run_method PROJECT METHOD`: ask for a run, and wait for it if wanted."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from aggregation.curation.policy import KINDS
from aggregation.enqueue import NotPossible, request_run
from aggregation.models import Items, Run
from annotation.management.by_slug import project_named
from annotation.waiting import WorkNotDone, wait_until_done


class Command(BaseCommand):
    help = "Aggregate a project's judgments with one method, in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("method", help="the method's slug, such as bradley_terry")
        parser.add_argument(
            "--option", action="append", default=[], metavar="NAME=VALUE", help="a method's option"
        )
        parser.add_argument("--items", choices=Items.values, default=Items.SYSTEMS.value)
        parser.add_argument(
            "--criterion", default="", metavar="TEXT", help="the one criterion that counts"
        )
        parser.add_argument(
            "--kind", action="append", default=None, help="whose judgments count; may be repeated"
        )
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait for the result this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = request_run(
                project_named(options["project"]),
                options["method"],
                options=_named(options["option"]),
                seed=options["seed"],
                kinds=options["kind"],
                items=options["items"],
                criterion=options["criterion"],
            )
            if options["wait"] is None:
                self.stdout.write(f"Run {run.public_id} waits for a worker.")
                return
            self.stdout.write(_sentence(wait_until_done(run, timeout=options["wait"])))
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal


def _named(pairs: list[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise CommandError(f"Write an option as NAME=VALUE, not {wrong[0]!r}.")
    return dict(pair.split("=", 1) for pair in pairs)


def _sentence(run: Run) -> str:
    best = run.scores.filter(rank=1).order_by("position").first()
    first = ""
    if best is not None and best.score is not None:
        interval = "" if best.lo is None or best.hi is None else f" [{best.lo:.3f}, {best.hi:.3f}]"
        first = f"; first: {best.item} ({best.score:.3f}{interval})"
    kinds = " and ".join(KINDS[kind] for kind in run.kinds)
    return (
        f"{run.method}: {run.judgments:,} judgments by {run.annotators} "
        f"annotator{pluralize(run.annotators)} ({kinds}), "
        f"{run.scores.count()} scores{first}"
    )
