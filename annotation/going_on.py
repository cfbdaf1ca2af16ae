"""An answer and the next question at once, with one commit for both where that is simple.

A commit waits for the disk, and the next question's would make the person wait a second time. The
judgment's own guarantees don't change: the lease is tried where nothing is waited for, and if it
can't be had so, the answer is kept by itself and the question is looked for afterwards.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from annotation.constraints import violated
from annotation.models import Annotator, Assignment
from annotation.queue import SEAT_CONSTRAINTS, lease_at_once
from annotation.submission import Submission, submit


def submit_and_lease(
    *,
    annotator: Annotator,
    assignment_id: str,
    data: Mapping[str, Any],
    submission_key: str,
    source: str = "browser",
    now: datetime | None = None,
) -> tuple[Submission, Assignment | None]:
    """What `submit` makes, and the next question if one could be leased in the same transaction.

    None doesn't mean that no question is left; `queue.lease_next` says that. Raises what `submit`
    raises.
    """
    leased: list[Assignment | None] = []

    def answer(*, and_lease: bool) -> Submission:
        return submit(
            annotator=annotator,
            assignment_id=assignment_id,
            data=data,
            submission_key=submission_key,
            source=source,
            now=now,
            then=(lambda: leased.append(lease_at_once(annotator, now=now))) if and_lease else None,
        )

    try:
        return answer(and_lease=True), leased.pop() if leased else None
    except IntegrityError as error:
        if violated(error) not in SEAT_CONSTRAINTS:
            raise
    # Somebody took the seat at the same instant, which undid the answer as well: it is kept alone.
    return answer(and_lease=False), None
