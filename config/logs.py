"""Log lines without secrets: API tokens and login links never reach a log, whoever logs them."""

import logging
import re

TOKEN = re.compile(r"pol_[A-Za-z0-9_-]{4,}")
LOGIN_LINK = re.compile(r"(/login/once/)[^/\s?#\"']+")


class DiscreetFormatter(logging.Formatter):
    """Formats like its base, then blots out what looks like a secret, in tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        return LOGIN_LINK.sub(r"\1…", TOKEN.sub("pol_…", super().format(record)))
