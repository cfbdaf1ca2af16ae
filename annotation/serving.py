"""Picking the next question, leasing it and logging that it is shown: one statement."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from annotation.assignment.rules import AssignmentRules, Order
from annotation.models import (
    Annotator,
    AnnotatorKind,
    Assignment,
    Candidate,
    Placement,
    Project,
    Prompt,
    Question,
    QuestionPurpose,
)
from annotation.statements import Columns, Row, fetch, relate

ASSIGNMENT = Columns(Assignment, "taken")
QUESTION = Columns(Question, "q")
PROMPT = Columns(Prompt, "r", "id", "messages", "html")
PLACEMENT = Columns(Placement, "p", "id", "question_id", "candidate_id", "position")
CANDIDATE = Columns(Candidate, "c", "id", "text", "html")  # never the system: annotators are blind
MOST_LOOKS = 20

# --- Statements ---------------------------------------------------------------------------------
# `count(*) = 0`, and `+ 0` so that no index of annotators serves: PostgreSQL then looks at the few
# rows of one question. NOT EXISTS it turns into a join with everything the annotator ever did. The
# comparison stands inside: the planner expects a condition of its own to hold for half the rows,
# but `0 = (SELECT …)` for one in 200; after two of those it would sort all questions for the one.

WITH_EMPTY_HANDS = """
  AND NOT EXISTS (SELECT FROM annotation_assignment a
    WHERE a.annotator_id = %(annotator)s AND a.state = 'live')"""
WITH_ONE_IN_HAND = """
  AND (SELECT count(*) = 1 FROM annotation_assignment a
    WHERE a.annotator_id = %(annotator)s AND a.state = 'live')"""
FOR_THIS_ANNOTATOR = """
  AND (SELECT count(*) = 0 FROM annotation_assignment a
    WHERE a.question_id = q.id AND a.annotator_id + 0 = %(annotator)s)
  AND (SELECT count(*) = 0 FROM annotation_judgment j
    WHERE j.question_id = q.id AND j.annotator_id + 0 = %(annotator)s)
  AND (q.for_group = '' OR q.for_group = %(group)s)
  AND (q.for_skill = '' OR 0 < (SELECT count(*) FROM annotation_skill s
    WHERE s.annotator_id = %(annotator)s AND s.name = q.for_skill))
  AND COALESCE((SELECT bool_or(r.annotator_id = %(annotator)s) FROM annotation_reservation r
    WHERE r.question_id = q.id), true)"""

TAKEN_SEATS = """(
    SELECT count(*)
    FROM annotation_assignment l JOIN annotation_annotator w ON w.id = l.annotator_id{of_lease}
    WHERE l.question_id = q.id AND l.state = 'live' AND l.lease_until > %(now)s
      AND l.purpose = 'ordinary' AND w.kind <> 'model'{group}
  ) + (
    SELECT count(*)
    FROM annotation_judgment j JOIN annotation_annotator w ON w.id = j.annotator_id{of_judgment}
    WHERE j.question_id = q.id AND j.standing = 'counted' AND w.kind <> 'model'{group}
      AND NOT EXISTS (SELECT FROM annotation_judgment later WHERE later.supersedes_id = j.id)
  )"""
FREE_SEAT = "\n  AND q.overlap > " + TAKEN_SEATS.format(of_lease="", of_judgment="", group="")

# A vote keeps the group its author declared when it was given; a lease has the present one.
TAKEN_BY_GROUP = TAKEN_SEATS.format(
    of_lease="""
    LEFT JOIN LATERAL (SELECT attributes FROM annotation_profile
      WHERE annotator_id = w.id ORDER BY version DESC LIMIT 1) f ON true""",
    of_judgment=" LEFT JOIN annotation_profile f ON f.id = j.profile_id",
    group="\n      AND COALESCE(f.attributes ->> %(group_by)s, '') {of}",
)
SEAT_OF_NAMED_GROUP = "\n  AND %(seats)s::int > " + TAKEN_BY_GROUP.replace("{of}", "= %(group)s")
SEAT_OF_THE_REST = "\n  AND q.overlap - %(seats)s::int > " + TAKEN_BY_GROUP.replace(
    "{of}", "<> ALL(%(named)s::text[])"
)

BY_RANDOM = "hashint8extended(q.id, %(shuffle)s::bigint)"
ORDERS = {
    Order.PRIORITY: "q.priority DESC, q.id",
    Order.SEQUENTIAL: "q.id",
    Order.RANDOM: "o.place",
    Order.LEAST_JUDGED: "o.place, q.priority DESC, q.id",
}
# Computed for all open questions before any is looked at closely; see `ordered` below.
PLACES = {
    Order.RANDOM: BY_RANDOM,
    Order.LEAST_JUDGED: "(SELECT count(*) FROM annotation_judgment j "
    "WHERE j.question_id = q.id AND j.standing = 'counted')",
}

PICK = """
  SELECT q.id, %(seed)s::text AS seed, NULL::smallint[] AS shown
  FROM {source}
  WHERE q.project_id = %(project)s AND q.state = 'open' AND q.purpose = '{purpose}'{conditions}
  ORDER BY {order} LIMIT 1 FOR NO KEY UPDATE OF q{locked}"""

# One's own again, the oldest first, with the sides turned round.
PICK_AGAIN = """
  SELECT q.id, %(seed)s::text AS seed, (
      SELECT array_agg(side ORDER BY place DESC)
      FROM unnest(first.shown_order) WITH ORDINALITY AS sides (side, place)
    ) AS shown
  FROM annotation_judgment first
  JOIN annotation_question q ON q.id = first.question_id
  JOIN annotation_assignment a ON a.id = first.assignment_id AND a.purpose = 'ordinary'
  WHERE first.annotator_id = %(annotator)s AND q.state <> 'withdrawn'
    AND %(after)s <= (SELECT count(*) FROM annotation_judgment later
      WHERE later.annotator_id = %(annotator)s AND later.position > first.position)
    AND NOT EXISTS (SELECT FROM annotation_assignment again
      WHERE again.question_id = q.id AND again.annotator_id = %(annotator)s
        AND (again.purpose = 'repeat' OR again.state = 'live'))
    AND NOT EXISTS (SELECT FROM annotation_assignment a
      WHERE a.annotator_id = %(annotator)s AND a.state = 'live')
  ORDER BY first.position LIMIT 1"""

LEASE = """
WITH picked AS MATERIALIZED ({pick}
), taken AS (
  INSERT INTO annotation_assignment (public_id, question_id, annotator_id, state, purpose,
    shown_order, leased_at, lease_until, release_reason)
  SELECT gen_random_uuid(), picked.id, %(annotator)s, 'live', '{turn}', COALESCE(picked.shown, (
      SELECT array_agg(position ORDER BY sha256(convert_to(
        concat_ws('/', picked.seed, picked.id, %(annotator)s::bigint, position), 'UTF8')))
      FROM annotation_placement WHERE question_id = picked.id AND written_in_id IS NULL
    )), %(now)s, %(until)s, ''
  FROM picked RETURNING *
), shown AS (
  INSERT INTO annotation_exposure (assignment_id, sequence, shown_order, guideline_id, shown_at)
  SELECT id, 1, shown_order, (
      SELECT id FROM annotation_guideline WHERE project_id = %(project)s
      ORDER BY version DESC LIMIT 1
    ), leased_at
  FROM taken{if_shown}
)
SELECT {assignment}, {question}, {prompt}, {placement}, {candidate}
FROM taken
JOIN annotation_question q ON q.id = taken.question_id
JOIN annotation_prompt r ON r.id = q.prompt_id
JOIN annotation_placement p ON p.question_id = q.id AND p.written_in_id IS NULL
JOIN annotation_candidate c ON c.id = p.candidate_id
ORDER BY p.position
"""


@dataclass(frozen=True, slots=True)
class Search:
    """Which question is looked for; each makes one prepared statement.

    `seats` is whose seats are counted: "all", a named group's beside those ("group"), or those of
    everybody in no named group ("rest"). `only` looks again at one question, already locked.
    `ahead` is for the question after the one in hand, and logs no showing.
    """

    order: Order = Order.PRIORITY
    purpose: str = QuestionPurpose.ORDINARY.value
    is_model: bool = False
    seats: str = "all"
    wait: bool = False
    only: bool = False
    ahead: bool = False

    def pick(self) -> str:
        conditions = WITH_ONE_IN_HAND if self.ahead else WITH_EMPTY_HANDS
        conditions += FOR_THIS_ANNOTATOR
        if self.purpose == QuestionPurpose.ORDINARY and not self.is_model:
            conditions += FREE_SEAT
            conditions += {"group": SEAT_OF_NAMED_GROUP, "rest": SEAT_OF_THE_REST, "all": ""}[
                self.seats
            ]
        if self.only:
            conditions += "\n  AND q.id = %(only)s"
        return PICK.format(
            source=self._source(),
            purpose=self.purpose,
            conditions=conditions,
            order=ORDERS[self.order],
            locked="" if self.wait else " SKIP LOCKED",
        )

    def _source(self) -> str:
        place = PLACES.get(self.order)
        if place is None:
            return "annotation_question q"
        # Sorting by the place alone comes first, so that the rest is asked of a few questions only.
        return f"""(
    SELECT q.id, {place} AS place FROM annotation_question q
    WHERE q.project_id = %(project)s AND q.state = 'open' ORDER BY place
  ) o JOIN annotation_question q ON q.id = o.id"""  # noqa: S608 - our own words


@cache
def lease_statement(search: Search | None) -> str:
    """The statement that picks as `search` says, or one's own question again, and leases it."""
    gold = search is not None and search.purpose != QuestionPurpose.ORDINARY
    return LEASE.format(
        pick=PICK_AGAIN if search is None else search.pick(),
        turn="repeat" if search is None else "gold" if gold else "ordinary",
        if_shown=" WHERE false" if search is not None and search.ahead else "",
        assignment=ASSIGNMENT.sql,
        question=QUESTION.sql,
        prompt=PROMPT.sql,
        placement=PLACEMENT.sql,
        candidate=CANDIDATE.sql,
    )


@cache
def pick_statement(search: Search) -> str:
    return search.pick()


# --- Acts ---------------------------------------------------------------------------------------


def take_seat(
    annotator: Annotator, now: datetime, rules: AssignmentRules, *, group: str = "", wait: bool
) -> Assignment | None:
    """Lease the next question to this annotator and log the showing; its texts come along.

    None if no question is left, or if the annotator has an unfinished one. Questions that others
    are being given or are answering at this instant are passed over, or with `wait` waited for. The
    seat is counted again by a trigger once the question's row is locked: of two who looked at the
    same instant the second gets an IntegrityError naming one of `queue.SEAT_CONSTRAINTS`.
    """
    is_model = annotator.kind == AnnotatorKind.MODEL
    search = Search(order=rules.order, is_model=is_model, wait=wait)
    return _lease(annotator, search, lease_values(annotator, now) | {"group": group})


def take_seat_ahead(
    annotator: Annotator, now: datetime, rules: AssignmentRules, *, until: datetime
) -> Assignment | None:
    """Like `take_seat` for somebody who has one question in hand: nothing is shown, until later."""
    search = Search(order=rules.order, ahead=True)
    return _lease(annotator, search, lease_values(annotator, now) | {"until": until})


def take_seat_of_group(
    annotator: Annotator, now: datetime, rules: AssignmentRules, group: str
) -> Assignment | None:
    """Like `take_seat` where seats are kept for groups. In a transaction.

    A question is locked first and looked at again then: between a look and a lock somebody of the
    same group may have come, which the trigger doesn't count.
    """
    named = group in rules.seats_per_group
    kept = rules.seats_per_group[group] if named else sum(rules.seats_per_group.values())
    values = lease_values(annotator, now) | {
        "group_by": rules.group_by,
        "group": group,
        "seats": kept,
        "named": list(rules.seats_per_group),
    }
    seats = "group" if named else "rest"
    again = lease_statement(Search(order=rules.order, seats=seats, only=True))
    for wait in (False, True):
        pick = pick_statement(Search(order=rules.order, seats=seats, wait=wait))
        for _ in range(MOST_LOOKS):
            picked = fetch(pick, values)
            if not picked:
                break
            rows = fetch(again, values | {"only": picked[0][0]})
            if rows:
                return _assignment(annotator, rows)
    return None


def take_check(annotator: Annotator, now: datetime, purpose: QuestionPurpose) -> Assignment | None:
    """Lease a question with a known answer that this annotator hasn't had, in random order."""
    search = Search(order=Order.RANDOM, purpose=purpose.value)
    return _lease(annotator, search, lease_values(annotator, now))


def take_repeat(annotator: Annotator, now: datetime, *, after: int) -> Assignment | None:
    """Lease one's own question again, on swapped sides, once `after` answers lie between."""
    return _lease(annotator, None, lease_values(annotator, now) | {"after": after})


def lease_values(annotator: Annotator, now: datetime) -> dict[str, Any]:
    """What the statements bind: who, where, until when, and the seeds of what is drawn."""
    project = annotator.project
    return {
        "project": project.pk,
        "seed": str(project.seed),
        "annotator": annotator.pk,
        "group": "",
        "now": now,
        "until": now + timedelta(seconds=project.lease_seconds),
        "shuffle": _shuffle(project.seed, annotator.pk),
    }


@lru_cache(maxsize=1000)
def _shuffle(seed: int, annotator: int) -> int:
    ticket = hashlib.sha256(f"{seed}/{annotator}/order".encode()).digest()
    return int.from_bytes(ticket[:8], "big", signed=True)


def _lease(
    annotator: Annotator, search: Search | None, values: Mapping[str, Any]
) -> Assignment | None:
    rows = fetch(lease_statement(search), values)
    return _assignment(annotator, rows) if rows else None


def _assignment(annotator: Annotator, rows: Sequence[Row]) -> Assignment:
    """One row per placement; what they share is read from the first."""
    row = iter(rows[0])
    assignment, question = ASSIGNMENT.need(row), QUESTION.need(row)
    relate(question, project=annotator.project, prompt=PROMPT.need(row))
    relate(assignment, question=question, annotator=annotator)
    placements = []
    for each in rows:
        row = islice(each, len(each) - PLACEMENT.width - CANDIDATE.width, None)
        placement = PLACEMENT.need(row)
        placements.append(relate(placement, candidate=CANDIDATE.need(row)))
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
