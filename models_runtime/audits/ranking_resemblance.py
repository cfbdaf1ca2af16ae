"""Which group of people does a judge that ranks resemble?"""

from models_runtime.audits import RANKINGS
from models_runtime.audits._cells import LikeAGroup


class RankingResemblance(LikeAGroup):
    title = "Whose rankings it resembles"
    question = "Does it rank as one group of people does more than as the others?"
    reference = "Santurkar et al. 2023 (whose opinions); Bonferroni's correction"
    limit = 0.05
    of = RANKINGS


AUDIT = RankingResemblance()
