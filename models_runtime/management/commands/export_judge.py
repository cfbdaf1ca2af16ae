"""`./polyphony export_judge PROJECT JOB --format judge_pairs`: a judge's calls as data."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from annotation.management.by_slug import project_named
from models_runtime.catalogue import JUDGE_EXPORTS
from models_runtime.exporting_judges import lines
from models_runtime.models import JudgingJob


class Command(BaseCommand):
    help = "Write a judging job's own calls as data to train judges or critics, JSON lines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("job", type=UUID, help="the judging job's id, as its page shows it")
        parser.add_argument("--format", choices=sorted(JUDGE_EXPORTS), required=True)
        parser.add_argument("--output", type=Path, help="a file; the screen if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        jobs = JudgingJob.objects.filter(project=project).select_related("checkpoint")
        job = jobs.filter(public_id=options["job"]).first()
        if job is None:
            raise CommandError(f"{project.slug} has no judging job {options['job']}.")
        told = lines(job, options["format"])
        if options["output"] is None:
            sys.stdout.writelines(told)
            return
        count = 0
        try:
            with options["output"].open("w", encoding="utf-8") as file:
                for line in told:
                    file.write(line)
                    count += 1
        except OSError as error:
            raise CommandError(
                f"{options['output']} can't be written: {error.strerror}."
            ) from error
        self.stdout.write(f"{count:,} rows in {options['output']}")
