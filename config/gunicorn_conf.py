"""Gunicorn's own settings that no start command should have to repeat: logs without secrets.

Paths are logged without their query strings, and by the same formatter as everything else.
"""

import os

_LEVEL = os.environ.get("POLYPHONY_LOG_LEVEL") or "INFO"

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
