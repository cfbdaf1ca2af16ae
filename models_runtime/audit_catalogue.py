"""The audits there are, by slug. Apart from `catalogue`, which models import."""

from collections.abc import Iterable

from config.plugins import discover
from models_runtime.audits import PAIRS, RANKINGS, SCORES, Audit
from models_runtime.judging.protocol import JudgingProtocol

AUDITS: dict[str, Audit] = discover("models_runtime.audits", "AUDIT")
ASKED = {  # the types of questions that each kind of audit looks at
    PAIRS: frozenset({"pairwise"}),
    SCORES: frozenset({"rating", "checklist"}),
    RANKINGS: frozenset({"ranking"}),
}


def kinds_of(protocol: JudgingProtocol) -> tuple[str, ...]:
    """What of a judge under this protocol can be audited: pairs, scores, rankings; or nothing."""
    return tuple(kind for kind, types in ASKED.items() if protocol.judgment_types & types)


def audits_for(protocol: JudgingProtocol) -> dict[str, Audit]:
    """The audits that can be made of a judge under this protocol, of one kind after the other."""
    kinds = kinds_of(protocol)
    return {slug: audit for kind in kinds for slug, audit in AUDITS.items() if audit.of == kind}


def kind_of(slugs: Iterable[str]) -> str:
    """What these audits are of, "" where they are of different things."""
    kinds = {AUDITS[slug].of for slug in slugs}
    return kinds.pop() if len(kinds) == 1 else ""
