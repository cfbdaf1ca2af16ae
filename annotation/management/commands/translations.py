"""Bring the translations up to date with the source, and compile them. For developers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from annotation.translating import messages


class Command(BaseCommand):
    help = (
        "Collect what the interface says into locale/<language>/LC_MESSAGES/django.po, keeping "
        "what is translated, and compile the catalogues that the server reads. Needs Babel."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from babel.messages import Catalog
            from babel.messages.mofile import write_mo
            from babel.messages.pofile import read_po, write_po
        except ImportError as error:
            raise CommandError(
                "Babel isn't installed; it comes with the development tools (extra “dev”)."
            ) from error
        wanted = Catalog()
        for message in messages(settings.BASE_DIR):
            text = (message.text, message.plural) if message.plural else message.text
            places = [(message.file, message.line)] if message.file else ()
            wanted.add(text, locations=places, context=message.context or None)
        for path in sorted(Path(settings.BASE_DIR, "locale").glob("*/LC_MESSAGES/django.po")):
            with path.open("rb") as file:
                catalogue = read_po(file, locale=path.parent.parent.name)
            catalogue.update(wanted, no_fuzzy_matching=True)
            catalogue.obsolete.clear()
            with path.open("wb") as file:
                write_po(file, catalogue, width=100, include_lineno=False, sort_output=True)
            told = Catalog(locale=catalogue.locale)
            for each in catalogue:
                if each.id and _is_told(each.string):
                    told.add(each.id, each.string, context=each.context)
            with path.with_suffix(".mo").open("wb") as file:
                write_mo(file, told)
            left = len(catalogue) - len(told)
            self.stdout.write(f"{path.parent.parent.name}: {len(catalogue)} messages, {left} left")


def _is_told(string: str | Sequence[str] | None) -> bool:
    return bool(string) and all(string or ())
