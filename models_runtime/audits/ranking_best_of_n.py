"""Does the judge rank the correct response first?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._known import BestAmong


class RankingBestOfN(BestAmong):
    title = "Best of n by rank"
    question = "Does it put the correct response before wrong ones?"
    reference = "Kim et al. 2024 (RewardMATH)"
    limit = 0.0
    of = RANKINGS


AUDIT = RankingBestOfN()
