"""`./polyphony write_method_pages`: docs/methods/ from the methods' own docstrings."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from aggregation.catalogue import METHODS
from aggregation.method_pages import pages


class Command(BaseCommand):
    help = "Write docs/methods/ from the methods' own docstrings."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(settings.BASE_DIR) / "docs" / "methods"
        folder.mkdir(parents=True, exist_ok=True)
        written = pages(METHODS)
        for stale in set(folder.glob("*.md")) - {folder / name for name in written}:
            stale.unlink()
        for name, text in written.items():
            (folder / name).write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(written)} pages in {folder}")
