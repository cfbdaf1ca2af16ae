"""Landing: from the temporary tables into the project, noun by noun, as sets.

Every module has `land(ground)`: it notes what is wrong with staged rows as flaws, and inserts what
isn't there yet. It inserts even when there are flaws, so that later nouns are checked against all
that is known; the transaction is then rolled back as a whole.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.backends.utils import CursorWrapper

from annotation.models import Project

MANY = 500  # rows; a bad plan for fewer costs less than the statistics


@dataclass(slots=True)
class Ground:
    """One import's transaction: a cursor, a project, and what has been counted so far."""

    cursor: CursorWrapper
    project: Project
    allow_similar_ids: bool = False
    created: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tell: Callable[[int, int], None] | None = None

    def run(self, statement: str, **values: Any) -> int:
        """Execute a statement; `project` is always among its values. Returns its row count."""
        self.cursor.execute(statement, {"project": self.project.pk, **values})
        return int(self.cursor.rowcount)

    def number(self, query: str, **values: Any) -> int:
        self.run(query, **values)
        return int(self.cursor.fetchone()[0])

    def acquaint(self, table: str, created: int) -> None:
        """Let the planner know a table that has just grown by `created` rows.

        Without this, a project that is new to the statistics counts as one row, and a join with
        its 20,000 questions became a nested loop of minutes; and where a rehearsal left dead rows
        behind, a table counts as empty however much is written to it. A table that somebody else
        is analysing is left out: waiting here could end in a deadlock.
        """
        self.run("ANALYZE fresh")
        if created >= MANY:
            self.run(f"ANALYZE (SKIP_LOCKED) {table}")

    def is_empty(self, table: str) -> bool:
        first = f"SELECT FROM {table} LIMIT 1"
        return not self.number(f"SELECT count(*) FROM ({first}) AS first")  # noqa: S608

    def check(self, column: str, query: str, **values: Any) -> None:
        """Note a flaw for every (line, reason) that the query finds."""
        found = f"SELECT line, %(column)s, reason FROM ({query}) AS f (line, reason)"  # noqa: S608
        insert = f'INSERT INTO staged_flaw (line, "column", reason) {found}'
        self.run(insert, column=column, **values)

    def check_all(self, checks: Sequence[tuple[str, str]]) -> None:
        for column, query in checks:
            self.check(column, query)

    def check_similar(self, column: str, staged: str, existing: str) -> None:
        """Flag ids that differ from another one only by capitals or spaces.

        `staged` yields (scope, id, line), `existing` (scope, id) of the ids already there. Only ids
        within one scope are compared.
        """
        if self.allow_similar_ids:
            return
        self.check(
            column,
            f"""
            WITH ids (scope, id, line) AS (
                SELECT scope, id, min(line) FROM ({staged}) s (scope, id, line) GROUP BY 1, 2
                UNION ALL SELECT scope, id, NULL FROM ({existing}) e (scope, id)
            ), folded AS (
                SELECT *, lower(regexp_replace(normalize(id, NFKC), '\\s+', '', 'g')) AS fold
                FROM ids
            ), compared AS (
                SELECT id, line, first_value(id) OVER (
                    PARTITION BY scope, fold ORDER BY line NULLS FIRST, id
                ) AS earlier
                FROM folded
            )
            SELECT line, format(
                '“%%s” differs from “%%s” only by capitals or spaces. Make them the same, or allow '
                'similar ids (--allow-similar-ids) if they mean different things', id, earlier)
            FROM compared WHERE line IS NOT NULL AND id <> earlier
            """,  # noqa: S608
        )

    def count(self, noun: str, *, created: int, staged: int) -> None:
        """Add to the report: `created` of `staged` distinct ones were new."""
        if staged:
            self.created[noun] = self.created.get(noun, 0) + created
            self.unchanged[noun] = self.unchanged.get(noun, 0) + staged - created
