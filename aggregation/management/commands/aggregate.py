"""`./polyphony aggregate FILE --method SLUG`: scores from a file, without a database."""

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aggregation.command_line import UsageError, add_arguments, run
from aggregation.options import OptionError
from aggregation.reading import FileError
from aggregation.tables import TableError


class Command(BaseCommand):
    help = "Aggregate a file of judgments (CSV, JSON Lines or Parquet) with one or several methods."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(Namespace(**options))
        except (UsageError, FileError, OptionError, TableError) as error:
            raise CommandError(str(error)) from error
