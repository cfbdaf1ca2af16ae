"""Judgments of pairs: who preferred which response, and how much.

A row names its question by id, or brings prompt and responses along. In the latter case the
question's places don't depend on the row's order: the two candidates are placed by their ids, so
"A against B" and "B against A" are one question.
"""

from collections.abc import Mapping
from typing import Any

from annotation.hashes import question_id
from annotation.intake import cells
from annotation.intake.kinds import (
    ANNOTATOR_FIELDS,
    PROMPT_FIELDS,
    REASON_FIELDS,
    Field,
    prompt_record,
)
from annotation.intake.kinds.pairs import PAIR_FIELDS, pair_of_candidates
from annotation.intake.records import AnnotatorRecord, JudgmentRecord, QuestionRecord, Record
from annotation.intake.refusals import BadCell
from annotation.phrases import say

USUAL_STRENGTH = {"a": 1, "b": -1, "tie": 0, "both_bad": 0}


class Judgments:
    slug = "judgments"
    title = "Judgments of pairs"
    help = (
        "One judgment per row: who preferred which response. The pair is named by its id, or the "
        "row brings prompt and both responses along. For a file with chosen and rejected responses "
        "map response_a=chosen response_b=rejected winner==a."
    )
    fields: tuple[Field, ...] = (
        Field(
            "question_id",
            "the pair's id, as it was imported",
            ("pair_id", "pair", "item", "item_id", "match_id"),
        ),
        Field(
            "judgment_id",
            "the judgment's id; needed where one annotator judged a pair more than once",
            ("id", "vote_id"),
        ),
        *ANNOTATOR_FIELDS,
        Field(
            "winner", cells.WINNER_HELP, ("preference", "preferred", "label", "choice", "verdict")
        ),
        Field(
            "strength",
            "from 3 (A much better) over 0 (about the same) to -3 (B much better)",
            ("signed_strength", "margin"),
        ),
        Field("swapped", "yes if response B was shown first", ("shown_swapped",)),
        *REASON_FIELDS,
        *PROMPT_FIELDS,
        *PAIR_FIELDS,
    )
    needs: tuple[tuple[str, ...], ...] = (
        ("question_id", "response_a"),
        ("question_id", "response_b"),
        ("winner", "strength"),
    )

    def records(self, values: Mapping[str, Any], line: int) -> list[Record]:
        if values.get("response_a") is None and values.get("response_b") is None:
            return self._of_known_question(values, line)
        return self._self_contained(values, line)

    def _of_known_question(self, values: Mapping[str, Any], line: int) -> list[Record]:
        question = cells.needed(values, "question_id")
        return [
            annotator_record(values, line),
            _judgment(
                values,
                line,
                question=question,
                prompt=cells.identifier(values, "prompt_id"),
                systems=(
                    cells.identifier(values, "system_a"),
                    cells.identifier(values, "system_b"),
                ),
            ),
        ]

    def _self_contained(self, values: Mapping[str, Any], line: int) -> list[Record]:
        prompt, told = prompt_record(values, line, mention=True)
        first, second = pair_of_candidates(values, line, prompt)
        ids = sorted((first.external_id, second.external_id))
        given = cells.identifier(values, "question_id")
        question = QuestionRecord(
            line=line,
            mention=True,
            external_id=given or question_id(prompt, ids),
            prompt=prompt,
            candidates=ids,
            judgment_type="pairwise",
            overlap=None,
            priority=None,
            rubric=False,
        )
        judgment = _judgment(
            values,
            line,
            question=question.external_id,
            prompt=None,
            systems=(first.system, second.system),
            candidates=(first.external_id, second.external_id),
        )
        contents: list[Record] = [told] if told else []
        return [*contents, first, second, question, annotator_record(values, line), judgment]


def annotator_record(values: Mapping[str, Any], line: int) -> AnnotatorRecord:
    """Who judged, with what the row says about them. Raises BadCell."""
    return AnnotatorRecord(
        line=line,
        external_id=cells.needed(values, "annotator"),
        kind=cells.kind_of_annotator(values, "annotator_kind"),
        display_name=cells.identifier(values, "annotator_name"),
        attributes=cells.attributes(values, "attributes"),
    )


def _judgment(
    values: Mapping[str, Any],
    line: int,
    *,
    question: str,
    prompt: str | None,
    systems: tuple[str | None, str | None],
    candidates: tuple[str | None, str | None] = (None, None),
) -> JudgmentRecord:
    strength, both_bad = _verdict(values, *systems)
    return JudgmentRecord(
        line=line,
        external_id=cells.identifier(values, "judgment_id"),
        question=question,
        annotator=cells.needed(values, "annotator"),
        strength=strength,
        both_bad=both_bad,
        swapped=cells.flag(values, "swapped"),
        prompt=prompt,
        candidate_a=candidates[0],
        candidate_b=candidates[1],
        system_a=systems[0],
        system_b=systems[1],
        reason=cells.text(values, "reason") or "",
        confidence=cells.number(values, "confidence", low=0, high=1),
        prediction=cells.number(values, "prediction", low=0, high=1),
        elapsed_ms=cells.whole(values, "elapsed_ms", low=0, high=10**12),
        judged_at=cells.moment(values, "judged_at"),
    )


def _verdict(
    values: Mapping[str, Any], system_a: str | None, system_b: str | None
) -> tuple[int, bool]:
    """Signed strength (positive: A better) and whether both are bad."""
    winner = cells.winner(values, "winner", system_a, system_b)
    strength = cells.whole(values, "strength", low=-3, high=3)
    if winner is None and strength is None:
        raise BadCell("winner", say("is empty; every judgment needs its outcome"))
    if winner is None:
        return strength or 0, False
    usual = USUAL_STRENGTH[winner]
    if strength is None:
        return usual, winner == "both_bad"
    return _strong_verdict(winner, usual, strength)


def _strong_verdict(winner: str, usual: int, strength: int) -> tuple[int, bool]:
    """Both are given: a signed strength must agree; beside winner b a plain 1 to 3 is meant too."""
    if usual == 0 or strength == 0:
        if usual != strength:
            raise BadCell(
                "strength",
                say(
                    "is %(strength)s, but the winner is “%(winner)s”",
                    strength=strength,
                    winner=winner,
                ),
            )
        return 0, winner == "both_bad"
    if strength < 0 < usual:
        raise BadCell(
            "strength",
            say(
                "is %(strength)s (B better), but the winner is “%(winner)s”",
                strength=strength,
                winner=winner,
            ),
        )
    return usual * abs(strength), False


KIND = Judgments()
