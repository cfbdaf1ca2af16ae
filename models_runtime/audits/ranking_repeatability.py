"""Does the judge give the same ranking when asked again?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._cells import Repeated


class RankingRepeatability(Repeated):
    title = "Repeating rankings"
    question = "Does it put responses in the same order three times?"
    reference = "Test-retest reliability"
    limit = 0.9
    of = RANKINGS


AUDIT = RankingRepeatability()
