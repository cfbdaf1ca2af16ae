"""Does the judge score higher what models of its own family wrote?"""

from models_runtime.audits import SCORES
from models_runtime.audits._known import OwnFamily


class ScoreSelfPreference(OwnFamily):
    title = "Its own family's scores"
    question = "Does it score its own family's responses higher than people do?"
    reference = "The DBG score (self-preference as judge score less gold score)"
    limit = 0.05
    of = SCORES


AUDIT = ScoreSelfPreference()
