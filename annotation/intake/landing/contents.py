"""Rendering of what has just landed: each text once, by several processes where it pays.

The judging page reads the stored HTML and never renders, so nothing is left to be rendered later:
a prompt or candidate is visible to others only when the transaction ends, with its HTML.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from annotation.intake.landing import Ground
from annotation.intake.texts import rendering

FETCHED = 200  # texts in hand at once
WORTH_PROCESSES = (
    2_000  # texts; starting a process costs as much as rendering some hundred short ones
)

TEXTS = {
    "prompt": (
        "SELECT DISTINCT ON (p.content_hash) p.content_hash, p.messages::text "
        "FROM annotation_prompt p JOIN fresh f ON f.noun = 'prompt' AND f.id = p.id",
        "UPDATE annotation_prompt p SET html = r.html FROM rendered r, fresh f "
        "WHERE f.noun = 'prompt' AND f.id = p.id AND r.noun = 'prompt' "
        "AND r.content_hash = p.content_hash",
    ),
    "candidate": (
        "SELECT DISTINCT ON (c.content_hash) c.content_hash, c.text "
        "FROM annotation_candidate c JOIN fresh f ON f.noun = 'candidate' AND f.id = c.id",
        "UPDATE annotation_candidate c SET html = r.html FROM rendered r, fresh f "
        "WHERE f.noun = 'candidate' AND f.id = c.id AND r.noun = 'candidate' "
        "AND r.content_hash = c.content_hash",
    ),
}

RENDERED = """
CREATE TEMP TABLE rendered (noun text, content_hash text, html text) ON COMMIT DROP
"""


def render_fresh(ground: Ground, *, processes: int, tell: Callable[[int, int], None]) -> None:
    """Fill the HTML of the prompts and candidates that this import made."""
    total = ground.number("SELECT count(*) FROM fresh WHERE noun IN ('prompt', 'candidate')")
    if not total:
        return
    ground.run("ANALYZE fresh")
    ground.run(
        "CREATE TEMP TABLE rendered (noun text, content_hash text, html text) ON COMMIT DROP"
    )
    done = 0
    with rendering(processes if total >= WORTH_PROCESSES else 1) as render:
        for noun, (query, update) in TEXTS.items():
            for batch in _batches(ground, query):
                hashes, texts = zip(*batch, strict=True)
                pages = render(noun, texts)
                _keep(ground, noun, zip(hashes, pages, strict=True))
                done += len(batch)
                tell(done, total)
            ground.run(update)
    tell(total, total)


def _batches(ground: Ground, query: str) -> Iterator[list[tuple[str, str]]]:
    """The rows of a query, some hundred at a time, by a cursor that stays on the server."""
    ground.run(f"DECLARE texts NO SCROLL CURSOR FOR {query}")
    while True:
        ground.run(f"FETCH {FETCHED} FROM texts")
        batch: list[tuple[str, str]] = ground.cursor.fetchall()
        if not batch:
            break
        yield batch
    ground.run("CLOSE texts")


def _keep(ground: Ground, noun: str, pages: Iterable[tuple[str, str]]) -> None:
    statement = "COPY rendered (noun, content_hash, html) FROM STDIN"
    copy: Any
    with ground.cursor.copy(statement) as copy:
        for content_hash, page in pages:
            copy.write_row((noun, content_hash, page))
