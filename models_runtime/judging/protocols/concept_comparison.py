"""Concept-guided comparison of texts (CGCoT), for a continuous score per text.

An ordered list of questions (the rubric's criteria) breaks a concept down; each text is answered
once per question, the conversation growing, which gives a summary of what it holds of the concept.
Summaries are compared pairwise in both orders; a Bradley–Terry fit of these judgments scores the
texts. A text's summary is made once per job, however many pairs it is in.
"""

import hashlib
from dataclasses import replace

from annotation.phrases import say
from models_runtime.engines import Conversation, Message
from models_runtime.judging.options import Options
from models_runtime.judging.pairs import BOTH, ask_pair, games_of, reason_of
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.reducers import score_mean
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk, together
from models_runtime.judging.verdicts import Verdict, invalid, verdict_of_outcome
from models_runtime.outcomes import Outcome
from models_runtime.prompting.debate import CONCEPT, CONCEPT_VERDICT
from models_runtime.prompting.replies import prose
from models_runtime.prompting.templates import Fenced


class ConceptComparison(JudgingProtocol):
    title = "Concept-guided text comparison"
    summary = "Texts summarised along questions about a concept, then compared pairwise."
    reference = "Wu et al. 2023 (Concept-Guided Chain-of-Thought)"
    judgment_types = frozenset({"pairwise"})
    templates = (CONCEPT, CONCEPT_VERDICT)
    needs_criteria = "yes_no"

    def conduct(self, subject: Subject, options: Options) -> Talk[Verdict]:
        if subject.texts[0] == subject.texts[1]:
            return verdict_of_outcome(Outcome.TIE)
        summaries = yield from together(_summary(subject, place) for place in (0, 1))
        first, second = summaries
        if first is None or second is None:
            return invalid("a text's summary couldn't be had")
        asks = [ask_pair(subject, order, CONCEPT_VERDICT, texts=[first, second]) for order in BOTH]
        answers = yield asks
        games = games_of(asks, answers)
        if isinstance(games, str):
            return invalid(games)
        reason = reason_of(answers, [ask.key for ask in asks])
        return replace(score_mean(games), reason=reason, detail={"summaries": [first, second]})

    def cost(self, shape: Shape, options: Options) -> Cost:
        most = 2 * shape.criteria + 2
        return Cost(2, most, say("n·Q + 2 per pair for n texts, Q questions"))


def _summary(subject: Subject, place: int) -> Talk[str | None]:
    """The answers to the concept's questions about one text, or None."""
    text = subject.texts[place]
    name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    key = f"text-{name}"
    asked: Conversation = ()
    lines: list[str] = []
    for number, criterion in enumerate(subject.criteria):
        if number == 0:
            parts = [Fenced("TEXT", text), Fenced("QUESTION", criterion.text)]
            asked = CONCEPT.put(parts, f"{subject.common}:{name}")
        else:
            asked = (*asked, Message("user", criterion.text))
        step = f"{key}/{number}"
        answers = yield [Ask(step, asked, CONCEPT, prose, shared=True)]
        if not answers[step].is_read:
            return None
        said = str(answers[step].value)
        asked = (*asked, Message("assistant", said))
        lines.append(f"{criterion.text} {said}")
    return "\n".join(lines)


PROTOCOL = ConceptComparison()
