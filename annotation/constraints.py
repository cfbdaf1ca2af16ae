"""Naming the constraint that a refused write ran into."""

from django.db import IntegrityError


def violated(error: IntegrityError) -> str:
    """The name of the violated constraint, "" if the server didn't say."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return str(getattr(diagnosis, "constraint_name", None) or "")
