"""The audits there are, by slug. Apart from `catalogue`, which models import."""

from config.plugins import discover
from models_runtime.audits import Audit

AUDITS: dict[str, Audit] = discover("models_runtime.audits", "AUDIT")
