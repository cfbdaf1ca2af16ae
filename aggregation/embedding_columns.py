"""Frozen embeddings of responses, read from measurements into the columns of a table."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from django.db.models import Count
from numpy.typing import NDArray

from aggregation.evidence_columns import Part
from aggregation.personal.raters import calibrated
from aggregation.personal.votes import principal_components
from aggregation.pluralism.votes import pairs_weighted_by_gap
from aggregation.streaming import stream
from aggregation.tables import Comparisons, Ratings, TableError
from aggregation.tables.embedded import EmbeddedComparisons
from annotation.models import Measurement, Project
from annotation.phrases import say

Longs = NDArray[np.int64]
COMPONENTS = 32  # of embeddings, as covariates
FROM_RATINGS = say("ratings of one annotator into pairs weighted by their gap")


def with_embeddings(
    part: Part, project: Project, *, calibrate: bool = False, as_features: bool = False
) -> Part:
    """The part with the embeddings of its responses; as it is where the project has none.

    Of several sets of embeddings the one that covers most responses is read. A row's text is the
    judged candidate, or what the judged system wrote for the row's prompt if that is one response
    only. Ratings become pairs first, on a common scale if `calibrate`. With `as_features` the
    table's covariates are differences of principal components, and rows without an embedding are
    left out, as the conversions say. Raises TableError for vectors of different lengths in one set.
    """
    encoder = _encoder(project)
    if encoder is None or not isinstance(part.table, Comparisons | Ratings):
        return part
    table, conversions = part.table, part.conversions
    if isinstance(table, Ratings):
        ratings = calibrated(table) if calibrate else table
        table, conversions = pairs_weighted_by_gap(ratings), (*conversions, FROM_RATINGS)
    vectors, texts = _read(project, encoder)
    place = _places(part, table, texts)
    group = np.full(len(table), -1, dtype=np.int64) if table.group is None else table.group
    embedded = EmbeddedComparisons.of(
        table,
        vectors,
        place(table.a.astype(np.int64), group.astype(np.int64)),
        place(table.b.astype(np.int64), group.astype(np.int64)),
        " · ".join(word for word in encoder if word),
    )
    if as_features:
        embedded, said = _with_components(embedded)
        conversions = (*conversions, said)
    return replace(part, table=embedded, conversions=conversions)


def _with_components(table: EmbeddedComparisons) -> tuple[EmbeddedComparisons, str]:
    """Covariates from embeddings, and what had to be done in words."""
    assert table.vectors is not None
    assert table.text_a is not None
    assert table.text_b is not None
    both = (table.text_a >= 0) & (table.text_b >= 0)
    points = principal_components(table.vectors, COMPONENTS)
    kept = table.take(both)
    assert kept.text_a is not None
    assert kept.text_b is not None
    names = tuple(f"component {place + 1}" for place in range(points.shape[1]))
    said = say("embeddings into %(names)s principal components", names=len(names))
    if missing := int((~both).sum()):
        said += say("; %(missing)s votes without an embedding left out", missing=missing)
    x = points[kept.text_a] - points[kept.text_b]
    return replace(kept, x=x, feature_names=names), said


def _encoder(project: Project) -> tuple[str, str] | None:
    """(name, source) of the set of vectors on most of the project's responses."""
    found = (
        Measurement.objects.filter(candidate__prompt__project=project, vector__isnull=False)
        .values_list("name", "source")
        .annotate(number=Count("pk"))
        .order_by("-number", "name", "source")
        .first()
    )
    return None if found is None else (found[0], found[1])


Text = tuple[str, int, int]  # prompt's external id, system (0: unknown), candidate


def _read(project: Project, encoder: tuple[str, str]) -> tuple[NDArray[np.float32], list[Text]]:
    rows = (
        Measurement.objects.filter(
            candidate__prompt__project=project,
            name=encoder[0],
            source=encoder[1],
            vector__isnull=False,
        )
        .order_by("candidate__prompt__external_id", "candidate__external_id")
        .values_list(
            "candidate__prompt__external_id", "candidate__system_id", "candidate_id", "vector"
        )
    )
    blocks: list[NDArray[np.float32]] = []
    texts: list[Text] = []
    for some in stream(rows):
        lengths = {len(row[3]) for row in some} | {b.shape[1] for b in blocks[:1]}
        if len(lengths) > 1:
            raise TableError(
                say(
                    "The embeddings “%(encoder)s” have different lengths (%(min)s and "
                    "%(max)s). Run one embedding job over all responses again.",
                    encoder=encoder[0],
                    min=min(lengths),
                    max=max(lengths),
                )
            )
        blocks.append(np.array([row[3] for row in some], dtype=np.float32))
        texts += [(row[0], row[1] or 0, row[2]) for row in some]
    return np.concatenate(blocks), texts


def _places(part: Part, table: Comparisons, texts: list[Text]) -> Any:
    """A lookup from (item code, context code) columns to rows of the vectors, -1 for none."""
    candidates = {text[2]: row for row, text in enumerate(texts)}
    items = [part.items[key] for key in table.ids]
    own = np.array([candidates.get(item.candidate_id or 0, -1) for item in items], dtype=np.int64)
    systems = {item.system_id: code for code, item in enumerate(items) if item.system_id}
    prompts = {name: code for code, name in enumerate(table.group_ids)}
    K = max(len(items), 1)
    written = Counter((prompt, system) for prompt, system, _ in texts)
    keyed = sorted(
        (prompts[prompt] * K + systems[system], row)
        for row, (prompt, system, _) in enumerate(texts)
        if system in systems and prompt in prompts and written[prompt, system] == 1
    )
    keys = np.array([key for key, _ in keyed], dtype=np.int64)
    rows = np.array([row for _, row in keyed], dtype=np.int64)

    def place(item: Longs, context: Longs) -> Longs:
        found = own[item]
        if not len(keys):
            return found
        wanted = context * K + item
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        known = (keys[at] == wanted) & (context >= 0)
        return np.where(found >= 0, found, np.where(known, rows[at], -1))

    return place
