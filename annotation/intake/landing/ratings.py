"""Ratings and rankings: staged rows turned into resolved judgments, for `landing.judgments`."""

from annotation.intake.landing import Ground

NOT_THERE = """
        SELECT line, format('there is no question “%%s” in this project. Ask it first', question)
        FROM {placed} WHERE question_id IS NULL
"""
OTHER_KIND = """
        SELECT line, format('question “%%s” asks for a %%s, not for a {kind}',
                            question, judgment_type)
        FROM {placed} WHERE judgment_type <> '{kind}'
"""
OTHERS_JUDGMENT = """
        SELECT line, format('judgment “%%s” belongs to another question or annotator on line %%s',
                            external_id, earlier)
        FROM (
            SELECT line, external_id, question, annotator,
                   first_value(line) OVER w AS earlier,
                   first_value(question) OVER w AS first_question,
                   first_value(annotator) OVER w AS first_annotator
            FROM {placed} WHERE external_id IS NOT NULL
            WINDOW w AS (PARTITION BY external_id ORDER BY line)
        ) told WHERE question <> first_question OR annotator <> first_annotator
"""

RATED = """
CREATE TEMP TABLE placed_rating ON COMMIT DROP AS
SELECT s.*, t.id AS question_id, t.judgment_type, t.places, t.rubric_id,
       n.position AS criterion_position,
       coalesce((c.anchors->>'low')::float8, 1) AS low,
       coalesce((c.anchors->>'high')::float8, 5) AS high,
       coalesce((c.anchors->>'step')::float8, 1) AS step,
       CASE WHEN s.candidate IS NULL THEN CASE WHEN t.places = 1 THEN 0 END
            ELSE coalesce(array_position(t.candidates, s.candidate),
                          array_position(t.systems, s.candidate)) - 1 END AS place,
       {key} AS key
FROM staged_rating s
JOIN touched_question t ON t.name = s.question
LEFT JOIN named_criterion n ON n.rubric_id = t.rubric_id AND n.name = s.criterion
LEFT JOIN annotation_criterion c ON c.rubric_id = t.rubric_id AND c.position = n.position
"""

RATING_CHECKS = [
    ("question_id", NOT_THERE.format(placed="placed_rating")),
    ("question_id", OTHER_KIND.format(placed="placed_rating", kind="rating")),
    ("judgment_id", OTHERS_JUDGMENT.format(placed="placed_rating")),
    (
        "candidate_id",
        """
        SELECT line, CASE WHEN candidate IS NULL
            THEN format('is empty, but question “%%s” shows %%s responses', question, places)
            ELSE format('question “%%s” doesn''t show “%%s”', question, candidate) END
        FROM placed_rating WHERE judgment_type = 'rating' AND place IS NULL
        """,
    ),
    (
        "criterion",
        """
        SELECT line, format('the criteria of question “%%s” have no “%%s”',
                            question, left(criterion, 60))
        FROM placed_rating WHERE judgment_type = 'rating' AND criterion_position IS NULL
        """,
    ),
    (
        "rating",
        """
        SELECT line, format('is %%s, but “%%s” is rated from %%s to %%s in steps of %%s',
                            value, left(criterion, 60), low, high, step)
        FROM placed_rating
        WHERE criterion_position IS NOT NULL AND (value < low OR value > high
            OR abs((value - low) / step - round((value - low) / step)) > 1e-9)
        """,
    ),
    (
        "criterion",
        """
        SELECT line, format(
            '“%%s” has already rated this on line %%s. If people rated more than once, give '
            'each time its own judgment_id', annotator, earlier)
        FROM (
            SELECT line, annotator, min(line) OVER (
                PARTITION BY key, place, criterion_position) AS earlier
            FROM placed_rating WHERE place IS NOT NULL AND criterion_position IS NOT NULL
        ) told WHERE line > earlier
        """,
    ),
    (
        "criterion",
        """
        SELECT min(a.line), format(
            '“%%s” gives %%s of the %%s ratings that question “%%s” asks for',
            min(a.annotator), count(DISTINCT (a.place, a.criterion_position)),
            a.places * asked.number, min(a.question))
        FROM placed_rating a
        JOIN LATERAL (
            SELECT count(*) AS number FROM annotation_criterion WHERE rubric_id = a.rubric_id
        ) asked ON true
        WHERE a.place IS NOT NULL AND a.criterion_position IS NOT NULL
        GROUP BY a.key, a.question_id, a.rubric_id, a.places, asked.number
        HAVING count(DISTINCT (a.place, a.criterion_position)) < a.places * asked.number
        """,
    ),
]

RATINGS = """
INSERT INTO resolved_judgment
SELECT g.line, g.question_id, j.annotator_id, j.profile_id, 'rating', g.key,
       jsonb_build_object('ratings', g.ratings, 'scales', (
           SELECT jsonb_object_agg(c.position::text, jsonb_build_array(
               coalesce((c.anchors->>'low')::float8, 1), coalesce((c.anchors->>'high')::float8, 5)))
           FROM annotation_criterion c WHERE c.rubric_id = g.rubric_id
       )), NULL, g.reason, g.confidence, g.prediction, g.elapsed_ms, g.judged_at
FROM (
    SELECT min(line) AS line, key, question_id, rubric_id, annotator,
           jsonb_object_agg(place::text, by_criterion) AS ratings,
           coalesce(string_agg(DISTINCT reason, E'\\n'), '') AS reason,
           max(confidence) AS confidence, max(prediction) AS prediction,
           max(elapsed_ms) AS elapsed_ms, max(judged_at) AS judged_at
    FROM (
        SELECT min(line) AS line, key, question_id, rubric_id, annotator, place,
               jsonb_object_agg(criterion_position::text, value) AS by_criterion,
               string_agg(DISTINCT nullif(reason, ''), E'\\n') AS reason,
               max(confidence) AS confidence, max(prediction) AS prediction,
               max(elapsed_ms) AS elapsed_ms, max(judged_at) AS judged_at
        FROM placed_rating
        WHERE judgment_type = 'rating' AND place IS NOT NULL AND criterion_position IS NOT NULL
        GROUP BY key, question_id, rubric_id, annotator, place
    ) by_place
    GROUP BY key, question_id, rubric_id, annotator
) g
JOIN judging j ON j.name = g.annotator
ORDER BY g.line
"""

RANKED = """
CREATE TEMP TABLE placed_ranking ON COMMIT DROP AS
SELECT s.line, s.external_id, s.question, s.annotator, s.reason, s.confidence, s.prediction,
       s.elapsed_ms, s.judged_at, t.id AS question_id, t.judgment_type, t.places, {key} AS key,
       u.tier, n.name, coalesce(array_position(t.candidates, n.name),
                                array_position(t.systems, n.name)) - 1 AS place
FROM staged_ranking s
JOIN touched_question t ON t.name = s.question
CROSS JOIN LATERAL jsonb_array_elements(s.tiers) WITH ORDINALITY AS u (names, tier)
CROSS JOIN LATERAL jsonb_array_elements_text(u.names) AS n (name)
"""

RANKING_CHECKS = [
    ("question_id", f"SELECT DISTINCT * FROM ({NOT_THERE.format(placed='placed_ranking')}) f"),  # noqa: S608
    (
        "question_id",
        "SELECT DISTINCT * FROM ("  # noqa: S608
        f"{OTHER_KIND.format(placed='placed_ranking', kind='ranking')}) f",
    ),
    ("judgment_id", OTHERS_JUDGMENT.format(placed="placed_ranking")),
    (
        "order",
        """
        SELECT line, format('question “%%s” doesn''t show “%%s”', question, name)
        FROM placed_ranking WHERE judgment_type = 'ranking' AND place IS NULL
        """,
    ),
    (
        "order",
        """
        SELECT line, format('ranks %%s of the %%s responses that question “%%s” shows',
                            count(DISTINCT place), places, question)
        FROM placed_ranking WHERE judgment_type = 'ranking'
        GROUP BY line, places, question
        HAVING count(place) = count(*) AND count(DISTINCT place) <> (
            CASE WHEN (SELECT options->>'top' FROM annotation_project WHERE id = %(project)s) = '1'
                 THEN 1 ELSE places END)
        """,
    ),
]

RANKINGS = """
INSERT INTO resolved_judgment
SELECT g.line, g.question_id, j.annotator_id, j.profile_id, 'ranking', g.key,
       jsonb_build_object('tiers', g.tiers, 'of', g.places), NULL, g.reason, g.confidence,
       g.prediction, g.elapsed_ms, g.judged_at
FROM (
    SELECT line, key, question_id, places, annotator, jsonb_agg(positions ORDER BY tier) AS tiers,
           min(reason) AS reason, min(confidence) AS confidence, min(prediction) AS prediction,
           min(elapsed_ms) AS elapsed_ms, min(judged_at) AS judged_at
    FROM (
        SELECT line, key, question_id, places, annotator, tier,
               jsonb_agg(place ORDER BY place) AS positions, min(reason) AS reason,
               min(confidence) AS confidence, min(prediction) AS prediction,
               min(elapsed_ms) AS elapsed_ms, min(judged_at) AS judged_at
        FROM placed_ranking WHERE judgment_type = 'ranking' AND place IS NOT NULL
        GROUP BY line, key, question_id, places, annotator, tier
    ) by_tier
    GROUP BY line, key, question_id, places, annotator
) g
JOIN judging j ON j.name = g.annotator
ORDER BY g.line
"""


def resolve_ratings(ground: Ground, *, key: str) -> None:
    """`touched_question` and `named_criterion` are there; `key` is the submission key's SQL."""
    ground.run(RATED.format(key=key))
    ground.run("ANALYZE placed_rating")
    ground.check_all(RATING_CHECKS)
    ground.run(RATINGS)


def resolve_rankings(ground: Ground, *, key: str) -> None:
    """`touched_question` is there; `key` is the submission key's SQL."""
    ground.run(RANKED.format(key=key))
    ground.run("ANALYZE placed_ranking")
    ground.check_all(RANKING_CHECKS)
    ground.run(RANKINGS)
