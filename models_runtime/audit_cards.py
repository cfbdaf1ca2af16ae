"""A judge's card as people and programs read it, and two cards side by side."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.telling import told
from models_runtime.audit_catalogue import AUDITS
from models_runtime.audit_gate import grade_of
from models_runtime.audits import Grade
from models_runtime.models import AuditFinding, AuditJob
from models_runtime.reliability_chart import reliability_chart

GRADE_WORDS = {
    Grade.PASS: gettext_lazy("Passes"),
    Grade.WARN: gettext_lazy("Look again"),
    Grade.FAIL: gettext_lazy("Fails"),
    Grade.UNKNOWN: gettext_lazy("Not enough data"),
}
MARKS = {Grade.PASS: "✓", Grade.WARN: "!", Grade.FAIL: "✗", Grade.UNKNOWN: "?"}


@dataclass(frozen=True)
class Line:
    """One audit on a card."""

    slug: str
    title: str
    question: str
    grade: Grade
    finding: AuditFinding

    @property
    def words(self) -> str:
        return str(GRADE_WORDS[self.grade])

    @property
    def mark(self) -> str:
        return MARKS[self.grade]


def lines_of(card: AuditJob) -> list[Line]:
    """The card's audits, what failed first."""
    found = [
        Line(each.audit, *_named(each.audit), Grade(each.grade), each)
        for each in card.findings.all()
    ]
    order = [Grade.FAIL, Grade.WARN, Grade.PASS, Grade.UNKNOWN]
    return sorted(found, key=lambda line: order.index(line.grade))


def verdict_of(card: AuditJob) -> str:
    """The card in one sentence."""
    lines = lines_of(card)
    named = {
        grade: ", ".join(told(line.title) for line in lines if line.grade is grade)
        for grade in Grade
    }
    grade = grade_of(card)
    if grade is Grade.FAIL:
        return _("Not fit to label as it is: it fails on %(what)s.") % {"what": named[grade]}
    if grade is Grade.WARN:
        return _("May label, but look again at %(what)s.") % {"what": named[grade]}
    if grade is Grade.PASS:
        return _("May label: it passes every audit that had enough data.")
    return _("Nothing can be said: no audit had enough data.")


def curve_of(card: AuditJob) -> list[Mapping[str, float]]:
    """The reliability curve's bins, empty where there is none."""
    found = card.findings.filter(audit="calibration").first()
    return list(found.detail.get("curve", [])) if found else []


def chart_of(card: AuditJob) -> str:
    """The reliability curve as SVG, "" where there is none."""
    return reliability_chart(
        curve_of(card),
        title=_("How often it is right when it is so sure"),
        x_words=_("how sure it is"),
        y_words=_("share of people who agree"),
    )


def as_json(card: AuditJob) -> dict[str, Any]:
    """The whole card for programs; every finding as it was written."""
    spent = card.spent()
    return {
        "id": str(card.public_id),
        "judge": card.checkpoint.label,
        "checkpoint": str(card.checkpoint.public_id),
        "protocol": card.protocol,
        "options": card.options,
        "seed": card.seed,
        "state": card.state,
        "earlier": str(card.earlier.public_id) if card.earlier else None,
        "pairs": card.items.count(),
        "judgments_of_withdrawn_left_out": card.left_out,
        "tokens_in": spent.tokens_in,
        "tokens_out": spent.tokens_out,
        "cost": spent.cost,
        "grade": grade_of(card).value,
        "verdict": verdict_of(card) if card.findings.exists() else None,
        "findings": [
            {
                "audit": each.audit,
                "grade": each.grade,
                "sentence": each.sentence,
                "rule": each.rule,
                "limit": each.limit,
                "figures": each.figures,
                "detail": each.detail,
            }
            for each in card.findings.all()
        ],
    }


@dataclass(frozen=True)
class Change:
    """One figure on two cards: later less earlier. The interval takes the two as independent, which
    is wider than need be where both looked at the same pairs."""

    title: str
    before: float
    after: float
    difference: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        return self.low > 0 or self.high < 0


def changes(earlier: AuditJob, later: AuditJob) -> list[Change]:
    """How each audit's headline changed between two cards that both have it, in one unit."""
    before = {each.audit: each.figures[0] for each in earlier.findings.all()}
    found = []
    for finding in later.findings.all():
        new, old = finding.figures[0], before.get(finding.audit)
        if old is None or old["unit"] != new["unit"] or None in (old["low"], new["low"]):
            continue
        if finding.audit.endswith("resemblance") and old["name"] != new["name"]:
            continue
        difference = new["estimate"] - old["estimate"]
        half = math.hypot((old["high"] - old["low"]) / 2, (new["high"] - new["low"]) / 2)
        title = _named(finding.audit)[0]
        found.append(
            Change(
                title, old["estimate"], new["estimate"],
                difference, difference - half, difference + half,
            )
        )  # fmt: skip
    return found


def _named(slug: str) -> tuple[str, str]:
    audit = AUDITS.get(slug)
    return (audit.title, audit.question) if audit else (slug, "")
