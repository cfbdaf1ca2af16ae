"""Judgments of every kind: resolved, checked, and appended to the log.

A judgment's submission key comes from its own id, or from its question and annotator, so the same
file twice is the same judgments. Imported judgments count even beyond a question's overlap: they
have happened.
"""

from annotation.intake.landing import Ground
from annotation.intake.landing.ratings import resolve_rankings, resolve_ratings

SLICE = 20_000

KEY = """
    'import:' || %(project)s || ':' || encode(sha256(convert_to(CASE
        WHEN {row}.external_id IS NOT NULL THEN 'id' || E'\\x1f' || {row}.external_id
        ELSE 'of' || E'\\x1f' || {row}.question || E'\\x1f' || {row}.annotator
    END, 'UTF8')), 'hex')
"""

RESOLVED = """
CREATE TEMP TABLE resolved_judgment (
    line bigint NOT NULL,
    question_id bigint NOT NULL,
    annotator_id bigint NOT NULL,
    profile_id bigint,
    judgment_type text NOT NULL,
    key text NOT NULL,
    payload jsonb NOT NULL,
    shown_order smallint[],
    reason text NOT NULL,
    confidence double precision,
    prediction double precision,
    elapsed_ms bigint,
    judged_at timestamptz
) ON COMMIT DROP
"""

TOUCHED = """
CREATE TEMP TABLE touched_question ON COMMIT DROP AS
SELECT named.question AS name, named.line, q.id, q.judgment_type, q.rubric_id, q.prompt_id,
       min(p.external_id) AS prompt,
       array_agg(c.external_id ORDER BY l.position) AS candidates,
       array_agg(y.name ORDER BY l.position) AS systems,
       count(l.id) AS places
FROM (SELECT question, min(line) AS line FROM {staged} GROUP BY question) named
LEFT JOIN annotation_question q ON q.project_id = %(project)s AND q.external_id = named.question
LEFT JOIN annotation_prompt p ON p.id = q.prompt_id
LEFT JOIN annotation_placement l ON l.question_id = q.id
LEFT JOIN annotation_candidate c ON c.id = l.candidate_id
LEFT JOIN annotation_system y ON y.id = c.system_id
GROUP BY named.question, named.line, q.id
"""

JUDGES = """
CREATE TEMP TABLE judging ON COMMIT DROP AS
SELECT a.external_id AS name, a.id AS annotator_id, (
    SELECT f.id FROM annotation_profile f
    WHERE f.annotator_id = a.id ORDER BY f.version DESC LIMIT 1
) AS profile_id
FROM declared_annotator d
JOIN annotation_annotator a ON a.project_id = %(project)s AND a.external_id = d.external_id
"""

ORIENTED = """
CREATE TEMP TABLE oriented ON COMMIT DROP AS
SELECT s.line, CASE
    WHEN s.candidate_a IS NOT NULL AND s.candidate_b IS NOT NULL THEN CASE
        WHEN s.candidate_a = t.candidates[1] AND s.candidate_b = t.candidates[2] THEN 1
        WHEN s.candidate_a = t.candidates[2] AND s.candidate_b = t.candidates[1] THEN -1
        ELSE 0 END
    WHEN s.system_a IS NOT NULL AND s.system_b IS NOT NULL THEN CASE
        WHEN s.system_a = t.systems[1] AND s.system_b = t.systems[2] THEN 1
        WHEN s.system_a = t.systems[2] AND s.system_b = t.systems[1] THEN -1
        ELSE 0 END
    WHEN s.system_a IS NOT NULL THEN CASE s.system_a
        WHEN t.systems[1] THEN 1 WHEN t.systems[2] THEN -1 ELSE 0 END
    WHEN s.system_b IS NOT NULL THEN CASE s.system_b
        WHEN t.systems[2] THEN 1 WHEN t.systems[1] THEN -1 ELSE 0 END
    ELSE 1 END AS sign
FROM staged_judgment s JOIN touched_question t ON t.name = s.question
WHERE t.id IS NOT NULL
"""

PAIR_CHECKS = [
    (
        "question_id",
        """
        SELECT s.line, format(
            'there is no question “%%s” in this project. Import the pairs first, or add '
            'prompt_text, response_a and response_b', s.question)
        FROM staged_judgment s JOIN touched_question t ON t.name = s.question WHERE t.id IS NULL
        """,
    ),
    (
        "question_id",
        """
        SELECT s.line, format('question “%%s” asks for a %%s, not for a choice between two',
                              s.question, t.judgment_type)
        FROM staged_judgment s JOIN touched_question t ON t.name = s.question
        WHERE t.judgment_type <> 'pairwise'
        """,
    ),
    (
        "prompt_id",
        """
        SELECT s.line, format('is “%%s”, but question “%%s” is about prompt “%%s”',
                              s.prompt, s.question, t.prompt)
        FROM staged_judgment s JOIN touched_question t ON t.name = s.question
        WHERE s.prompt <> t.prompt
        """,
    ),
    (
        "system_a",
        """
        SELECT s.line, format('question “%%s” compares %%s, not %%s', s.question,
            array_to_string(t.systems, ' with ', '?'),
            coalesce(s.system_a, '?') || ' with ' || coalesce(s.system_b, '?'))
        FROM oriented o JOIN staged_judgment s USING (line)
        JOIN touched_question t ON t.name = s.question
        WHERE o.sign = 0
        """,
    ),
]

PAIRS = """
INSERT INTO resolved_judgment
SELECT s.line, t.id, j.annotator_id, j.profile_id, 'pairwise', {key},
       CASE WHEN s.both_bad THEN '{{"strength": 0, "both_bad": true}}'::jsonb
            ELSE jsonb_build_object('strength', o.sign * s.strength) END,
       CASE WHEN s.swapped = (o.sign > 0) THEN '{{1,0}}'::smallint[]
            WHEN s.swapped IS NOT NULL THEN '{{0,1}}'::smallint[] END,
       s.reason, s.confidence, s.prediction, s.elapsed_ms, s.judged_at
FROM staged_judgment s
JOIN touched_question t ON t.name = s.question AND t.judgment_type = 'pairwise'
JOIN oriented o ON o.line = s.line AND o.sign <> 0
JOIN judging j ON j.name = s.annotator
ORDER BY s.line
"""

CRITERIA = """
CREATE TEMP TABLE named_criterion ON COMMIT DROP AS
SELECT DISTINCT ON (rubric_id, name) rubric_id, name, position FROM (
    SELECT rubric_id, external_id AS name, position, 1 AS rank FROM annotation_criterion
    WHERE external_id <> ''
    UNION ALL SELECT rubric_id, btrim(text), position, 2 FROM annotation_criterion
    UNION ALL SELECT rubric_id, position::text, position, 3 FROM annotation_criterion
) names
WHERE rubric_id IN (SELECT rubric_id FROM touched_question)
ORDER BY rubric_id, name, rank
"""

ANSWERED = """
CREATE TEMP TABLE placed_answer ON COMMIT DROP AS
SELECT s.*, t.id AS question_id, t.judgment_type, t.places, t.rubric_id,
       c.position AS criterion_position,
       CASE WHEN s.candidate IS NULL THEN CASE WHEN t.places = 1 THEN 0 END
            ELSE coalesce(array_position(t.candidates, s.candidate),
                          array_position(t.systems, s.candidate)) - 1 END AS place,
       {key} AS key
FROM staged_answer s
JOIN touched_question t ON t.name = s.question
LEFT JOIN named_criterion c ON c.rubric_id = t.rubric_id AND c.name = s.criterion
"""

ANSWER_CHECKS = [
    (
        "question_id",
        """
        SELECT line, format('there is no question “%%s” in this project. Ask it first', question)
        FROM placed_answer WHERE question_id IS NULL
        """,
    ),
    (
        "question_id",
        """
        SELECT line, format('question “%%s” asks for a %%s, not for a checklist',
                            question, judgment_type)
        FROM placed_answer WHERE judgment_type <> 'checklist'
        """,
    ),
    (
        "candidate_id",
        """
        SELECT line, CASE WHEN candidate IS NULL
            THEN format('is empty, but question “%%s” shows %%s responses', question, places)
            ELSE format('question “%%s” doesn''t show “%%s”', question, candidate) END
        FROM placed_answer WHERE judgment_type = 'checklist' AND place IS NULL
        """,
    ),
    (
        "criterion",
        """
        SELECT line, format('the checklist of question “%%s” has no criterion “%%s”',
                            question, left(criterion, 60))
        FROM placed_answer WHERE judgment_type = 'checklist' AND criterion_position IS NULL
        """,
    ),
    (
        "criterion",
        """
        SELECT line, format(
            '“%%s” has already answered this on line %%s. If people answered more than once, give '
            'each time its own judgment_id', annotator, earlier)
        FROM (
            SELECT line, annotator, min(line) OVER (
                PARTITION BY key, place, criterion_position) AS earlier
            FROM placed_answer WHERE place IS NOT NULL AND criterion_position IS NOT NULL
        ) told WHERE line > earlier
        """,
    ),
    (
        "judgment_id",
        """
        SELECT line, format('judgment “%%s” belongs to another question or annotator on line %%s',
                            external_id, earlier)
        FROM (
            SELECT line, external_id, question, annotator,
                   first_value(line) OVER w AS earlier,
                   first_value(question) OVER w AS first_question,
                   first_value(annotator) OVER w AS first_annotator
            FROM placed_answer WHERE external_id IS NOT NULL
            WINDOW w AS (PARTITION BY external_id ORDER BY line)
        ) told WHERE question <> first_question OR annotator <> first_annotator
        """,
    ),
    (
        "criterion",
        """
        SELECT min(a.line), format(
            '“%%s” answers %%s of %%s criteria of question “%%s”; missing: %%s',
            min(a.annotator), count(DISTINCT (a.place, a.criterion_position)),
            a.places * asked.number, min(a.question), (
                SELECT string_agg(left(missing.text, 60), '; ') FROM (
                    SELECT c.text FROM annotation_criterion c
                    WHERE c.rubric_id = a.rubric_id
                      AND c.position <> ALL (array_agg(a.criterion_position))
                    ORDER BY c.position LIMIT 3
                ) missing
            ))
        FROM placed_answer a
        JOIN LATERAL (
            SELECT count(*) AS number FROM annotation_criterion WHERE rubric_id = a.rubric_id
        ) asked ON true
        WHERE a.place IS NOT NULL AND a.criterion_position IS NOT NULL
        GROUP BY a.key, a.question_id, a.rubric_id, a.places, asked.number
        HAVING count(DISTINCT (a.place, a.criterion_position)) < a.places * asked.number
        """,
    ),
]

CHECKLISTS = """
INSERT INTO resolved_judgment
SELECT g.line, g.question_id, j.annotator_id, j.profile_id, 'checklist', g.key,
       jsonb_build_object('answers', g.answers), NULL, g.reason, g.confidence, g.prediction,
       g.elapsed_ms, g.judged_at
FROM (
    SELECT min(line) AS line, key, question_id, annotator,
           jsonb_object_agg(place::text, by_criterion) AS answers,
           coalesce(string_agg(DISTINCT reason, E'\\n'), '') AS reason,
           max(confidence) AS confidence, max(prediction) AS prediction,
           max(elapsed_ms) AS elapsed_ms, max(judged_at) AS judged_at
    FROM (
        SELECT min(line) AS line, key, question_id, annotator, place,
               jsonb_object_agg(criterion_position::text, answer) AS by_criterion,
               string_agg(DISTINCT nullif(reason, ''), E'\\n') AS reason,
               max(confidence) AS confidence, max(prediction) AS prediction,
               max(elapsed_ms) AS elapsed_ms, max(judged_at) AS judged_at
        FROM placed_answer
        WHERE question_id IS NOT NULL AND place IS NOT NULL AND criterion_position IS NOT NULL
        GROUP BY key, question_id, annotator, place
    ) by_place
    GROUP BY key, question_id, annotator
) g
JOIN judging j ON j.name = g.annotator
ORDER BY g.line
"""

KEY_CHECKS = [
    (
        "judgment_id",
        """
        SELECT line, format(
            'the same annotator has already judged this question on line %%s. If people judged '
            'more than once, give each judgment its own judgment_id', earlier)
        FROM (
            SELECT r.line, twice.earlier FROM resolved_judgment r
            JOIN (
                SELECT key, min(line) AS earlier FROM resolved_judgment
                GROUP BY key HAVING count(*) > 1
            ) twice USING (key)
        ) told WHERE line > earlier
        """,
    ),
    (
        "",
        """
        SELECT r.line,
            'this judgment was imported before with another content. Judgments are never '
            'overwritten; give a changed one another judgment_id'
        FROM resolved_judgment r
        JOIN annotation_judgment k ON k.submission_key = r.key
        WHERE (k.question_id, k.annotator_id, k.payload, k.reason)
                <> (r.question_id, r.annotator_id, r.payload, r.reason)
           OR (k.confidence, k.elapsed_ms, k.shown_order, (k.prediction->>'same')::float8)
                IS DISTINCT FROM (r.confidence, r.elapsed_ms, r.shown_order, r.prediction)
           OR k.created_at <> r.judged_at
        """,
    ),
]

NEW = """
CREATE TEMP TABLE new_judgment ON COMMIT DROP AS
SELECT DISTINCT ON (key) r.*
FROM resolved_judgment r
WHERE NOT EXISTS (SELECT 1 FROM annotation_judgment k WHERE k.submission_key = r.key)
ORDER BY key, line
"""

NUMBERED = """
CREATE TEMP TABLE numbered_judgment ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY line) AS place, * FROM new_judgment
"""

INSERT = """
INSERT INTO annotation_judgment
    (public_id, question_id, annotator_id, profile_id, assignment_id, guideline_id, judgment_type,
     payload, shown_order, reason, confidence, prediction, elapsed_ms, submission_key,
     supersedes_id, standing, source, created_at)
SELECT gen_random_uuid(), question_id, annotator_id, profile_id, NULL, NULL, judgment_type,
       payload, shown_order, reason, confidence,
       CASE WHEN prediction IS NOT NULL THEN jsonb_build_object('same', prediction) END,
       elapsed_ms, key, NULL, 'counted', 'import', coalesce(judged_at, now())
FROM numbered_judgment WHERE place > %(after)s AND place <= %(upto)s
ORDER BY place
"""

ANSWERED_QUESTIONS = """
UPDATE annotation_question q SET state = 'answered'
FROM (
    SELECT j.question_id, count(*) AS judgments
    FROM annotation_judgment j
    JOIN annotation_annotator a ON a.id = j.annotator_id
    WHERE j.question_id IN (SELECT question_id FROM resolved_judgment)
      AND j.standing = 'counted' AND a.kind <> 'model'
      AND NOT EXISTS (SELECT 1 FROM annotation_judgment l WHERE l.supersedes_id = j.id)
    GROUP BY j.question_id
) counted
WHERE q.id = counted.question_id AND q.state = 'open' AND counted.judgments >= q.overlap
"""

# Somebody who judges locks the question, then the own tally. So does an import, and only when all
# is written: whoever judges meanwhile doesn't wait for it, and neither waits for the other.
TALLY_LATER = "SET LOCAL polyphony.tally = 'later'"
TALLY = """
INSERT INTO annotation_tally (annotator_id, profile_id, judgments)
SELECT n.annotator_id, n.profile_id, count(*)
FROM numbered_judgment n JOIN annotation_annotator w ON w.id = n.annotator_id
WHERE w.kind <> 'model'
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (annotator_id, profile_id)
DO UPDATE SET judgments = annotation_tally.judgments + excluded.judgments
"""


def land(ground: Ground) -> None:
    """Resolve and check; nothing reaches the log before `append`."""
    ground.run(RESOLVED)
    staged = [table for table in RESOLVE if not ground.is_empty(table)]
    if not staged:
        return
    ground.run(JUDGES)
    ground.run("ANALYZE judging")
    for table in staged:
        ground.run(TOUCHED.format(staged=table))
        ground.run("ANALYZE touched_question")
        RESOLVE[table](ground)
    ground.run("ANALYZE resolved_judgment")
    ground.check_all(KEY_CHECKS)


def _resolve_pairs(ground: Ground) -> None:
    ground.run(ORIENTED)
    ground.run("ANALYZE oriented")
    ground.check_all(PAIR_CHECKS)
    ground.run(PAIRS.format(key=KEY.format(row="s")))


def _resolve_answers(ground: Ground) -> None:
    _name_criteria(ground)
    ground.run(ANSWERED.format(key=KEY.format(row="s")))
    ground.run("ANALYZE placed_answer")
    ground.check_all(ANSWER_CHECKS)
    ground.run(CHECKLISTS)


def _resolve_ratings(ground: Ground) -> None:
    _name_criteria(ground)
    resolve_ratings(ground, key=KEY.format(row="s"))


def _resolve_rankings(ground: Ground) -> None:
    resolve_rankings(ground, key=KEY.format(row="s"))


def _name_criteria(ground: Ground) -> None:
    ground.run(CRITERIA)
    ground.run("ANALYZE named_criterion")


# One import brings one kind of judgment; each table has its own way to be understood.
RESOLVE = {
    "staged_judgment": _resolve_pairs,
    "staged_answer": _resolve_answers,
    "staged_rating": _resolve_ratings,
    "staged_ranking": _resolve_rankings,
}


def append(ground: Ground) -> None:
    """Write the resolved judgments to the log, in the file's order, and settle their questions."""
    staged = ground.number("SELECT count(DISTINCT key) FROM resolved_judgment")
    if not staged:
        return
    ground.run(NEW)
    ground.run(NUMBERED)
    ground.run("CREATE INDEX ON numbered_judgment (place)")
    ground.run("ANALYZE numbered_judgment")
    new = ground.number("SELECT count(*) FROM numbered_judgment")
    ground.run(TALLY_LATER)
    for after in range(0, new, SLICE):
        ground.run(INSERT, after=after, upto=after + SLICE)
        if ground.tell is not None:
            ground.tell(min(after + SLICE, new), new)
    ground.acquaint("annotation_judgment", new)
    ground.count("judgments", created=new, staged=staged)
    answered = ground.run(ANSWERED_QUESTIONS)
    ground.run(TALLY)
    if answered:
        ground.created["questions answered"] = answered
