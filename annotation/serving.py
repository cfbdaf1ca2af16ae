"""Picking the next question, leasing it and logging that it is shown: one statement."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import islice

from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    Candidate,
    Placement,
    Project,
    Prompt,
    Question,
)
from annotation.statements import Columns, Row, fetch

ASSIGNMENT = Columns(Assignment, "taken")
QUESTION = Columns(Question, "q")
PROMPT = Columns(Prompt, "r", "id", "messages", "html")
PLACEMENT = Columns(Placement, "p", "id", "question_id", "candidate_id", "position")
CANDIDATE = Columns(Candidate, "c", "id", "text", "html")  # never the system: annotators are blind

FREE_SEAT = """
  AND q.overlap > (
    SELECT count(*)
    FROM annotation_assignment l JOIN annotation_annotator w ON w.id = l.annotator_id
    WHERE l.question_id = q.id AND l.state = 'live' AND l.lease_until > %(now)s
      AND w.kind <> 'model'
  ) + (
    SELECT count(*) FROM annotation_judgment j JOIN annotation_annotator w ON w.id = j.annotator_id
    WHERE j.question_id = q.id AND j.standing = 'counted' AND w.kind <> 'model'
      AND NOT EXISTS (SELECT FROM annotation_judgment later WHERE later.supersedes_id = j.id)
  )"""

# `count(*) = 0`, and `+ 0` so that no index of annotators serves: PostgreSQL then looks at the few
# rows of one question. NOT EXISTS it turns into a join with everything the annotator ever did.
LEASE = """
WITH picked AS MATERIALIZED (
  SELECT q.id FROM annotation_question q
  WHERE q.project_id = %(project)s AND q.state = 'open'
  AND NOT EXISTS (SELECT FROM annotation_assignment a
    WHERE a.annotator_id = %(annotator)s AND a.state = 'live'){free_seat}
  AND 0 = (SELECT count(*) FROM annotation_assignment a
    WHERE a.question_id = q.id AND a.annotator_id + 0 = %(annotator)s)
  AND 0 = (SELECT count(*) FROM annotation_judgment j
    WHERE j.question_id = q.id AND j.annotator_id + 0 = %(annotator)s)
  ORDER BY q.priority DESC, q.id LIMIT 1 FOR NO KEY UPDATE OF q{locked}
), taken AS (
  INSERT INTO annotation_assignment (public_id, question_id, annotator_id, state, shown_order,
    leased_at, lease_until, release_reason)
  SELECT gen_random_uuid(), picked.id, %(annotator)s, 'live', (
      SELECT array_agg(position ORDER BY sha256(convert_to(
        concat_ws('/', %(seed)s::text, picked.id, %(annotator)s::bigint, position), 'UTF8')))
      FROM annotation_placement WHERE question_id = picked.id AND written_in_id IS NULL
    ), %(now)s, %(until)s, ''
  FROM picked RETURNING *
), shown AS (
  INSERT INTO annotation_exposure (assignment_id, sequence, shown_order, guideline_id, shown_at)
  SELECT id, 1, shown_order, (
      SELECT id FROM annotation_guideline WHERE project_id = %(project)s
      ORDER BY version DESC LIMIT 1
    ), leased_at
  FROM taken
)
SELECT {assignment}, {question}, {prompt}, {placement}, {candidate}
FROM taken
JOIN annotation_question q ON q.id = taken.question_id
JOIN annotation_prompt r ON r.id = q.prompt_id
JOIN annotation_placement p ON p.question_id = q.id AND p.written_in_id IS NULL
JOIN annotation_candidate c ON c.id = p.candidate_id
ORDER BY p.position
"""


@cache
def _lease(*, is_model: bool, wait: bool) -> str:
    return LEASE.format(
        free_seat="" if is_model else FREE_SEAT,  # a model takes nobody's seat
        locked="" if wait else " SKIP LOCKED",
        assignment=ASSIGNMENT.sql,
        question=QUESTION.sql,
        prompt=PROMPT.sql,
        placement=PLACEMENT.sql,
        candidate=CANDIDATE.sql,
    )


def take_seat(annotator: Annotator, now: datetime, *, wait: bool) -> Assignment | None:
    """Lease the next question to this annotator and log the showing; its texts come along.

    None if no question is left, or if the annotator has an unfinished one. Questions that others
    are being given or are answering at this instant are passed over, or with `wait` waited for. The
    seat is counted again by a trigger once the question's row is locked: of two who looked at the
    same instant the second gets an IntegrityError naming one of `queue.SEAT_CONSTRAINTS`.
    """
    project = annotator.project
    values = {
        "project": project.pk,
        "seed": str(project.seed),
        "annotator": annotator.pk,
        "now": now,
        "until": now + timedelta(seconds=project.lease_seconds),
    }
    is_model = annotator.kind == AnnotatorKind.MODEL
    rows = fetch(_lease(is_model=is_model, wait=wait), values)
    return _assignment(annotator, rows) if rows else None


def _assignment(annotator: Annotator, rows: Sequence[Row]) -> Assignment:
    """One row per placement; what they share is read from the first."""
    row = iter(rows[0])
    assignment, question = ASSIGNMENT.need(row), QUESTION.need(row)
    question.project, question.prompt = annotator.project, PROMPT.need(row)
    assignment.question, assignment.annotator = question, annotator
    placements = []
    for each in rows:
        row = islice(each, len(each) - PLACEMENT.width - CANDIDATE.width, None)
        placement = PLACEMENT.need(row)
        placement.candidate = CANDIDATE.need(row)
        placements.append(placement)
    question._prefetched_objects_cache = {"placements": placements}  # type: ignore[attr-defined]
    return assignment


def side_order(project: Project, question: Question, annotator: Annotator) -> list[int]:
    """Placement positions in the order this annotator sees them: a fair, reproducible shuffle.

    Sorted by a hash of seed, question, annotator and position, so that the statement above can draw
    the same order.
    """

    def drawn(position: int) -> bytes:
        ticket = f"{project.seed}/{question.pk}/{annotator.pk}/{position}"
        return hashlib.sha256(ticket.encode()).digest()

    positions = Placement.objects.asked().filter(question=question)
    return sorted(positions.values_list("position", flat=True), key=drawn)
