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

from annotation.demo_world import loop
from annotation.demo_world.voices import VOICES
from annotation.errors import AnnotationError
from annotation.intake.importing import import_rows, run_import
from annotation.models import Candidate, Project, Question

METHODS = ("majority", "win_rate", "bradley_terry")
EXPORTS = ("trl_preference", "raw_judgments")
JUDGE = "scripted-judge"
PATIENCE = 300  # seconds for one piece of work; the slowest takes about five


class Command(BaseCommand):
    help = "Run the whole loop once: import, generate, judge, aggregate, publish."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--patience", type=float, default=PATIENCE, help="seconds to wait for each job"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        project = loop.open_loop_project()
        self.stdout.write(f"“{project}”, everything in it invented or simulated")
        passage = Passage(project, patience=options["patience"])
        for number, (name, step) in enumerate(passage.steps(), 1):
            self._take(f"{number}/5 {name}", step)
        for line in passage.published:
            self.stdout.write(f"    {line}")
        self.stdout.write(f"Done in {time.monotonic() - begun:.1f} s.")

    def _take(self, name: str, step: Callable[[], str]) -> None:
        begun = time.monotonic()
        try:
            told = step()
        except (AnnotationError, CommandError) as refusal:
            raise CommandError(f"{name}: {refusal}") from refusal
        self.stdout.write(f"{name:<14} {told}  [{time.monotonic() - begun:.1f} s]")
        self.stdout.flush()


class Passage:
    """One passage of a project through the loop. `published` is filled by the last step."""

    def __init__(self, project: Project, *, patience: float) -> None:
        self.project = project
        self.patience = patience
        self.published: list[str] = []

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        return [
            ("import", self.bring_in),
            ("generate", self.generate),
            ("judge", self.judge),
            ("aggregate", self.aggregate),
            ("publish", self.publish),
        ]

    def bring_in(self) -> str:
        path = Path(settings.IMPORTS_DIR) / f"{self.project.slug}.jsonl"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        loop.write_import_file(path)
        run_import(self.project, path, "candidates", {})
        prompts = self.project.prompts.count()
        return f"{prompts} prompts, {self._candidates()} written answers from {path}"

    def generate(self) -> str:
        before = self._candidates()
        for voice in VOICES:
            self._checkpoint(voice.checkpoint, voice=voice.engine_voice)
            self._call("generate_candidates", voice.checkpoint)
        made = self._candidates() - before
        return f"{made} answers by {len(VOICES)} scripted checkpoints"

    def judge(self) -> str:
        import_rows(self.project, "pairs", loop.rows_to_ask(self.project))
        self._checkpoint(JUDGE, position_bias=0.4)
        verdicts = self._call("judge_questions", JUDGE)[-1]
        questions = Question.objects.filter(project=self.project).count()
        people = loop.judge_as_simulated_people(self.project)
        return f"{questions} questions; {people} judgments by simulated people; {verdicts}"

    def aggregate(self) -> str:
        return "; ".join(self._call("run_method", method)[-1] for method in METHODS)

    def publish(self) -> str:
        first, *self.published = self._call(
            "publish_release",
            export=list(EXPORTS),
            with_run="bradley_terry",
            notes="Published by the demo loop. All judgments are simulated.",
        )
        return first

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
        out = StringIO()
        if wait:
            options["wait"] = self.patience
        call_command(command, self.project.slug, *arguments, stdout=out, **options)
        return out.getvalue().splitlines()

    def _candidates(self) -> int:
        return Candidate.objects.filter(prompt__project=self.project).count()
