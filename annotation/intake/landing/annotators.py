"""Annotators and what they declared about themselves."""

from annotation.intake.landing import Ground

CHECKS = [
    (
        "annotator_kind",
        """
        SELECT line, format('“%%s” is a %%s here and a %%s on line %%s',
                            external_id, kind, first_kind, earlier)
        FROM (
            SELECT line, external_id, kind,
                   first_value(line) OVER w AS earlier, first_value(kind) OVER w AS first_kind
            FROM staged_annotator WHERE kind IS NOT NULL
            WINDOW w AS (PARTITION BY external_id ORDER BY line)
        ) told WHERE kind <> first_kind
        """,
    ),
    (
        "annotator_kind",
        """
        SELECT s.line, format('“%%s” is a %%s here but already in this project as a %%s',
                              s.external_id, s.kind, a.kind)
        FROM staged_annotator s
        JOIN annotation_annotator a
            ON a.project_id = %(project)s AND a.external_id = s.external_id
        WHERE a.kind <> s.kind
        """,
    ),
    (
        "attributes",
        """
        SELECT line, format('“%%s” has other attributes than on line %%s', external_id, earlier)
        FROM (
            SELECT line, external_id, attributes,
                   first_value(line) OVER w AS earlier,
                   first_value(attributes) OVER w AS first_attributes
            FROM staged_annotator WHERE attributes IS NOT NULL
            WINDOW w AS (PARTITION BY external_id ORDER BY line)
        ) told WHERE attributes <> first_attributes
        """,
    ),
]

DECLARED = """
CREATE TEMP TABLE declared_annotator ON COMMIT DROP AS
SELECT external_id, min(line) AS line, coalesce(min(kind), 'person') AS kind,
       coalesce(min(display_name), '') AS display_name,
       (array_agg(attributes ORDER BY line) FILTER (WHERE attributes IS NOT NULL))[1] AS attributes
FROM staged_annotator GROUP BY external_id
"""

INSERT = """
INSERT INTO annotation_annotator
    (public_id, project_id, kind, user_id, external_id, display_name, created_at, paused_at)
SELECT gen_random_uuid(), %(project)s, kind, NULL, external_id, display_name, now(), NULL
FROM declared_annotator ORDER BY line
ON CONFLICT (project_id, external_id) DO NOTHING
"""

PROFILES = """
INSERT INTO annotation_profile (annotator_id, version, attributes, created_at)
SELECT a.id, coalesce(latest.version, 0) + 1, d.attributes, now()
FROM declared_annotator d
JOIN annotation_annotator a ON a.project_id = %(project)s AND a.external_id = d.external_id
LEFT JOIN LATERAL (
    SELECT version, attributes FROM annotation_profile
    WHERE annotator_id = a.id ORDER BY version DESC LIMIT 1
) latest ON true
WHERE d.attributes IS NOT NULL AND d.attributes IS DISTINCT FROM latest.attributes
ORDER BY d.line
"""


def land(ground: Ground) -> None:
    if ground.is_empty("staged_annotator"):
        return
    ground.run(DECLARED)
    ground.run("ANALYZE declared_annotator")
    ground.check_all(CHECKS)
    ground.check_similar(
        "annotator",
        "SELECT 0, external_id, line FROM declared_annotator",
        "SELECT 0, external_id FROM annotation_annotator WHERE project_id = %(project)s",
    )
    created = ground.run(INSERT)
    ground.acquaint("annotation_annotator", created)
    ground.count(
        "annotators",
        created=created,
        staged=ground.number("SELECT count(*) FROM declared_annotator"),
    )
    profiles = ground.run(PROFILES)
    if profiles:
        ground.created["profiles"] = profiles
