"""Does the judge give the same score when asked again?"""

from models_runtime.audits import SCORES
from models_runtime.audits._cells import Repeated


class ScoreRepeatability(Repeated):
    title = "Repeating scores"
    question = "Does it give the same level, or answer, three times?"
    reference = "Test-retest reliability"
    limit = 0.9
    of = SCORES


AUDIT = ScoreRepeatability()
