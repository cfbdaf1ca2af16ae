"""`./polyphony verify_release FOLDER`: is this release what its publisher signed?"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from aggregation.verification import passed, verify


class Command(BaseCommand):
    help = "Check a release's signature, hashes, counts and rows. Needs its folder and no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder with manifest.json")
        parser.add_argument(
            "--key", metavar="FINGERPRINT", help="the key it must be signed with, as published"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lines = verify(options["folder"], trusted=options["key"])
        for line in lines:
            self.stdout.write(f"{'ok    ' if line.passed else 'FAILED'}  {line.sentence}")
        if not passed(lines):
            raise CommandError("This release is not as it was published.")
