"""Does a score change when only the typing does?"""

from models_runtime.audits import SCORES
from models_runtime.audits._cells import Retyped


class ScoreOverSensitivity(Retyped):
    title = "Other typing of what is scored"
    question = "Does a score change though the meaning is the same?"
    reference = "Over-sensitivity (adversarial evaluation of graders)"
    limit = 0.1
    of = SCORES


AUDIT = ScoreOverSensitivity()
