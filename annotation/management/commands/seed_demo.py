"""`./polyphony seed_demo`: put the demo world into the database, once."""

import time
from argparse import ArgumentParser
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from annotation.demo_world.seeding import GUEST, OWNER, Seeded, seed_demo_world

FIRST_RUNS = {
    "pairwise": ("win_rate", "bradley_terry"),
    "checklist": ("majority",),
}


class Command(BaseCommand):
    help = (
        "Seed the demo world: invented questions and answers, simulated annotators. "
        "What is already there stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--with-runs",
            action="store_true",
            help="also ask for a first run of some methods on what is new, for a worker to compute",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        quiet = options["verbosity"] == 0
        worlds = seed_demo_world() if quiet else self._with_progress()
        if options["with_runs"]:
            for seeded in worlds:
                _ask_for_runs(seeded)
        if quiet:
            return
        for seeded in worlds:
            self.stdout.write(_sentence(seeded))
        self.stdout.write(
            f"Accounts: {OWNER} owns both projects, {GUEST} may judge; neither has a password. "
            f"{time.monotonic() - begun:.1f} s"
        )

    def _with_progress(self) -> list[Seeded]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
            tasks = {}

            def report(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = progress.add_task(what, total=total)
                progress.update(tasks[what], completed=done)

            return seed_demo_world(report)


def _ask_for_runs(seeded: Seeded) -> None:
    """By the aggregation app's own command, since this app doesn't know that one."""
    if seeded.is_new:
        for method in FIRST_RUNS[seeded.project.judgment_type]:
            call_command("run_method", seeded.project.slug, method, stdout=StringIO())


def _sentence(seeded: Seeded) -> str:
    if not seeded.is_new:
        return f"“{seeded.project}” is already there and was left as it is."
    told = seeded.progress
    return (
        f"“{seeded.project}”: {told.prompts} prompts, {told.candidates} answers, "
        f"{told.questions} questions ({told.questions - told.answered} open), "
        f"{told.judgments:,} simulated judgments by {seeded.annotators} simulated people."
    )
