"""How different a project's candidates are: per prompt and per writer, from their embeddings."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from django.utils.translation import gettext as _

from annotation.models import Candidate, Measurement, Project, Prompt
from models_runtime.diversity import vendi_score
from models_runtime.diversity.duplicates import near_duplicates
from models_runtime.errors import NotPossible

MOST_VECTORS = 10_000  # some seconds; name a prompt beyond
MOST_COMPARED = 1_000  # candidates of one prompt, compared pair by pair: some seconds
MOST_PAIRS = 2_000  # that are nearly the same; more tell no more, and take long to count edits of


@dataclass(frozen=True, slots=True)
class Variety:
    """The Vendi score of `n` candidates of one prompt by one writer ("" for all of them)."""

    prompt: str
    system: str
    n: int
    score: float


@dataclass(frozen=True, slots=True)
class WriterVariety:
    """A writer's mean over the `prompts` for which it wrote two candidates or more, `n` in all."""

    system: str
    prompts: int
    n: int
    mean_score: float
    mean_per_candidate: float


@dataclass(frozen=True, slots=True)
class SamePair:
    """Two candidates of a prompt that are nearly the same; see `duplicates.NearPair`."""

    first: str
    second: str
    cosine: float | None
    edits: float | None


@dataclass(frozen=True, slots=True)
class Diversity:
    """`duplicates` is None unless one prompt was asked for; the first MOST_PAIRS of them."""

    name: str
    source: str
    order: float
    n: int
    without: int
    varieties: Sequence[Variety]
    writers: Sequence[WriterVariety]
    duplicates: Sequence[SamePair] | None


Rows = list[dict[str, Any]]


def diversity_of(
    project: Project,
    *,
    name: str = "embedding",
    source: str = "",
    order: float = 1.0,
    prompt: str = "",
    least_cosine: float = 0.9,
    most_edits: float = 0.1,
) -> Diversity:
    """Vendi scores of the project's candidates that have the vector `name`, for every prompt or the
    one called `prompt`; and of one prompt the pairs that are nearly the same.

    `without` counts candidates that have no such vector and so were left out. Raises NotPossible.
    """
    if prompt and not Prompt.objects.filter(project=project, external_id=prompt).exists():
        raise NotPossible(_("This project has no prompt “%(name)s”.") % {"name": prompt})
    about = {"candidate__prompt__project": project, "name": name, "vector__isnull": False}
    source = _settled(about, name, source)
    found = Measurement.objects.filter(**about, source=source)
    everything = project.prompts.filter(external_id=prompt) if prompt else project.prompts.all()
    found = found.filter(candidate__prompt__in=everything)
    count = found.count()
    if count > MOST_VECTORS:
        raise NotPossible(
            _("At most %(most)s candidates can be looked at once. Name a prompt.")
            % {"most": f"{MOST_VECTORS:,}"}
        )
    columns: Any = found.order_by("candidate_id").values(
        "vector",
        "candidate__text",
        "candidate__external_id",
        "candidate__prompt__external_id",
        "candidate__system__name",
    )
    rows: Rows = list(columns)
    candidates = Candidate.objects.filter(prompt__in=everything).count()
    try:
        return Diversity(
            name=name,
            source=source,
            order=order,
            n=count,
            without=candidates - count,
            varieties=_varieties(rows, order),
            writers=_writers(rows, order),
            duplicates=_duplicates(rows, least_cosine, most_edits) if prompt else None,
        )
    except ValueError as error:
        raise NotPossible(str(error)) from error


def _settled(about: dict[str, Any], name: str, source: str) -> str:
    sources = sorted(
        Measurement.objects.filter(**about).order_by().values_list("source", flat=True).distinct()
    )
    if not sources:
        raise NotPossible(
            _("This project has no vector called “%(name)s”. Measure its candidates' embeddings.")
            % {"name": name}
        )
    if source in sources:
        return source
    if source or len(sources) > 1:
        raise NotPossible(
            _("Say which “%(name)s” is meant. There are: %(sources)s.")
            % {"name": name, "sources": "; ".join(sources)}
        )
    return sources[0]


def _grouped(rows: Rows, *keys: str) -> dict[tuple[str, ...], Rows]:
    groups: dict[tuple[str, ...], Rows] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] or "" for key in keys)].append(row)
    return dict(sorted(groups.items()))


def _score(group: Rows, order: float) -> float:
    return vendi_score([row["vector"] for row in group], order=order)


def _varieties(rows: Rows, order: float) -> list[Variety]:
    """Of every prompt: all its candidates first, then those of each known writer."""
    found = []
    for (prompt,), group in _grouped(rows, "candidate__prompt__external_id").items():
        found.append(Variety(prompt, "", len(group), _score(group, order)))
        for (system,), own in _grouped(group, "candidate__system__name").items():
            if system:
                found.append(Variety(prompt, system, len(own), _score(own, order)))
    return found


def _writers(rows: Rows, order: float) -> list[WriterVariety]:
    by_writer: dict[str, list[tuple[int, float]]] = defaultdict(list)
    keys = ("candidate__prompt__external_id", "candidate__system__name")
    for (_prompt, system), group in _grouped(rows, *keys).items():
        if system and len(group) > 1:
            by_writer[system].append((len(group), _score(group, order)))
    return [
        WriterVariety(
            system=system,
            prompts=len(scores),
            n=sum(n for n, _score in scores),
            mean_score=fmean(score for _n, score in scores),
            mean_per_candidate=fmean(score / n for n, score in scores),
        )
        for system, scores in sorted(by_writer.items())
    ]


def _duplicates(rows: Rows, least_cosine: float, most_edits: float) -> list[SamePair]:
    if len(rows) > MOST_COMPARED:
        raise NotPossible(
            _("Near-duplicates can be looked for among at most %(most)s candidates of a prompt.")
            % {"most": f"{MOST_COMPARED:,}"}
        )
    names = [row["candidate__external_id"] for row in rows]
    pairs = near_duplicates(
        [row["candidate__text"] for row in rows],
        [row["vector"] for row in rows],
        least_cosine=least_cosine,
        most_edits=most_edits,
        most=MOST_PAIRS,
    )
    return [SamePair(names[p.first], names[p.second], p.cosine, p.edits) for p in pairs]
