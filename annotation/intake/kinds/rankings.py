"""Rankings, one per row: who put which responses in which order.

The order is text, best first: `a > b = c`, where equals share a place; or a list of places as JSON,
`[["a"], ["b", "c"]]` or `["a", "b", "c"]`. Responses are named by their ids, or, in a question that
is there already, by their systems.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from annotation.hashes import question_id
from annotation.intake import cells
from annotation.intake.kinds import ANNOTATOR_FIELDS, REASON_FIELDS, Field
from annotation.intake.kinds.judgments import annotator_record
from annotation.intake.records import QuestionRecord, RankingRecord, Record
from annotation.intake.refusals import BadCell
from annotation.phrases import say

Tiers = list[list[str]]


class Rankings:
    slug = "rankings"
    title = "Rankings"
    help = (
        "One ranking per row, best first: a > b = c. The question is named by its id, or by its "
        "prompt, and then it shows the responses that are ranked."
    )
    fields: tuple[Field, ...] = (
        Field("question_id", "the question's id", ("item", "item_id")),
        Field("prompt_id", "the prompt's id, where there is no question's id", ("doc",)),
        Field(
            "order",
            "the responses, best first: a > b = c, or a list of places as JSON",
            ("ranking", "ranks", "ranked"),
            required=True,
        ),
        Field(
            "judgment_id",
            "the judgment's id; needed where one annotator ranked a question more than once",
            ("submission_id",),
        ),
        *ANNOTATOR_FIELDS,
        *REASON_FIELDS,
    )
    needs: tuple[tuple[str, ...], ...] = (("question_id", "prompt_id"),)

    def records(self, values: Mapping[str, Any], line: int) -> list[Record]:
        tiers = read_order(values)
        question, made = _question(values, line, tiers)
        ranking = RankingRecord(
            line=line,
            external_id=cells.identifier(values, "judgment_id"),
            question=question,
            annotator=cells.needed(values, "annotator"),
            tiers=orjson.dumps(tiers).decode(),
            reason=cells.text(values, "reason") or "",
            confidence=cells.number(values, "confidence", low=0, high=1),
            prediction=cells.number(values, "prediction", low=0, high=1),
            elapsed_ms=cells.whole(values, "elapsed_ms", low=0, high=10**12),
            judged_at=cells.moment(values, "judged_at"),
        )
        return [*made, annotator_record(values, line), ranking]


def read_order(values: Mapping[str, Any]) -> Tiers:
    """Names of responses in places, best first. Raises BadCell."""
    told = values.get("order")
    if isinstance(told, str) and told.lstrip().startswith("["):
        try:
            told = orjson.loads(told)
        except orjson.JSONDecodeError as error:
            raise BadCell("order", say("is no JSON: %(error)s", error=error)) from error
    if isinstance(told, str):
        tiers = [[name.strip() for name in tier.split("=")] for tier in told.split(">")]
    elif isinstance(told, list) and told:
        tiers = [tier if isinstance(tier, list) else [tier] for tier in told]
    else:
        raise BadCell("order", say("is empty; every ranking needs it"))
    return _checked(tiers)


def _checked(tiers: list[list[Any]]) -> Tiers:
    names = [name for tier in tiers for name in tier]
    if not all(isinstance(name, str | int) and str(name).strip() for name in names):
        raise BadCell("order", say("must name responses, such as a > b = c"))
    if not all(tiers):
        raise BadCell("order", say("has an empty place"))
    texts = [[str(name).strip() for name in tier] for tier in tiers]
    twice = [name for tier in texts for name in tier]
    repeated = next((name for name in twice if twice.count(name) > 1), None)
    if repeated is not None:
        raise BadCell("order", say("names “%(repeated)s” twice", repeated=repeated))
    return texts


def _question(values: Mapping[str, Any], line: int, tiers: Tiers) -> tuple[str, list[Record]]:
    given = cells.identifier(values, "question_id")
    if given is not None:
        return given, []
    prompt = cells.identifier(values, "prompt_id")
    if prompt is None:
        raise BadCell("question_id", say("is empty; give it, or prompt_id"))
    candidates = sorted(name for tier in tiers for name in tier)
    if not 2 <= len(candidates) <= 9:
        raise BadCell(
            "order",
            say(
                "ranks %(candidates)s responses; a question shows 2 to 9",
                candidates=len(candidates),
            ),
        )
    question = QuestionRecord(
        line=line,
        mention=True,
        external_id=question_id(f"{prompt}/ranking", candidates),
        prompt=prompt,
        candidates=candidates,
        judgment_type="ranking",
        overlap=None,
        priority=None,
        rubric=False,
    )
    return question.external_id, [question]


KIND = Rankings()
