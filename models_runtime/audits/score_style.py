"""Does formatting raise a score, with the words unchanged?"""

from models_runtime.audits import SCORES
from models_runtime.audits._responses import Restyled


class ScoreStyle(Restyled):
    title = "Formatting of what is scored"
    question = "Does a response's score rise by headings, bullets and bold?"
    reference = "Arena-Hard style control; Li et al. 2024"
    limit = 0.02
    of = SCORES


AUDIT = ScoreStyle()
