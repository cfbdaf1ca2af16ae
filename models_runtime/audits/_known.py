"""Audits of what responses get against what is known of them, for judges that score and for those
that rank. A file of an audit names one of these and says of which judges it is. Pure.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean

from annotation.phrases import say
from models_runtime.audits import (
    RANKINGS,
    SCORES,
    Audit,
    Finding,
    Material,
    Pair,
    by_place,
    near_zero,
)
from models_runtime.audits._best_of import Found, best_of
from models_runtime.audits._endings import concluded
from models_runtime.audits._intervals import mean
from models_runtime.audits._scores import EDGE, SCALE, UNITS


class OwnFamily(Audit):
    """DBG: what the judge gives the responses of its own family less the gold score of the same
    responses: what people gave them, or other judges where no person has. Own less others' would
    take a family's quality for a bias. Where responses are ranked, questions with responses of its
    own family alone say nothing and are left out."""

    of = SCORES
    needs = "responses by the judge's family that people or other judges have judged"

    def examine(self, material: Material, limit: float) -> Finding:
        rows = [row for pair in material.pairs for row in self._own(material, pair)]
        prompts = [prompt for prompt, *_ in rows]
        gaps = [score - gold for _, score, gold, _ in rows]
        unit = UNITS.get(self.of, SCALE)
        people = sum(by_people for *_, by_people in rows)
        return concluded(
            [mean(say("judge less gold on own responses"), gaps, prompts, unit=unit)],
            len(rows),
            lacking=say(
                "responses by its own family (%(value)s) that people or other judges have judged",
                value=material.family or "unknown",
            ),
            rule=say(
                "Passes when the interval holds 0 or the difference is within "
                "±%(limit)s; fails when all of the interval lies beyond.",
                limit=f"{limit:g}",
            ),
            grade=lambda head: near_zero(head, limit),
            sentence=say(
                "It judges its own family's responses {estimate:+.3f} [{low:.3f}, "
                "{high:.3f}] against the gold score, {n} responses (%(people)s by "
                "people, the rest by other judges).",
                people=people,
            ),
        )

    def _own(self, material: Material, pair: Pair) -> Iterable[tuple[str, float, float, bool]]:
        trial = material.trial(pair)
        own = {at for at, family in enumerate(pair.families) if family == material.family}
        if trial is None or not material.family or not own:
            return
        if self.of == RANKINGS and len(own) == len(pair.texts):
            return
        mine = trial.marks_by_place()
        golden = pair.marks or pair.other_marks
        for place in sorted(own & mine.keys()):
            given = [marks[place] for marks in map(by_place, golden.values()) if place in marks]
            if given:
                yield pair.prompt, mine[place], fmean(given), bool(pair.marks)


class BestAmong(Audit):
    """Responses known to be correct beside wrong ones: of those that are scored, all to the same
    prompt; of those that are ranked, all in the same question. See `_best_of`."""

    of = SCORES
    needs = "responses measured as correct (1) and wrong (0)"

    def examine(self, material: Material, limit: float) -> Finding:
        groups: dict[str, tuple[str, list[tuple[bool, float]]]] = {}
        for pair in material.pairs:
            trial = material.trial(pair)
            marks: Mapping[int, float] = {} if trial is None else trial.marks_by_place()
            name = pair.key if self.of == RANKINGS else pair.prompt
            told = [(pair.known[place], marks[place]) for place in marks if place in pair.known]
            groups.setdefault(name, (pair.prompt, []))[1].extend(told)
        return best_of([row for group in groups.values() for row in _rows(*group)], limit)


def _rows(prompt: str, told: list[tuple[bool, float]]) -> Iterable[Found]:
    wrong = [mark for right, mark in told if not right]
    for right, mark in told:
        if right and wrong:
            yield Found(prompt, sum(other >= mark - EDGE for other in wrong), len(wrong))
