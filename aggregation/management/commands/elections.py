"""`./polyphony elections FILE`: a benchmark held as an election under every rule."""

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aggregation.elections_command_line import add_arguments, run
from aggregation.elections_table import ElectionError


class Command(BaseCommand):
    help = "Rank the systems of a score table (a line per system, a column per task) by every rule."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(Namespace(**options))
        except ElectionError as error:
            raise CommandError(str(error)) from error
