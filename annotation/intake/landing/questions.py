"""Questions and their placements: an id stands for one prompt with its candidates in their places.

A question that a row merely mentions may place the same candidates in another order; a question
that a row declares may not.
"""

from annotation.intake.landing import Ground

PLACED = """
CREATE TEMP TABLE placed_question ON COMMIT DROP AS
SELECT s.line, s.mention, s.external_id, s.judgment_type, s.overlap, s.priority,
       s.prompt, s.candidates, s.consequences, p.id AS prompt_id,
       array_agg(c.id ORDER BY u.place) AS candidate_ids,
       array_agg(u.name ORDER BY u.place) FILTER (WHERE c.id IS NULL) AS missing,
       CASE WHEN s.rubric::boolean THEN (
           SELECT r.id FROM annotation_rubric r
           WHERE r.project_id = %(project)s AND (r.prompt_id = p.id OR r.prompt_id IS NULL)
           ORDER BY r.prompt_id NULLS LAST, r.version DESC, r.id DESC LIMIT 1
       ) END AS rubric_id,
       s.rubric::boolean AS needs_rubric
FROM (
    SELECT * FROM staged_question WHERE NOT mention
    UNION ALL
    (SELECT DISTINCT ON (external_id, prompt, candidates) *
     FROM staged_question WHERE mention ORDER BY external_id, prompt, candidates, line)
) s
CROSS JOIN LATERAL unnest(s.candidates) WITH ORDINALITY AS u (name, place)
LEFT JOIN annotation_prompt p ON p.project_id = %(project)s AND p.external_id = s.prompt
LEFT JOIN annotation_candidate c ON c.prompt_id = p.id AND c.external_id = u.name
GROUP BY s.line, s.mention, s.external_id, s.judgment_type, s.overlap, s.priority, s.prompt,
         s.candidates, s.consequences, s.rubric, p.id
"""

CHECKS = [
    (
        "prompt_id",
        """
        SELECT line, format('prompt “%%s” is not in this project. Import the prompts first', prompt)
        FROM placed_question WHERE prompt_id IS NULL
        """,
    ),
    (
        "candidate_id",
        """
        SELECT line, format('prompt “%%s” has no response “%%s”', prompt, missing[1])
        FROM placed_question WHERE prompt_id IS NOT NULL AND missing IS NOT NULL
        """,
    ),
    (
        "question_id",
        """
        SELECT line, format('“%%s” is already the question of line %%s', external_id, earlier)
        FROM (
            SELECT line, external_id, min(line) OVER (PARTITION BY external_id) AS earlier
            FROM placed_question WHERE NOT mention
        ) told WHERE line > earlier
        """,
    ),
    (
        "question_id",
        """
        SELECT line, format('“%%s” shows something else than on line %%s', external_id, earlier)
        FROM (
            SELECT line, mention, external_id, prompt, candidates,
                   first_value(line) OVER w AS earlier,
                   first_value(prompt) OVER w AS first_prompt,
                   first_value(candidates) OVER w AS first_candidates
            FROM placed_question WINDOW w AS (PARTITION BY external_id ORDER BY line)
        ) told WHERE mention AND (prompt <> first_prompt OR candidates <> first_candidates)
        """,
    ),
    (
        "question_id",
        """
        SELECT s.line, format(
            '“%%s” is already in this project with another prompt or other responses. '
            'Give it another id', s.external_id)
        FROM placed_question s
        JOIN (
            SELECT q.external_id, q.prompt_id, q.judgment_type,
                   array_agg(l.candidate_id ORDER BY l.position) AS ids
            FROM annotation_question q
            JOIN annotation_placement l ON l.question_id = q.id
            WHERE q.project_id = %(project)s
            GROUP BY q.id
        ) there USING (external_id)
        WHERE s.missing IS NULL AND (
            there.prompt_id IS DISTINCT FROM s.prompt_id
            OR there.judgment_type <> s.judgment_type
            OR (NOT s.mention AND there.ids <> s.candidate_ids)
            OR NOT (there.ids @> s.candidate_ids AND there.ids <@ s.candidate_ids)
        )
        """,
    ),
    (
        "question_id",
        """
        SELECT line, format(
            'prompt “%%s” has no checklist. Import its criteria first', prompt)
        FROM placed_question WHERE needs_rubric AND rubric_id IS NULL AND prompt_id IS NOT NULL
        """,
    ),
]

QUESTIONS = """
WITH new AS (
    INSERT INTO annotation_question
        (public_id, project_id, prompt_id, judgment_type, rubric_id, external_id, state, priority,
         overlap, created_at)
    SELECT gen_random_uuid(), %(project)s, prompt_id, judgment_type, rubric_id, external_id, 'open',
           coalesce(priority, 0), coalesce(overlap, %(overlap)s), now()
    FROM (
        SELECT DISTINCT ON (external_id) * FROM placed_question
        WHERE prompt_id IS NOT NULL AND missing IS NULL
        ORDER BY external_id, line
    ) s ORDER BY line
    ON CONFLICT (project_id, external_id) DO NOTHING
    RETURNING id, external_id
)
INSERT INTO fresh SELECT 'question', id, external_id FROM new
"""

PLACEMENTS = """
INSERT INTO annotation_placement (question_id, candidate_id, position, consequence)
SELECT f.id, u.candidate_id, u.place - 1, coalesce(s.consequences[u.place], '')
FROM (
    SELECT DISTINCT ON (external_id) * FROM placed_question
    WHERE prompt_id IS NOT NULL AND missing IS NULL
    ORDER BY external_id, line
) s
JOIN fresh f ON f.noun = 'question' AND f.name = s.external_id
CROSS JOIN LATERAL unnest(s.candidate_ids) WITH ORDINALITY AS u (candidate_id, place)
"""


WITHDRAW_ALIKE = """
UPDATE annotation_question SET state = 'withdrawn'
WHERE id IN (
    SELECT l.question_id
    FROM fresh f
    JOIN annotation_placement l ON l.question_id = f.id
    JOIN annotation_candidate c ON c.id = l.candidate_id
    WHERE f.noun = 'question'
    GROUP BY l.question_id HAVING count(DISTINCT c.content_hash) < count(*)
)
"""


def land(ground: Ground) -> None:
    if ground.is_empty("staged_question"):
        return
    ground.run(PLACED)
    ground.run("ANALYZE placed_question")
    ground.check_all(CHECKS)
    ground.check_similar(
        "question_id",
        "SELECT 0, external_id, line FROM placed_question",
        "SELECT 0, external_id FROM annotation_question WHERE project_id = %(project)s",
    )
    created = ground.run(QUESTIONS, overlap=ground.project.overlap)
    ground.count(
        "questions",
        created=created,
        staged=ground.number("SELECT count(DISTINCT external_id) FROM placed_question"),
    )
    ground.acquaint("annotation_question", created)
    ground.run(PLACEMENTS)
    ground.acquaint("annotation_placement", created)
    _withdraw_pairs_without_a_difference(ground)


def _withdraw_pairs_without_a_difference(ground: Ground) -> None:
    """Nobody is asked to choose between two identical responses."""
    alike = ground.run(WITHDRAW_ALIKE)
    if alike:
        ground.notes.append(
            f"{alike:,} question{'s show' if alike > 1 else ' shows'} identical responses: kept, "
            "but withdrawn, so that nobody has to choose between equals."
        )
