"""Is there enough data to speak of groups at all?"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from aggregation.report.figures import Figure, count, many, people, unknown
from aggregation.report.study import FEWEST_PEOPLE, Study
from annotation.phrases import capital, say

QUANTILES = say("a description of these judgments, not an estimate")


@dataclass(frozen=True)
class Tried:
    """One number of groups that was tried: BIC, and the log-likelihood of held-out votes as far as
    it falls short of the best, with the standard error of that.
    """

    groups: Figure
    bic: Figure
    heldout: Figure
    error: Figure
    chosen: bool


@dataclass(frozen=True)
class Sufficiency:
    """`verdict` is "groups", "one group" or "not enough"."""

    verdict: str
    people: Figure
    votes: Figure
    votes_median: Figure
    votes_tenth: Figure
    overlap: Figure
    repeats: Figure
    gate: tuple[str, ...]
    tried: tuple[Tried, ...]
    sentences: tuple[str, ...]


def sufficiency(study: Study) -> Sufficiency:
    votes = study.found.votes
    each = np.bincount(votes.people, votes.votes_each)
    each = each[each > 0]
    n = study.found.n_people
    pairs, overlapping = _overlap(study)
    gate, verdict = _gate(study)
    figures = {
        "people": count(n, "people"),
        "votes": count(float(study.table.weights.sum()), "votes"),
        "votes_median": Figure(float(np.median(each)), n, "people", why=QUANTILES),
        "votes_tenth": Figure(float(np.quantile(each, 0.1)), n, "people", why=QUANTILES),
        "overlap": Figure(overlapping / pairs, pairs, "pairs", why=QUANTILES)
        if pairs
        else unknown(say("nothing was compared")),
        "repeats": count(_repeats(study), say("pairs asked again")),
    }
    return Sufficiency(
        verdict=verdict,
        gate=gate,
        tried=_tried(study),
        sentences=_sentences(study, verdict, gate, figures),
        **figures,
    )


def _gate(study: Study) -> tuple[tuple[str, ...], str]:
    if study.is_declared:
        enough = study.several
        return tuple(study.found.notes), "groups" if enough else "not enough"
    choice = study.found.choice
    assert choice is not None
    if study.several:
        return choice.gate, "groups"
    return choice.gate, "not enough" if choice.gate else "one group"


def _keys(study: Study) -> tuple[np.ndarray, np.ndarray]:
    """(context and pair, cluster) of each row of the table."""
    table = study.table
    K = max(table.n_items, 1)
    context = np.zeros(len(table), dtype=np.int64) if table.group is None else table.group + 1
    low, high = np.minimum(table.a, table.b), np.maximum(table.a, table.b)
    key = (context.astype(np.int64) * K + low) * K + high
    return key, table.clusters[0].astype(np.int64)


def _overlap(study: Study) -> tuple[int, int]:
    """Pairs asked in one context, and how many of them by two people or more."""
    key, who = _keys(study)
    _, pair = np.unique(key, return_inverse=True)
    judged = np.unique(pair.astype(np.int64) * (int(who.max(initial=0)) + 1) + who)
    each = np.bincount(judged // (int(who.max(initial=0)) + 1))
    return len(each), int((each > 1).sum())


def _repeats(study: Study) -> int:
    """Times that one person judged the same pair in the same context again."""
    key, who = _keys(study)
    _, pair = np.unique(key, return_inverse=True)
    cells = pair.astype(np.int64) * (int(who.max(initial=0)) + 1) + who
    return len(cells) - len(np.unique(cells))


def _tried(study: Study) -> tuple[Tried, ...]:
    choice = study.found.choice
    if choice is None or len(choice.tried) < 2:
        return ()
    best = np.nanmax(choice.heldout) if np.isfinite(choice.heldout).any() else np.nan
    n, level = study.found.n_people, study.options.level
    rows = []
    for i, groups in enumerate(choice.tried):
        rows.append(
            Tried(
                count(groups, "groups"),
                _told(
                    choice.bic[i],
                    n,
                    say("a criterion of these fits: only its differences mean much"),
                ),
                _behind(choice.heldout[i] - best, choice.heldout_deficit_se[i], n, level),
                _told(choice.heldout_deficit_se[i], n, say("itself a standard error")),
                groups == choice.n_groups,
            )
        )
    return tuple(rows)


def _leaning(study: Study) -> str:
    """Where memberships come from, and how little each group says of each item."""
    votes = study.found.votes
    heard = study.mixture.gamma[:, :-1].T @ votes.votes_each
    each = float(2 * heard.min() / max(_compared(study), 1))
    said = say(
        "Groups are those that the same people form when the systems behind the "
        "responses are compared, as single responses have too few votes to find "
        "any."
    )
    if study.several and each < 3:
        said += " " + say(
            "The least heard group cast %(each)s votes per response: there its "
            "wishes are mostly taken to be everybody's.",
            each=f"{each:.1f}",
        )
    return said


def _compared(study: Study) -> int:
    """Items that were compared; a statement and its contrary are one."""
    table = study.table
    items = len(np.unique(np.concatenate([table.a, table.b])))
    return items // 2 if study.material.level == "statements" else items


def _told(value: float, n: int, why: str) -> Figure:
    if not np.isfinite(value):
        return unknown(say("not tried"))
    return Figure(round(float(value), 3) + 0.0, n, "people", why=why)


def _behind(value: float, error: float, n: int, level: float) -> Figure:
    """How far held-out votes fall short of the best, with the interval of a sum over people."""
    if not np.isfinite(value) or not np.isfinite(error) or error <= 0:
        return _told(value, n, say("the best, to which the others are held"))
    half = float(ndtri((1 + level) / 2)) * error
    lo, hi = (round(float(value + each), 3) + 0.0 for each in (-half, half))
    return Figure(round(float(value), 3) + 0.0, n, "people", lo, hi)


def _sentences(
    study: Study, verdict: str, gate: tuple[str, ...], figures: dict[str, Figure]
) -> tuple[str, ...]:
    n, votes = figures["people"].value or 0, figures["votes"].value or 0
    median, overlap = figures["votes_median"].value or 0, figures["overlap"]
    said = [
        say(
            "%(people)s cast %(votes)s on %(many)s; half of them cast %(median)s or more.",
            people=people(n),
            votes=many(votes, "vote"),
            many=many(_compared(study), *study.material.nouns),
            median=f"{median:,.0f}",
        )
    ]
    if overlap.value is not None and overlap.n is not None:
        said.append(
            say(
                "Of %(pairs)s that were asked, %(overlap)s %% were judged by two people or "
                "more; only there is disagreement between people seen directly.",
                pairs=many(overlap.n, "pair"),
                overlap=f"{100 * overlap.value:.0f}",
            )
        )
    if study.found.base is not None:
        said.append(_leaning(study))
    choice = study.found.choice
    if verdict == "groups" and study.is_declared:
        said.append(
            say(
                "People are grouped by what they declared as “%(attribute)s” when they "
                "judged: %(g)s groups of at least five people.",
                attribute=study.material.attribute,
                g=study.G,
            )
        )
    elif verdict == "groups" and choice is not None:
        said.append(
            say(
                "The votes tell %(g)s groups apart: more would not predict held-out "
                "votes better by more than one standard error, or cost more than they "
                "explain (BIC).",
                g=study.G,
            )
        )
    elif verdict == "one group":
        said.append(
            say(
                "We see one group: assuming more would not predict held-out votes better "
                "by more than one standard error, or would cost more than it explains "
                "(BIC)."
            )
        )
    else:
        said.append(say("There is not enough data to tell groups apart."))
    said += [f"{capital(each)}." for each in gate]
    if n < FEWEST_PEOPLE:
        said.append(
            say(
                "With fewer than %(fewest_people)s people, no interval is given.",
                fewest_people=FEWEST_PEOPLE,
            )
        )
    return tuple(said)
