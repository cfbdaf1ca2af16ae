"""The Celery application. Tasks say `from config.celery import app`, then `@app.task(name="…")`.

A message carries the id of a row and nothing else; the row says what is to be done (see `Work`).
"""

import os
from pathlib import Path

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
TRANSPORT_ALIASES["filesystem"] = "config.broker:Transport"
# Valkey speaks as Redis does, and kombu knows it by that name only. Celery reads this variable
# itself, before any setting.
if (_broker := os.environ.get("CELERY_BROKER_URL", "")).startswith(("valkey://", "valkeys://")):
    os.environ["CELERY_BROKER_URL"] = _broker.replace("valkey", "redis", 1)

app = Celery("polyphony")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def make_broker_folders() -> None:
    """The filesystem broker expects its folders to exist; other brokers need nothing."""
    for key in ("data_folder_in", "data_folder_out", "control_folder", "processed_folder"):
        if folder := app.conf.broker_transport_options.get(key):
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)


@app.on_after_configure.connect
def _prepare_broker(**_: object) -> None:
    make_broker_folders()
