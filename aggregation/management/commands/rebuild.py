"""`./polyphony rebuild PROJECT`: compute results and releases again from the log, and compare."""

import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregation import publishing, runs
from aggregation.loading import NothingToRead
from aggregation.models import Release, Run
from aggregation.options import OptionError
from aggregation.tables import TableError
from annotation.management.by_slug import project_named
from annotation.models import Project, WorkState

Finding = tuple[str, bool, str]


class Command(BaseCommand):
    help = "Rebuild finished runs and published releases from the log, byte for byte."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument("--run", metavar="ID", help="only this run")
        parser.add_argument("--release", type=int, metavar="VERSION", help="only this release")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        wrong = seen = 0
        for what, passed, sentence in _findings(project, options["run"], options["release"]):
            seen += 1
            wrong += not passed
            self.stdout.write(f"{'ok    ' if passed else 'FAILED'}  {what}: {sentence}")
        if not seen:
            raise CommandError("There is no finished run or published release to rebuild.")
        if wrong:
            raise CommandError(f"{wrong} of {seen} findings failed.")


def _findings(project: Project, run: str | None, version: int | None) -> Iterator[Finding]:
    if version is None:
        finished = Run.objects.filter(project=project, state=WorkState.DONE).order_by("id")
        for each in finished.filter(public_id=run) if run else finished:
            yield _run(each)
    if run is None:
        published = Release.objects.filter(project=project, state=WorkState.DONE)
        for release in published.filter(version=version) if version else published:
            yield from _release(release)


def _run(run: Run) -> Finding:
    what = f"run {run.public_id} ({run.method})"
    try:
        rebuilt = runs.rebuild(run)
    except (NothingToRead, OptionError, TableError) as error:
        return what, False, f"It can't be computed any more. {error}"
    return what, rebuilt.identical, rebuilt.sentence


def _release(release: Release) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        lines = publishing.examine(release, rebuild=True, into=Path(folder) / "rebuilt")
    for line in lines:
        yield f"release {release.version}", line.passed, line.sentence
