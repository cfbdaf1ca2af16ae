"""What people choose when they have a judge audited."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Project, WorkState
from annotation.telling import told
from models_runtime.audit_catalogue import audits_for
from models_runtime.audit_requests import MOST_PAIRS, PAIRS
from models_runtime.judge_forms import JudgingForm
from models_runtime.models import AuditJob


class AuditForm(JudgingForm):
    """A judge under one protocol, how many pairs, and what it may cost."""

    pairs = forms.IntegerField(
        label=_("Questions"),
        min_value=1,
        max_value=MOST_PAIRS,
        initial=PAIRS,
        help_text=_("Those that most people have answered come first. Fewer than 20 say nothing."),
    )
    audits = forms.MultipleChoiceField(
        label=_("Audits"),
        required=False,
        choices=list,
        help_text=_("None chosen means all of them."),
    )
    earlier = forms.ChoiceField(
        label=_("Compare with"),
        required=False,
        choices=list,
        help_text=_("An earlier card, to see whether the judge has drifted."),
    )

    def __init__(self, *args: Any, project: Project, protocol: str, **kwargs: Any) -> None:
        super().__init__(*args, project=project, protocol=protocol, **kwargs)
        cards = AuditJob.objects.filter(project=project, state=WorkState.DONE)
        self.cards = {str(each.public_id): each for each in cards.select_related("checkpoint")}
        named = [
            (key, f"{each.checkpoint.label}, {each.way()}, {each.created_at:%Y-%m-%d %H:%M}")
            for key, each in self.cards.items()
        ]
        offered = self.fields["audits"]
        assert isinstance(offered, forms.MultipleChoiceField)
        offered.choices = [(slug, told(each.title)) for slug, each in audits_for(self.way).items()]
        field = self.fields["earlier"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("No card")), *named]
        self.fields.pop("reveals", None)
        for name in [each for each in self.fields if each.startswith("seat_")]:
            del self.fields[name]

    def audit_fields(self) -> dict[str, Any]:
        """What `audit_requests.request_audit` takes beside project and user."""
        given = self.cleaned_data
        return {
            "checkpoint": given["checkpoint"],
            "protocol": self.protocol,
            "options": self.options(),
            "audits": given["audits"] or None,
            "pairs": given["pairs"],
            "earlier": self.cards.get(given["earlier"]),
            "max_cost": given["max_cost"],
            "seed": given["seed"],
        }

    def expected_fields(self) -> dict[str, Any]:
        """What `audit_requests.expected` takes beside the project."""
        unasked = ("earlier", "max_cost", "seed")
        given = self.audit_fields()
        return {name: value for name, value in given.items() if name not in unasked}


class LeaveForm(forms.Form):
    """Letting a judge label knowingly."""

    reason = forms.CharField(
        label=_("Why it may label all the same"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Kept with your name, the date and this card. A newer card ends it."),
    )
