"""Whether the majority is enough, in sentences and a table of peers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aggregation.reports import Report
from aggregation.wording import named, number

MOST_PEOPLE = 200


@dataclass(frozen=True)
class PeerRow:
    name: str
    correlated: str
    output: str
    peers: int
    shared: int


@dataclass(frozen=True)
class MajorityView:
    verdict: str
    sentences: tuple[str, ...]
    peers: tuple[PeerRow, ...]
    total: int


def majority_view(report: Report) -> MajorityView:
    weights = report["weights"]
    peers = sorted(
        report["peers"], key=lambda row: -9.0 if row["correlated"] is None else -row["correlated"]
    )
    return MajorityView(
        verdict=verdict(weights),
        sentences=tuple(sentences(weights)),
        peers=tuple(
            PeerRow(
                named(row["annotator"]),
                number(row["correlated"]),
                "" if row["output"] is None else f"{row['output']:.0%}",
                row["peers"],
                row["shared"],
            )
            for row in peers[:MOST_PEOPLE]
        ),
        total=len(peers),
    )


def verdict(weights: Mapping[str, Any]) -> str:
    """The one thing to do, from the strongest evidence there is."""
    gold, certificate = weights["gold"], weights["certificate"]
    if gold is not None and gold["hi"] < 0:
        return _("Use the majority: on known answers the learned weights are worse.")
    if gold is not None and gold["lo"] > 0:
        return _("Use a learned rule: on known answers it is better than the majority.")
    if certificate and certificate["units"] and certificate["optimal"] == certificate["units"]:
        return _("The majority is already the best rule on every unit; weights can't help.")
    if not weights["changed"]:
        return _("The majority is enough: learned weights change no label.")
    if gold is not None:
        return _(
            "Nothing is gained that known answers can show: prefer the majority, which learns "
            "nothing that could be wrong."
        )
    return _(
        "Not known: no unit has a known answer. Collect some for units on which the two differ."
    )


def sentences(weights: Mapping[str, Any]) -> list[str]:
    """What the verdict rests on."""
    said = [
        _(
            "Dawid–Skene and the majority give another label to %(changed)s of %(decided)s units "
            "that both decide (%(share)s); only there can weights help or harm."
        )
        % {
            "changed": f"{weights['changed']:,}",
            "decided": f"{weights['decided']:,}",
            "share": _share(weights["changed"], weights["decided"]),
        },
        _(
            "It learns %(parameters)d numbers about each annotator; %(few)s of %(annotators)s gave "
            "fewer labels than that (in the middle an annotator gave %(each)s, and a unit has "
            "%(unit)s)."
        )
        % {
            "parameters": weights["parameters"],
            "few": f"{weights['few']:,}",
            "annotators": f"{weights['annotators']:,}",
            "each": f"{weights['labels_per_annotator'] or 0:g}",
            "unit": f"{weights['labels_per_unit'] or 0:g}",
        },
    ]
    if weights["gold"] is not None:
        said.insert(0, _on_gold(weights["gold"]))
    if weights["certificate"] is not None:
        said.append(_certificate(weights["certificate"]))
    return said


def _on_gold(gold: Mapping[str, Any]) -> str:
    return _(
        "On %(units)s units with a known answer the majority is right on %(majority)s, Dawid–Skene "
        "on %(model)s, which didn’t see them: %(difference)s points [%(lo)s, %(hi)s]."
    ) % {
        "units": f"{gold['units']:,}",
        "majority": f"{gold['majority']:.1%}",
        "model": f"{gold['model']:.1%}",
        "difference": _points(gold["difference"]),
        "lo": _points(gold["lo"]),
        "hi": _points(gold["hi"]),
    }


def _certificate(found: Mapping[str, Any]) -> str:
    said = _(
        "By the reliabilities of a one-coin model the majority is certified to be the best rule, "
        "whatever is answered, on %(optimal)s of %(units)s units"
    ) % {"optimal": f"{found['optimal']:,}", "units": f"{found['units']:,}"}
    if found.get("sure") is not None:  # reports from before it was asked have no such count
        said += _(
            "; with any reliabilities that known answers leave possible, it is on %(sure)s"
        ) % {"sure": f"{found['sure']:,}"}
    if found["excess"] is not None:
        said += _(
            "; over the units it can speak of it errs %(excess)s more often than the best"
        ) % {"excess": f"{found['excess']:.2%}"}
    if found["unreliable"]:
        said += ngettext(
            ". %(count)d annotator is no better than a coin, and nothing is certified with them",
            ". %(count)d annotators are no better than a coin, and nothing is certified with them",
            found["unreliable"],
        ) % {"count": found["unreliable"]}
    return f"{said}."


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else _("not enough data")


def _points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")
