"""Criteria and the rubrics they make up: a rubric's name and version stand for one list."""

from annotation.intake.landing import Ground

NUMBERED = """
CREATE TEMP TABLE numbered_criterion ON COMMIT DROP AS
SELECT line, rubric, version, prompt, coalesce(external_id, '') AS external_id,
       coalesce(position, row_number() OVER (PARTITION BY rubric, version ORDER BY line) - 1)
           AS position,
       body, explanation, kind, weight, anchors,
       position IS NOT NULL AS placed
FROM staged_criterion
"""

CHECKS = [
    (
        "prompt_id",
        """
        SELECT s.line, format('prompt “%%s” is not in this project. Import it first', s.prompt)
        FROM staged_criterion s
        LEFT JOIN annotation_prompt p ON p.project_id = %(project)s AND p.external_id = s.prompt
        WHERE s.prompt IS NOT NULL AND p.id IS NULL
        """,
    ),
    (
        "rubric",
        """
        SELECT line, format('“%%s” belongs to another prompt on line %%s', rubric, earlier) FROM (
            SELECT line, rubric, prompt,
                   first_value(line) OVER w AS earlier, first_value(prompt) OVER w AS first_prompt
            FROM staged_criterion WINDOW w AS (PARTITION BY rubric, version ORDER BY line)
        ) told WHERE prompt IS DISTINCT FROM first_prompt
        """,
    ),
    (
        "position",
        """
        SELECT line, format('is given here but not for every criterion of “%%s”', rubric) FROM (
            SELECT line, rubric, placed,
                   bool_and(placed) OVER (PARTITION BY rubric, version) AS all_placed
            FROM numbered_criterion
        ) told WHERE placed AND NOT all_placed
        """,
    ),
    (
        "position",
        """
        SELECT line, format('place %%s of “%%s” is taken by line %%s', position, rubric, earlier)
        FROM (
            SELECT line, rubric, position, placed,
                   min(line) OVER (PARTITION BY rubric, version, position) AS earlier
            FROM numbered_criterion
        ) told WHERE placed AND line > earlier
        """,
    ),
    (
        "criterion_id",
        """
        SELECT line, format('“%%s” is already the id of line %%s', external_id, earlier) FROM (
            SELECT line, external_id,
                   min(line) OVER (PARTITION BY rubric, version, external_id) AS earlier
            FROM numbered_criterion WHERE external_id <> ''
        ) told WHERE line > earlier
        """,
    ),
    (
        "rubric",
        """
        SELECT min(n.line), format(
            '“%%s” version %%s is already in this project with other criteria. '
            'Give the changed list a new version', n.rubric, n.version)
        FROM numbered_criterion n
        JOIN annotation_rubric r
            ON r.project_id = %(project)s AND r.name = n.rubric AND r.version = n.version
        LEFT JOIN annotation_prompt p ON p.id = r.prompt_id
        LEFT JOIN annotation_criterion c
            ON c.rubric_id = r.id AND c.position = n.position AND c.text = n.body
            AND c.external_id = n.external_id AND c.explanation = n.explanation
            AND c.kind = n.kind AND c.weight = n.weight AND c.anchors = n.anchors
            AND n.prompt IS NOT DISTINCT FROM p.external_id
        GROUP BY r.id, n.rubric, n.version
        HAVING count(c.id) <> count(*)
            OR count(*) <> (SELECT count(*) FROM annotation_criterion o WHERE o.rubric_id = r.id)
        """,
    ),
]

RUBRICS = """
WITH new AS (
    INSERT INTO annotation_rubric
        (project_id, prompt_id, name, version, written_by, created_at, frozen_at)
    SELECT %(project)s, p.id, s.rubric, s.version, '', now(), NULL
    FROM (
        SELECT DISTINCT ON (rubric, version) * FROM staged_criterion ORDER BY rubric, version, line
    ) s
    LEFT JOIN annotation_prompt p ON p.project_id = %(project)s AND p.external_id = s.prompt
    WHERE s.prompt IS NULL OR p.id IS NOT NULL
    ORDER BY s.line
    ON CONFLICT (project_id, name, version) DO NOTHING
    RETURNING id
)
INSERT INTO fresh SELECT 'rubric', id, '' FROM new
"""

CRITERIA = """
INSERT INTO annotation_criterion
    (rubric_id, external_id, position, text, explanation, kind, weight, anchors)
SELECT r.id, n.external_id, n.position, n.body, n.explanation, n.kind, n.weight, n.anchors
FROM numbered_criterion n
JOIN annotation_rubric r
    ON r.project_id = %(project)s AND r.name = n.rubric AND r.version = n.version
JOIN fresh f ON f.noun = 'rubric' AND f.id = r.id
ORDER BY n.line
ON CONFLICT DO NOTHING
"""


def land(ground: Ground) -> None:
    if ground.is_empty("staged_criterion"):
        return
    ground.run(NUMBERED)
    ground.check_all(CHECKS)
    ground.check_similar(
        "rubric",
        "SELECT 0, rubric, line FROM staged_criterion",
        "SELECT 0, name FROM annotation_rubric WHERE project_id = %(project)s",
    )
    ground.check_similar(
        "criterion_id",
        "SELECT rubric || version, external_id, line FROM numbered_criterion "
        "WHERE external_id <> ''",
        "SELECT '', '' WHERE false",
    )
    ground.count(
        "checklists",
        created=ground.run(RUBRICS),
        staged=ground.number(
            "SELECT count(*) FROM (SELECT DISTINCT rubric, version FROM staged_criterion) s"
        ),
    )
    ground.count(
        "criteria",
        created=ground.run(CRITERIA),
        staged=ground.number("SELECT count(*) FROM staged_criterion"),
    )
