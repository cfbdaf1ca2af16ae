"""`./polyphony diagnose`: manipulation, effects of attributes, peers, the majority, from a file."""

from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from aggregation.diagnose_command_line import DiagnoseError, add_arguments, run
from aggregation.diagnostics.payments import PaymentError
from aggregation.options import OptionError
from aggregation.reading import FileError
from aggregation.tables import TableError


class Command(BaseCommand):
    help = "Could voters gain by voting otherwise? What do attributes do? Who agrees by chance?"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run(Namespace(**options))
        except (DiagnoseError, FileError, OptionError, PaymentError, TableError) as error:
            raise CommandError(str(error)) from error
