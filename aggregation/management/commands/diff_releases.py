"""`./polyphony diff_releases OLD NEW`: what changed from one release to another, and why."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregation.release_changes import changes_between


class Command(BaseCommand):
    help = "Compare two release folders. Needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("old", type=Path, help="the earlier release's folder")
        parser.add_argument("new", type=Path, help="the later release's folder")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changes = changes_between(options["old"], options["new"])
        except (OSError, ValueError, KeyError) as error:
            raise CommandError(f"The releases can't be compared: {error}") from error
        self.stdout.write(f"From release {changes.before} to release {changes.after}:")
        for reason in changes.reasons or ("Nothing differs.",):
            self.stdout.write(f"- {reason}")
        for export in changes.exports or ():
            self.stdout.write(
                f"{export.slug}: {export.before:,} rows, then {export.after:,}: {export.added:,} "
                f"added, {export.removed:,} removed, {export.changed:,} changed"
            )
            for example in export.examples:
                self.stdout.write(f"  changed: {example}")
