"""Audits of what a judge gives cell by cell, for judges that score and for those that rank: a
response on a criterion, or two responses in order. A file of an audit names one of these and says
of which judges it is. Pure.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import ClassVar

from annotation.phrases import say
from models_runtime.audits import (
    PLAIN,
    RANKINGS,
    SCORES,
    Audit,
    Finding,
    Material,
    Pair,
    Trial,
    Variant,
    at_least,
    at_most,
)
from models_runtime.audits._endings import concluded
from models_runtime.audits._groups import Agreed, resembling
from models_runtime.audits._intervals import Figure, mean, ratio, share
from models_runtime.audits._scores import EDGE, distances
from models_runtime.audits._sensitivity import RULE, SENTENCE, sensitivity
from models_runtime.audits._texts import retyped

AGAIN = ("again-1", "again-2")
RETYPED = "retyped"


class OfCells(Audit):
    """What the audits below share: what a cell is, in words."""

    of = SCORES

    @property
    def cells(self) -> str:
        return say("pairs of responses") if self.of == RANKINGS else "cells"


class Repeated(OfCells):
    """Every question is judged three times with other fences and seeds. Share = cells that come out
    the same all three times."""

    figure: ClassVar[str] = say("same three times")

    def variants(self, pair: Pair) -> Sequence[Variant]:
        return [Variant(name, pair.texts, pair.conversation) for name in AGAIN]

    def examine(self, material: Material, limit: float) -> Finding:
        same: list[float] = []
        prompts: list[str] = []
        best: list[float] = []
        whose: list[str] = []
        for pair in material.pairs:
            trials = [material.trial(pair, name) for name in (PLAIN, *AGAIN)]
            cells = [trial.cells for trial in trials if trial is not None and trial.cells]
            if len(cells) < len(trials):
                continue
            for cell in set(cells[0]).intersection(*cells[1:]):
                values = [each[cell] for each in cells]
                same.append(float(max(values) - min(values) <= EDGE))
                prompts.append(pair.prompt)
            best.append(float(len({_best(trial) for trial in trials if trial}) == 1))
            whose.append(pair.prompt)
        more = [share(say("same best response"), best, whose)] if self.of == RANKINGS else []
        return concluded(
            [share(self.figure, same, prompts), *more],
            len(same),
            lacking=self.cells,
            rule=say(
                "Passes when at least %(limit)s of the %(cells)s come out the same three "
                "times; fails when all of the interval lies below.",
                limit=f"{limit:.0%}",
                cells=self.cells,
            ),
            grade=lambda head: at_least(head, limit),
            sentence=say(
                "Asked three times it gives the same in {estimate:.1%%} [{low:.1%%}, "
                "{high:.1%%}] of {n} %(cells)s.",
                cells=self.cells,
            ),
        )


def _best(trial: Trial) -> frozenset[int]:
    """The places that get most."""
    marks = trial.marks_by_place()
    most = max(marks.values())
    return frozenset(place for place, mark in marks.items() if mark >= most - EDGE)


class Retyped(OfCells):
    """Every response is typed differently (contractions, quotation marks, spaces), its meaning
    kept; see `_sensitivity` for what is counted."""

    figure: ClassVar[str] = say("moved by other typing")

    def variants(self, pair: Pair) -> Sequence[Variant]:
        other = tuple(retyped(text) for text in pair.texts)
        return [
            Variant(RETYPED, other, pair.conversation),
            Variant(AGAIN[0], pair.texts, pair.conversation),
        ]

    def examine(self, material: Material, limit: float) -> Finding:
        typed = distances(material, PLAIN, RETYPED)
        again = distances(material, PLAIN, AGAIN[0])
        rows = [(p, far, again[key][1]) for key, (p, far) in sorted(typed.items()) if key in again]
        return concluded(
            sensitivity(self.figure, rows),
            len(rows),
            lacking=say(
                "%(cells)s judged as they are, again and typed differently", cells=self.cells
            ),
            rule=RULE.format(limit=limit),
            grade=lambda head: at_most(head, limit),
            sentence=SENTENCE.format(what=self.cells),
        )


class LikePeople(OfCells):
    """Agreement = chance that the judge gives the same in a cell as a person drawn from those who
    gave something in it. The ceiling is the same of two of them. Both over cells that two people or
    more have given something in; the headline is the first over the second. Beside it the mean
    distance, which knows near misses."""

    figure: ClassVar[str] = say("share of the human ceiling")
    needs = "questions that two people or more have answered"

    def examine(self, material: Material, limit: float) -> Finding:
        mine: list[float] = []
        theirs: list[float] = []
        far: list[float] = []
        far_apart: list[float] = []
        prompts: list[str] = []
        for pair in material.pairs:
            trial = material.trial(pair)
            for cell, value in (trial.cells if trial else {}).items():
                given = [marks[cell] for marks in pair.marks.values() if cell in marks]
                if len(given) > 1:
                    mine.append(fmean(float(abs(value - x) <= EDGE) for x in given))
                    theirs.append(_among(given))
                    far.append(fmean(abs(value - x) for x in given))
                    far_apart.append(fmean(abs(x - y) for x, y in combinations(given, 2)))
                    prompts.append(pair.prompt)
        figures = [
            ratio(self.figure, mine, theirs, prompts, unit=say("ratio")),
            mean(say("agreement with a person"), mine, prompts, unit=say("share")),
            mean(say("agreement of two people"), theirs, prompts, unit=say("share")),
            mean(say("distance from a person"), far, prompts, unit=say("share")),
            mean(say("distance of two people"), far_apart, prompts, unit=say("share")),
        ]
        return concluded(
            figures,
            len(mine),
            lacking=say(
                "%(cells)s that two people or more have judged and it has too", cells=self.cells
            ),
            rule=say(
                "Passes when it reaches %(limit)s of the agreement among people; fails "
                "when all of the interval lies below.",
                limit=f"{limit:.0%}",
            ),
            grade=lambda head: at_least(head, limit),
            undefined=say("people never agree here, or there is one prompt."),
            sentence=say(
                "It gives what a person gives in %(told)s of {n} %(cells)s, people among "
                "themselves in %(told_2)s: {estimate:.0%%} [{low:.0%%}, {high:.0%%}] of "
                "that ceiling.",
                told=_told(figures[1]),
                cells=self.cells,
                told_2=_told(figures[2]),
            ),
        )


def _told(figure: Figure) -> str:
    return "–" if figure.estimate is None else f"{figure.estimate:.1%}"


def _among(given: Sequence[float]) -> float:
    """The share of pairs of people who gave the same."""
    return fmean(float(abs(x - y) <= EDGE) for x, y in combinations(given, 2))


class LikeAGroup(OfCells):
    """For each group of people: the judge's agreement with its members, cell by cell, less its
    agreement with everybody else who told that attribute; see `_groups`."""

    needs = "people whose profiles tell a group, in at least two groups"

    def examine(self, material: Material, limit: float) -> Finding:
        rows = []
        for pair in material.pairs:
            trial = material.trial(pair)
            cells: Mapping[str, float] = {} if trial is None else trial.cells
            agreed = [
                Agreed(pair.groups.get(person, {}), _alike(cells, marks))
                for person, marks in pair.marks.items()
                if cells.keys() & marks.keys()
            ]
            if agreed:
                rows.append((pair.prompt, agreed))
        return resembling(rows, limit, lacking=say("of the questions"))


def _alike(cells: Mapping[str, float], marks: Mapping[str, float]) -> float:
    """The share of cells in which both gave something that are the same."""
    return fmean(float(abs(cells[x] - marks[x]) <= EDGE) for x in cells.keys() & marks.keys())


class Drifted(OfCells):
    """Consistency of two versions over the same cells: 1 less how far they lie apart. Of rankings
    this is (1 + Kendall's tau) / 2, CREAM's consistency; of scores, 1 less the distance in shares
    of the scale."""

    figure: ClassVar[str] = say("consistency")
    needs = "an earlier card of this project with the same questions"

    def examine(self, material: Material, limit: float) -> Finding:
        alike: list[float] = []
        same: list[float] = []
        prompts: list[str] = []
        for pair in material.pairs:
            trial = material.trial(pair)
            cells: Mapping[str, float] = {} if trial is None else trial.cells
            for cell in sorted(cells.keys() & pair.earlier_cells.keys()):
                far = abs(cells[cell] - pair.earlier_cells[cell])
                alike.append(1 - far)
                same.append(float(far <= EDGE))
                prompts.append(pair.prompt)
        return concluded(
            [
                mean(self.figure, alike, prompts, unit=say("share")),
                share(say("exactly the same"), same, prompts),
            ],
            len(alike),
            lacking=say("%(cells)s that both versions judged", cells=self.cells),
            rule=say(
                "Passes from %(limit)s consistency; fails when all of the interval lies below.",
                limit=f"{limit:.0%}",
            ),
            grade=lambda head: at_least(head, limit),
            sentence=say(
                "It is {estimate:.1%%} [{low:.1%%}, {high:.1%%}] consistent with its "
                "earlier version on {n} %(cells)s.",
                cells=self.cells,
            ),
        )
