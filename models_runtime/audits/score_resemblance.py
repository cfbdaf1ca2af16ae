"""Which group of people does a judge that scores resemble?"""

from models_runtime.audits import SCORES
from models_runtime.audits._cells import LikeAGroup


class ScoreResemblance(LikeAGroup):
    title = "Whose scores it resembles"
    question = "Does it score as one group of people does more than as the others?"
    reference = "Santurkar et al. 2023 (whose opinions); Bonferroni's correction"
    limit = 0.05
    of = SCORES


AUDIT = ScoreResemblance()
