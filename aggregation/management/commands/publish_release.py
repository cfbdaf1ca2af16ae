"""`./polyphony publish_release PROJECT`: ask for a release, and wait for it if wanted."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregation import publishing
from aggregation.enqueue import NotPossible, request_release
from aggregation.models import Release, Run
from annotation.management.by_slug import project_named
from annotation.models import Project, WorkState
from annotation.waiting import WorkNotDone, wait_until_done


class Command(BaseCommand):
    help = "Publish a project's judgments as a dataset, in the background."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's slug")
        parser.add_argument(
            "--export",
            action="append",
            default=None,
            help="a format, such as trl_preference; may be repeated",
        )
        parser.add_argument(
            "--with-run", metavar="METHOD", help="stand on the newest finished run of this method"
        )
        parser.add_argument("--notes", default="")
        parser.add_argument("--licence", default="")
        parser.add_argument(
            "--wait", type=float, metavar="SECONDS", help="wait for the files this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        chosen = {"exports": options["export"]} if options["export"] else {}
        try:
            release = request_release(
                project,
                run=_newest_run(project, options["with_run"]),
                notes=options["notes"],
                licence=options["licence"],
                **chosen,
            )
            if options["wait"] is None:
                self.stdout.write(f"Release {release.version} waits for a worker.")
                return
            self._describe(wait_until_done(release, timeout=options["wait"]))
        except (NotPossible, WorkNotDone) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _describe(self, release: Release) -> None:
        exports = (release.manifest or {})["exports"]
        rows = ", ".join(f"{export['rows']:,} rows of {export['slug']}" for export in exports)
        folder = publishing.release_folder(release)
        self.stdout.write(f"Release {release.version}: {rows} in {folder}")
        for file in release.files():
            self.stdout.write(f"{file['sha256']}  {file['name']}")
        self.stdout.write(f"{release.manifest_digest}  manifest.json")


def _newest_run(project: Project, method: str | None) -> Run | None:
    if method is None:
        return None
    done = Run.objects.filter(project=project, method=method, state=WorkState.DONE)
    run = done.order_by("-id").first()
    if run is None:
        raise CommandError(f"“{project}” has no finished run of {method}. Start one first.")
    return run
