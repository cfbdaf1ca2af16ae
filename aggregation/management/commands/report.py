"""`./polyphony report FILE --out report.json`: a pluralistic report from a file, no database."""

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aggregation.command_line import UsageError
from aggregation.options import OptionError
from aggregation.reading import FileError
from aggregation.report_command_line import add_arguments, run
from aggregation.tables import TableError


class Command(BaseCommand):
    help = (
        "Say who disagrees in a file of judgments, how strongly, and what each choice costs them."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(Namespace(**options))
        except (UsageError, FileError, OptionError, TableError) as error:
            raise CommandError(str(error)) from error
