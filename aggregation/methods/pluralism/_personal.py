"""What methods with personal rewards share: options, reading votes, and refusals in sentences."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aggregation.method import Estimate
from aggregation.options import Options, option
from aggregation.personal.course import Device
from aggregation.personal.raters import calibrated
from aggregation.personal.votes import (
    PersonalVotes,
    has_embeddings,
    votes_on_embeddings,
    votes_on_items,
)
from aggregation.pluralism.votes import pairs_weighted_by_gap, selected
from aggregation.results import AnnotatorQuality
from aggregation.tables import Comparisons, Ratings, TableError
from aggregation.tables.embedded import EmbeddedComparisons
from aggregation.warning_codes import ResultWarning, WarningCode, warn
from annotation.phrases import say

Floats = NDArray[np.float64]
LISTED = 2_000  # annotators whose weights are written into a result
VOTES_PER_ITEM = 5  # below, an item without an embedding has no place worth having
MOST_ITEMS = 2_000  # with a place of their own
NO_EMBEDDINGS = (
    "These responses have no embeddings, which this method reads. Run an embedding job on the "
    "project's responses first, or choose “items”, where every item gets a place of its own and "
    "nothing carries over to new ones."
)


@dataclass(frozen=True, kw_only=True)
class PersonalOptions(Options):
    form: Literal["auto", "embeddings", "items"] = option(
        "auto",
        "What a response is",
        "Its frozen embedding; or an item with a place of its own. Auto: embeddings where there "
        f"are some, else items if each has {VOTES_PER_ITEM} votes.",
    )
    dimensions: int = option(
        32, "Dimensions", "Principal components of the embeddings, found without votes.", low=1
    )
    steps: int = option(400, "Steps", "Of training, at most.", low=1, high=100_000)
    device: Literal["auto", "cpu", "cuda"] = option(
        "auto",
        "Device",
        "Auto: a GPU where there is one. The last digits differ between devices.",
    )
    cannot_tell: Literal["tie", "drop"] = option("tie", "“Cannot tell”", "A tie, or left out.")
    calibrate: bool = option(
        True,
        "Calibrate raters",
        "Of ratings: put every annotator's scale on the common one before ratings become pairs.",
    )

    @property
    def reads_embeddings(self) -> bool:
        return self.form != "items"

    @property
    def on_device(self) -> Device:
        return self.device


@dataclass(frozen=True, eq=False)
class Reading:
    """Votes as personal models read them, and what is to be said about them."""

    table: Comparisons
    votes: PersonalVotes
    form: str
    part: NDArray[np.int64]
    n_parts: int
    warnings: tuple[ResultWarning, ...]

    def described(self) -> dict[str, Any]:
        table = self.table
        encoder = table.encoder if isinstance(table, EmbeddedComparisons) else ""
        return {
            "form": self.form,
            "encoder": encoder if self.form == "embeddings" else "",
            "dimensions": int(self.votes.points.shape[1]),
            "texts": len(self.votes.points),
            "people": self.votes.n_people,
            "median_votes": float(np.median(self.votes.votes_each)),
            "votes_without_embedding": self.votes.left_out,
        }


def read(
    evidence: Comparisons | Ratings, options: PersonalOptions, with_prompts: bool = False
) -> Reading | Estimate:
    """The votes, or the answer where there is nothing to learn from.

    Raises TableError where embeddings are asked for and there are none.
    """
    table = selected(_pairs(evidence, options), options.cannot_tell)
    if not (table.weights > 0).any():
        return _blank(table)
    n_parts, part = table.pair_counts().components
    told = _told(table, part, n_parts)
    embedded = options.form != "items" and has_embeddings(table)
    if not embedded and (options.form == "embeddings" or with_prompts):
        raise TableError(NO_EMBEDDINGS)
    if not embedded and options.form == "auto" and not _dense(table):
        return _blank(table, (warn(WarningCode.NO_EMBEDDINGS, _how_thin(table)), *told))
    if not embedded and table.n_items > MOST_ITEMS:
        raise TableError(
            say(
                "%(n_items)s items are too many to give each a place of its own; the "
                "limit is %(most_items)s. Run an embedding job on the project's "
                "responses first.",
                n_items=f"{table.n_items:,}",
                most_items=f"{MOST_ITEMS:,}",
            )
        )
    votes = (
        votes_on_embeddings(table, options.dimensions, with_prompts)
        if embedded
        else votes_on_items(table)
    )
    if votes.left_out:
        told.append(
            warn(
                WarningCode.NO_EMBEDDINGS,
                say("%(n)s votes are left out for this", n=votes.left_out),
            )
        )
    if not len(votes):
        return _blank(table, tuple(told))
    part = np.where(np.bincount(votes.item, minlength=len(part)) > 0, part, -1)
    form = "embeddings" if embedded else "items"
    if not votes.decided:
        even = np.where(part >= 0, 0.5, np.nan)
        told.append(warn(WarningCode.ALL_TIES))
        return Estimate(even, "probability", component=part, warnings=tuple(told))
    return Reading(table, votes, form, part.astype(np.int64), n_parts, tuple(told))


def _pairs(evidence: Comparisons | Ratings, options: PersonalOptions) -> Comparisons:
    if isinstance(evidence, Comparisons):
        return evidence
    return pairs_weighted_by_gap(calibrated(evidence) if options.calibrate else evidence)


def quality(reading: Reading, right: Floats, ability_kind: str) -> AnnotatorQuality | None:
    """A number per person of the votes as a column over the table's annotators."""
    table, votes = reading.table, reading.votes
    if table.annotator is None or not table.annotator_ids:
        return None
    A = len(table.annotator_ids)
    known = votes.people < A
    ability = np.full(A, np.nan)
    ability[votes.people[known]] = right[known]
    n = np.bincount(table.annotator[table.annotator >= 0], minlength=A).astype(np.int64)
    return AnnotatorQuality(table.annotator_ids, ability, n, ability_kind=ability_kind)


def by_annotator(
    reading: Reading, rows: Floats, chosen: NDArray[np.bool_]
) -> dict[str, list[float]]:
    """Rows of the chosen people by annotator's id; nothing for unknown ones or a long list."""
    ids, people = reading.table.annotator_ids, reading.votes.people
    if len(people) > LISTED:
        return {}
    listed = [(c, row) for c, row, own in zip(people, rows.tolist(), chosen, strict=True) if own]
    return {str(ids[c]): row for c, row in sorted(listed) if c < len(ids)}


def agreement(votes: PersonalVotes, eta: Floats) -> Floats:
    """Per person the share of own votes on the side of the log-odds, float64[A]."""
    side = (np.sign(eta) + 1) / 2
    right = votes.k * side + (votes.n - votes.k) * (1 - side)
    return np.asarray(np.bincount(votes.person, right, minlength=votes.n_people) / votes.votes_each)


def log_likelihood(votes: PersonalVotes, eta: Floats) -> float:
    return float((votes.k * eta - votes.n * np.logaddexp(0.0, eta)).sum())


def _dense(table: Comparisons) -> bool:
    seen = np.unique(np.concatenate([table.a, table.b])).size
    return bool(2 * table.weights.sum() >= VOTES_PER_ITEM * seen) and table.n_items <= MOST_ITEMS


def _how_thin(table: Comparisons) -> str:
    seen = np.unique(np.concatenate([table.a, table.b])).size
    return f"{table.weights.sum():g} votes on {seen} items"


def _told(table: Comparisons, part: NDArray[Any], n_parts: int) -> list[ResultWarning]:
    told: list[ResultWarning] = []
    unseen = np.flatnonzero(part < 0)
    if len(unseen):
        who: list[Hashable] = [table.ids[i] for i in unseen]
        told.append(warn(WarningCode.UNSEEN_ITEMS, say("%(n)s items", n=len(unseen)), who))
    if n_parts > 1:
        told.append(warn(WarningCode.DISCONNECTED, say("%(n)s parts", n=n_parts)))
    return told


def _blank(table: Comparisons, told: tuple[ResultWarning, ...] = ()) -> Estimate:
    return Estimate(np.full(len(table.ids), np.nan), "probability", warnings=told)
