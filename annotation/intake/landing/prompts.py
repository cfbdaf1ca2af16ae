"""Prompts: an id stands for one content in a project."""

from annotation.intake.landing import Ground

CHECKS = [
    (
        "prompt_id",
        """
        SELECT line, format('“%%s” is already the id of line %%s', external_id, earlier) FROM (
            SELECT line, external_id, min(line) OVER (PARTITION BY external_id) AS earlier
            FROM staged_prompt WHERE NOT mention
        ) twice WHERE line > earlier
        """,
    ),
    (
        "prompt_text",
        """
        SELECT line, format('prompt “%%s” has another text than on line %%s', external_id, earlier)
        FROM (
            SELECT line, external_id, mention, content_hash,
                   first_value(line) OVER w AS earlier,
                   first_value(content_hash) OVER w AS first_hash
            FROM staged_prompt WINDOW w AS (PARTITION BY external_id ORDER BY line)
        ) told WHERE mention AND content_hash <> first_hash
        """,
    ),
    (
        "prompt_text",
        """
        SELECT s.line, format(
            'prompt “%%s” is already in this project with another text. Give it another id',
            s.external_id)
        FROM staged_prompt s
        JOIN annotation_prompt p ON p.project_id = %(project)s AND p.external_id = s.external_id
        WHERE p.content_hash <> s.content_hash
        """,
    ),
]

INSERT = """
WITH new AS (
    INSERT INTO annotation_prompt
        (project_id, external_id, messages, content_hash, html, created_at)
    SELECT %(project)s, external_id, messages, content_hash, '', now()
    FROM (
        SELECT DISTINCT ON (external_id) * FROM staged_prompt ORDER BY external_id, line
    ) once ORDER BY line
    ON CONFLICT (project_id, external_id) DO NOTHING
    RETURNING id, external_id
)
INSERT INTO fresh SELECT 'prompt', id, external_id FROM new
"""


def land(ground: Ground) -> None:
    if ground.is_empty("staged_prompt"):
        return
    ground.check_all(CHECKS)
    ground.check_similar(
        "prompt_id",
        "SELECT 0, external_id, line FROM staged_prompt",
        "SELECT 0, external_id FROM annotation_prompt WHERE project_id = %(project)s",
    )
    created = ground.run(INSERT)
    ground.count(
        "prompts",
        created=created,
        staged=ground.number("SELECT count(DISTINCT external_id) FROM staged_prompt"),
    )
    ground.acquaint("annotation_prompt", created)
