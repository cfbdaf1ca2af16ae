"""`./polyphony demo_loop`: the whole loop once, unattended, on a running worker.

Import, generate, judge, aggregate, publish: each step goes through the act that a person's click
would go through. What belongs to the other apps is asked for by their own commands, because this
app knows neither of them; they write a row, wake a worker and wait for it.
"""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from annotation.demo_world import loop
from annotation.demo_world.seeding import SEED
from annotation.demo_world.voices import VOICES
from annotation.errors import AnnotationError
from annotation.intake.importing import import_rows, run_import
from annotation.models import Candidate, Project, Question

METHODS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("majority", {}),
    ("win_rate", {}),
    ("bradley_terry", {"kind": ["model"]}),
    ("bradley_terry", {}),
)
EXPORTS = ("trl_preference", "raw_judgments")
JUDGE = "scripted-judge"
SCRIPTED = "It is scripted, and the demo shows what its planted bias does."
PATIENCE = 300  # seconds for one piece of work; the slowest takes about five

Step = Callable[[], list[str]]


class Command(BaseCommand):
    help = "Run the whole loop once: import, generate, judge, aggregate, publish."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--patience", type=float, default=PATIENCE, help="seconds to wait for each job"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        project = loop.open_loop_project()
        self.stdout.write(f"“{project}”: everything in it is invented or simulated.")
        with Console(stderr=True).status("") as status:
            passage = Passage(project, patience=options["patience"], tell=status.update)
            for number, (name, step) in enumerate(passage.steps(), 1):
                status.update(name)
                self._take(f"{number}/5 {name}", step)
        self.stdout.write(f"Done in {time.monotonic() - begun:.1f} s.")

    def _take(self, name: str, step: Step) -> None:
        begun = time.monotonic()
        try:
            first, *more = step()
        except (AnnotationError, CommandError) as refusal:
            raise CommandError(f"{name}: {refusal}") from refusal
        self.stdout.write(f"{name:<14}{first}  [{time.monotonic() - begun:.1f} s]")
        for line in more:
            self.stdout.write(f"{'':<14}{line}")
        self.stdout.flush()


class Passage:
    """One passage of a project through the loop. Each step returns the lines that tell of it."""

    def __init__(self, project: Project, *, patience: float, tell: Callable[[str], None]) -> None:
        self.project = project
        self.patience = patience
        self.tell = tell

    def steps(self) -> list[tuple[str, Step]]:
        return [
            ("import", self.bring_in),
            ("generate", self.generate),
            ("judge", self.judge),
            ("aggregate", self.aggregate),
            ("publish", self.publish),
        ]

    def bring_in(self) -> list[str]:
        path = Path(settings.IMPORTS_DIR) / f"{self.project.slug}.jsonl"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        loop.write_import_file(path)
        run_import(self.project, path, "candidates")
        prompts = self.project.prompts.count()
        return [f"{prompts} prompts with {self._candidates()} written answers from {path}"]

    def generate(self) -> list[str]:
        for voice in VOICES:
            self._checkpoint(voice.checkpoint, voice=voice.engine_voice)
        return [
            line
            for voice in VOICES
            for line in self._call("generate_candidates", voice.checkpoint, seed=SEED)
        ]

    def judge(self) -> list[str]:
        import_rows(self.project, "pairs", loop.rows_to_ask(self.project))
        questions = Question.objects.filter(project=self.project).count()
        self._checkpoint(JUDGE, position_bias=0.4)
        verdicts = self._call("judge_questions", JUDGE, without_card=SCRIPTED)
        kept = loop.judge_as_simulated_people(
            self.project,
            report=lambda done, total: self.tell(f"simulated people: {done} of {total} questions"),
        )
        return [f"{questions} questions, {kept} judgments by simulated people", *verdicts]

    def aggregate(self) -> list[str]:
        return [
            line for method, wish in METHODS for line in self._call("run_method", method, **wish)
        ]

    def publish(self) -> list[str]:
        return self._call(
            "publish_release",
            export=list(EXPORTS),
            with_run="bradley_terry",
            licence="Apache-2.0",
            notes="Published by the demo loop. All judgments are simulated.",
        )

    def _checkpoint(self, name: str, **options: object) -> None:
        self._call(
            "add_checkpoint",
            name,
            engine="scripted",
            option=[f"{key}={value}" for key, value in options.items()],
            wait=False,
        )

    def _call(self, command: str, *arguments: str, wait: bool = True, **options: Any) -> list[str]:
        """The lines that another command prints about this project."""
        self.tell(" ".join((command.replace("_", " "), *arguments)))
        out = StringIO()
        if wait:
            options["wait"] = self.patience
        call_command(command, self.project.slug, *arguments, stdout=out, **options)
        return out.getvalue().splitlines()

    def _candidates(self) -> int:
        return Candidate.objects.filter(prompt__project=self.project).count()
