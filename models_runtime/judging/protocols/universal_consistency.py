"""Universal self-consistency: a model reads all responses and names the one most agree with.

For texts without an answer that could be compared. The responses stand in an order drawn by hash;
a number that is none of theirs is no verdict. Given to the model that wrote them, it is "asking one
more time".
"""

from models_runtime.judging.options import Options
from models_runtime.judging.protocol import Cost, JudgingProtocol
from models_runtime.judging.subject import Shape, Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.judging.verdicts import Verdict, invalid, verdict_of_scores
from models_runtime.prompting.aggregating import CONSISTENT
from models_runtime.prompting.replies import number
from models_runtime.prompting.templates import Fenced


class UniversalConsistency(JudgingProtocol):
    title = "The response most agree with"
    summary = "A model reads all responses and names the most consistent one."
    reference = "Chen et al. 2023 (Universal self-consistency), arXiv:2311.17311"
    judgment_types = frozenset({"ranking"})
    templates = (CONSISTENT,)

    def conduct(self, subject: Subject, options: Options) -> Talk[Verdict]:
        order = subject.shuffled("consistency")
        parts = [subject.asked]
        parts += [
            Fenced(f"RESPONSE {nth}", subject.texts[place]) for nth, place in enumerate(order, 1)
        ]
        messages = CONSISTENT.put(parts, f"{subject.secret}:pick")
        reading = number(1, len(order), 1)
        answers = yield [Ask("pick", messages, CONSISTENT, reading, shown=order)]
        if not answers["pick"].is_read:
            return invalid("the pick could not be read")
        picked = order[round(answers["pick"].value) - 1]
        return verdict_of_scores(
            "ranking",
            [float(place == picked) for place in subject.places],
            best_only=subject.best_only,
            reason=answers["pick"].text[:5000],
        )

    def cost(self, shape: Shape, options: Options) -> Cost:
        return Cost.of(1, "1")


PROTOCOL = UniversalConsistency()
