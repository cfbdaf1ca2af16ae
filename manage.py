#!/usr/bin/env python
"""Django's command line, with the embedded PostgreSQL running while the command does."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

NO_DATABASE = {
    *("aggregate", "check", "collectstatic", "diffsettings", "findstatic", "help", "spectacular"),
    *("version", "--help", "--version", "-h"),
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    with _database(sys.argv[1:]):
        execute_from_command_line(sys.argv)


@contextlib.contextmanager
def _database(arguments: list[str]) -> Iterator[None]:
    """Ours, unless DATABASE_URL names another or the command needs none; the last user stops it."""
    from django.conf import settings

    from config.embedded import Cluster, EmbeddedError

    needs_none = not arguments or arguments[0] in NO_DATABASE or "--help" in arguments
    if needs_none or os.environ.get("DATABASE_URL"):
        yield
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Cluster.under(settings.VAR_DIR).serving():
            yield
    except EmbeddedError as problem:
        sys.exit(f"polyphony: {problem}")


if __name__ == "__main__":
    main()
