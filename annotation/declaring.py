"""What annotators declare about themselves: a version each time, so that past votes keep theirs."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from annotation.models import Annotator, Profile


def declare(*, annotator: Annotator, attributes: Mapping[str, Any]) -> Profile:
    """A new version of the annotator's profile; the same attributes again stay the version it is.

    Judgments keep the version that stood when they were given.
    """
    with transaction.atomic():
        Annotator.objects.select_for_update(no_key=True).get(pk=annotator.pk)
        current = annotator.current_profile()
        if current is not None and current.attributes == attributes:
            return current
        version = current.version + 1 if current else 1
        return Profile.objects.create(
            annotator=annotator, version=version, attributes=dict(attributes)
        )
