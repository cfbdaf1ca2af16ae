"""Gunicorn's own settings that no start command should have to repeat: memory shared between the
web processes, connections spread evenly over them, and logs without secrets.

Paths are logged without their query strings, and by the same formatter as everything else.
"""

import gc
import logging
import os
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from config import even_worker

_LEVEL = os.environ.get("POLYPHONY_LOG_LEVEL") or "INFO"

# The application is loaded once and then forked, so its web processes share one copy of the code.
preload_app = True
worker_class = "config.even_worker.EvenWorker"


def pre_fork(_server: Any, _worker: Any) -> None:
    """Load the pages and the table of their addresses too, which somebody's first page would wait
    for, and keep the collector from writing into shared memory and copying it.

    It also looks less often: an answer makes thousands of objects and hardly ever a circle of them.
    """
    from django.urls import get_resolver

    get_resolver().app_dict  # noqa: B018 - making it is what is wanted
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def child_exit(_server: Any, worker: Any) -> None:
    even_worker.forget(worker)


class QuickLogger(Logger):  # type: ignore[misc]
    """Writes out a request's line only if somebody wants it: that costs as much as a query."""

    def access(self, *request: Any) -> None:
        if self.access_log.isEnabledFor(logging.INFO):
            super().access(*request)


logger_class = QuickLogger
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(b)s %(M)sms'

logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "config.logs.DiscreetFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "error_console": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "root": {"level": _LEVEL, "handlers": ["console"]},
    "loggers": {
        "gunicorn.error": {"level": _LEVEL, "handlers": ["error_console"], "propagate": False},
        "gunicorn.access": {"level": _LEVEL, "handlers": ["console"], "propagate": False},
    },
}
