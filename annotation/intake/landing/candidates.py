"""Candidates and the systems that wrote them: an id stands for one text within its prompt."""

from annotation.intake.landing import Ground

FAMILIES = [
    (
        "family",
        """
        SELECT line, format('system “%%s” has another family than on line %%s', system, earlier)
        FROM (
            SELECT line, system, family,
                   first_value(line) OVER w AS earlier, first_value(family) OVER w AS first_family
            FROM staged_candidate WHERE system IS NOT NULL AND family IS NOT NULL
            WINDOW w AS (PARTITION BY system ORDER BY line)
        ) told WHERE family <> first_family
        """,
    ),
    (
        "family",
        """
        SELECT s.line, format('system “%%s” is already here as of “%%s”', s.system, y.family)
        FROM staged_candidate s
        JOIN annotation_system y ON y.project_id = %(project)s AND y.name = s.system
        WHERE y.family <> '' AND y.family <> s.family
        """,
    ),
]

SYSTEMS = """
INSERT INTO annotation_system (project_id, name, family)
SELECT DISTINCT ON (system) %(project)s, system, coalesce(family, '')
FROM staged_candidate WHERE system IS NOT NULL
ORDER BY system, family NULLS LAST, line
ON CONFLICT (project_id, name) DO NOTHING
"""

CHECKS = [
    (
        "prompt_id",
        """
        SELECT s.line, format(
            'prompt “%%s” is not in this project. Import the prompts first, or add their text',
            s.prompt)
        FROM staged_candidate s
        LEFT JOIN annotation_prompt p ON p.project_id = %(project)s AND p.external_id = s.prompt
        WHERE p.id IS NULL
        """,
    ),
    (
        "candidate_id",
        """
        SELECT line, CASE
            WHEN content_hash = first_hash AND system IS NOT DISTINCT FROM first_system
            THEN format('the same response is already on line %%s', earlier)
            ELSE format('“%%s” is already the id of line %%s', external_id, earlier) END
        FROM (
            SELECT line, external_id, mention, content_hash, system,
                   first_value(line) OVER w AS earlier,
                   first_value(content_hash) OVER w AS first_hash,
                   first_value(system) OVER w AS first_system
            FROM staged_candidate WHERE NOT mention
            WINDOW w AS (PARTITION BY prompt, external_id ORDER BY line)
        ) told WHERE line > earlier
        """,
    ),
    (
        "candidate_id",
        """
        SELECT line, format(
            'response “%%s” has another text or system than on line %%s', external_id, earlier)
        FROM (
            SELECT line, external_id, mention, content_hash, system,
                   first_value(line) OVER w AS earlier,
                   first_value(content_hash) OVER w AS first_hash,
                   first_value(system) OVER w AS first_system
            FROM staged_candidate
            WINDOW w AS (PARTITION BY prompt, external_id ORDER BY line)
        ) told
        WHERE mention AND (content_hash <> first_hash OR system IS DISTINCT FROM first_system)
        """,
    ),
    (
        "candidate_id",
        """
        SELECT s.line, format(
            'response “%%s” is already in this project with another text or system. '
            'Give it another id', s.external_id)
        FROM staged_candidate s
        JOIN annotation_prompt p ON p.project_id = %(project)s AND p.external_id = s.prompt
        JOIN annotation_candidate c ON c.prompt_id = p.id AND c.external_id = s.external_id
        LEFT JOIN annotation_system y ON y.id = c.system_id
        WHERE c.content_hash <> s.content_hash OR y.name IS DISTINCT FROM s.system
        """,
    ),
]

INSERT = """
WITH new AS (
    INSERT INTO annotation_candidate
        (prompt_id, external_id, system_id, text, content_hash, html, created_at)
    SELECT p.id, s.external_id, y.id, s.body, s.content_hash, '', now()
    FROM (
        SELECT DISTINCT ON (prompt, external_id) *
        FROM staged_candidate ORDER BY prompt, external_id, line
    ) s
    JOIN annotation_prompt p ON p.project_id = %(project)s AND p.external_id = s.prompt
    LEFT JOIN annotation_system y ON y.project_id = %(project)s AND y.name = s.system
    ORDER BY s.line
    ON CONFLICT (prompt_id, external_id) DO NOTHING
    RETURNING id, external_id
)
INSERT INTO fresh SELECT 'candidate', id, external_id FROM new
"""


def land(ground: Ground) -> None:
    if ground.is_empty("staged_candidate"):
        return
    ground.check_all(FAMILIES)
    ground.check_similar(
        "system",
        "SELECT 0, system, line FROM staged_candidate WHERE system IS NOT NULL",
        "SELECT 0, name FROM annotation_system WHERE project_id = %(project)s",
    )
    ground.count(
        "systems",
        created=ground.run(SYSTEMS),
        staged=ground.number("SELECT count(DISTINCT system) FROM staged_candidate"),
    )
    ground.check_all(CHECKS)
    ground.check_similar(
        "candidate_id",
        "SELECT prompt, external_id, line FROM staged_candidate",
        "SELECT p.external_id, c.external_id FROM annotation_candidate c "
        "JOIN annotation_prompt p ON p.id = c.prompt_id WHERE p.project_id = %(project)s",
    )
    created = ground.run(INSERT)
    ground.count(
        "candidates",
        created=created,
        staged=ground.number(
            "SELECT count(*) FROM (SELECT DISTINCT prompt, external_id FROM staged_candidate) s"
        ),
    )
    ground.acquaint("annotation_candidate", created)
