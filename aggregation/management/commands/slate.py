"""`./polyphony slate`: statements for a group of people, written by a program of yours."""

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aggregation.judgment_files import FileError
from aggregation.slate_command_line import SlateError, add_arguments, run


class Command(BaseCommand):
    help = "Write statements for equal parts of a group, asking a program of yours."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(Namespace(**options))
        except (FileError, SlateError) as error:
            raise CommandError(str(error)) from error
