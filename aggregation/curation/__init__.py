"""Curation: the rules by which judgments become rows, and what each rule leaves out. Pure."""

from aggregation.curation.ledger import REASONS, Ledger, LeftOut
from aggregation.curation.policy import ADJUDICATED, BOTH_BAD, TIES, Curation, CurationError
from aggregation.curation.preview import Preview, preview
from aggregation.curation.verdicts import Verdict, Vote, decide, votes_by_pair

__all__ = [
    "ADJUDICATED",
    "BOTH_BAD",
    "REASONS",
    "TIES",
    "Curation",
    "CurationError",
    "Ledger",
    "LeftOut",
    "Preview",
    "Verdict",
    "Vote",
    "decide",
    "preview",
    "votes_by_pair",
]
