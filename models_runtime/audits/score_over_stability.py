"""Does a score stay when the response's meaning is destroyed?"""

from models_runtime.audits import SCORES
from models_runtime.audits._responses import Destroyed


class ScoreOverStability(Destroyed):
    title = "Destroyed meaning of what is scored"
    question = "Does a good score stay when the words stand in reverse order?"
    reference = "Over-stability (adversarial evaluation of graders)"
    limit = 0.05
    of = SCORES


AUDIT = ScoreOverStability()
