"""`./polyphony seed_demo`: put the demo world into the database, once."""

import time
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from annotation.demo_world.seeding import GUEST, OWNER, Seeded, seed_demo_world


class Command(BaseCommand):
    help = (
        "Seed the demo world: invented questions and answers, simulated annotators. "
        "What is already there stays as it is."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        if options["verbosity"] == 0:
            seed_demo_world()
            return
        for seeded in self._with_progress():
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


def _sentence(seeded: Seeded) -> str:
    if not seeded.is_new:
        return f"“{seeded.project}” is already there and was left as it is."
    told = seeded.progress
    return (
        f"“{seeded.project}”: {told.prompts} prompts, {told.candidates} answers, "
        f"{told.questions} questions ({told.questions - told.answered} open), "
        f"{told.judgments:,} simulated judgments by {seeded.annotators} simulated people."
    )
