"""The audits there are, by slug. Apart from `catalogue`, which models import."""

from config.plugins import discover
from models_runtime.audits import PAIRS, SCORES, Audit
from models_runtime.judging.protocol import JudgingProtocol

AUDITS: dict[str, Audit] = discover("models_runtime.audits", "AUDIT")
SCORED = frozenset({"rating", "checklist"})


def kind_of(protocol: JudgingProtocol) -> str:
    """What of a judge under this protocol can be audited: pairs, scores, or nothing ("")."""
    if "pairwise" in protocol.judgment_types:
        return PAIRS
    return SCORES if protocol.judgment_types & SCORED else ""


def audits_for(protocol: JudgingProtocol) -> dict[str, Audit]:
    """The audits that can be made of a judge under this protocol."""
    kind = kind_of(protocol)
    return {slug: audit for slug, audit in AUDITS.items() if audit.of == kind}
