"""Does a response keep its rank when its meaning is destroyed?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._responses import Destroyed


class RankingOverStability(Destroyed):
    title = "Destroyed meaning of what is ranked"
    question = "Does a response keep its rank when its words stand in reverse order?"
    reference = "Over-stability (adversarial evaluation of graders)"
    limit = 0.05
    of = RANKINGS


AUDIT = RankingOverStability()
