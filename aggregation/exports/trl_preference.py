"""TRL's preference format: explicit prompt, conversational, as DPO and reward trainers read it.

One row per judged pair with a winner (and per group, where the release separates groups); a
ranking is a vote on every pair it implies. Besides the three columns that trainers use, each row
says how strong and how shared the preference is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from aggregation.curation import Curation, Verdict, decide, votes_by_pair
from aggregation.curation.ledger import EVERYBODY
from aggregation.exports import (
    ExportedCandidate,
    ExportedJudgment,
    ExportedQuestion,
    Field,
    Frozen,
    Row,
)

SLUG = "trl_preference"


class TrlPreference:
    slug = SLUG
    title = "TRL preference pairs"
    description = (
        "Prompt, chosen and rejected response as message lists, ready for preference training. "
        "One row per pair that has a winner."
    )
    fields = (
        Field("prompt", "messages", "The conversation up to the answer."),
        Field("chosen", "messages", "The response preferred, as one assistant message."),
        Field("rejected", "messages", "The other response, as one assistant message."),
        Field(
            "strength",
            "number",
            "Mean strength towards the chosen response over the counted votes, from -3 to 3, ties "
            "as 0. Slightly better is 1, much better 3; below 0 the minority felt more strongly.",
        ),
        Field("agreement", "number", "Share of the counted votes for the chosen response."),
        Field("n", "integer", "Counted votes."),
        Field("ties", "integer", "Votes for “about the same”, counted or not."),
        Field("both_bad", "integer", "Votes for “both are bad”, counted or not."),
        Field("adjudicated", "boolean", "Whether a reviewer decided instead of the votes."),
        Field("group", "string", "Whose verdict this is: a declared group, or “all”."),
        Field("question_id", "string", "The question, as the project names it."),
        Field("prompt_id", "string", "The prompt, as the project names it."),
        Field("chosen_id", "string", "The chosen response, as the project names it."),
        Field("rejected_id", "string", "The rejected response, as the project names it."),
    )
    loading = (
        "import pyarrow.parquet as pq\n"
        'rows = pq.read_table("trl_preference.parquet").to_pylist()\n'
        'print(rows[0]["prompt"], rows[0]["chosen"], rows[0]["rejected"])'
    )

    def rows(self, snapshot: Frozen) -> Iterator[Row]:
        for question in snapshot.questions():
            if question.none_is_right():
                snapshot.ledger.leave_out(SLUG, "none_right")
                continue
            right = question.adjudicated()
            if right is not None:
                policy = replace(snapshot.curation, least_votes=1, least_agreement=0.0)
                yield from self._pairs(snapshot, policy, question, [right], EVERYBODY, True)
                continue
            for group, judgments in _by_group(question.judgments):
                if group is None:
                    snapshot.ledger.leave_out(SLUG, "small_group")
                    continue
                yield from self._pairs(
                    snapshot, snapshot.curation, question, judgments, group, False
                )

    def _pairs(
        self,
        snapshot: Frozen,
        policy: Curation,
        question: ExportedQuestion,
        judgments: Iterable[ExportedJudgment],
        group: str,
        adjudicated: bool,
    ) -> Iterator[Row]:
        cast = votes_by_pair(said for judgment in judgments for said in judgment.evidence)
        if not cast:
            snapshot.ledger.leave_out(SLUG, "no_comparison", group)
        for pair, votes in cast.items():
            verdict = decide(votes, policy)
            reason = verdict.reason or _same_text(question, pair)
            if reason:
                snapshot.ledger.leave_out(SLUG, reason, group)
            else:
                yield _row(question, pair, verdict, group) | {"adjudicated": adjudicated}

    def about(self, row: Row) -> str:
        pair = " and ".join(sorted((row["chosen_id"], row["rejected_id"])))
        return f"{pair} of question {row['question_id']} for {row['group']}"


def _by_group(
    judgments: Iterable[ExportedJudgment],
) -> list[tuple[str | None, list[ExportedJudgment]]]:
    groups: dict[str | None, list[ExportedJudgment]] = {}
    for judgment in judgments:
        groups.setdefault(judgment.group, []).append(judgment)
    return sorted(groups.items(), key=lambda item: (item[0] is None, item[0] or ""))


def _same_text(question: ExportedQuestion, pair: tuple[int, int]) -> str:
    first, second = (question.candidates[place] for place in pair)
    return "identical_texts" if first.text == second.text else ""


def _row(question: ExportedQuestion, pair: tuple[int, int], verdict: Verdict, group: str) -> Row:
    assert verdict.winner is not None
    chosen = question.candidates[pair[verdict.winner]]
    rejected = question.candidates[pair[1 - verdict.winner]]
    return {
        "prompt": [dict(message) for message in question.messages],
        "chosen": _answer(chosen),
        "rejected": _answer(rejected),
        "strength": verdict.strength,
        "agreement": verdict.agreement,
        "n": verdict.n,
        "ties": verdict.ties,
        "both_bad": verdict.both_bad,
        "group": group,
        "question_id": question.external_id,
        "prompt_id": question.prompt_external_id,
        "chosen_id": chosen.external_id,
        "rejected_id": rejected.external_id,
    }


def _answer(candidate: ExportedCandidate) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": candidate.text}]


EXPORT = TrlPreference()
