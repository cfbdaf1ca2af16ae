"""Does the correct response get the highest score?"""

from models_runtime.audits import SCORES
from models_runtime.audits._known import BestAmong


class ScoreBestOfN(BestAmong):
    title = "Best of n by score"
    question = "Does the correct response get a higher score than wrong ones?"
    reference = "Kim et al. 2024 (RewardMATH)"
    limit = 0.0
    of = SCORES


AUDIT = ScoreBestOfN()
