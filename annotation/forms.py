"""What people type into pages, checked before an act is called. Judgments have their own forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django import forms
from django.core.validators import RegexValidator
from django.http import QueryDict
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from annotation.asking import Plan, Way
from annotation.catalogue import JUDGMENT_TYPES
from annotation.errors import NotYourAssignment
from annotation.intake.mapping import sources
from annotation.models import ProjectState, Role
from annotation.pairing import Design
from annotation.steps import OFF, Steps

# --- Judging ------------------------------------------------------------------------------------


class _EnvelopeForm(forms.Form):
    handle = forms.UUIDField()
    submission_key = forms.RegexField(r"^[0-9A-Za-z-]{8,64}$")


@dataclass(frozen=True, slots=True)
class AnswerEnvelope:
    """The hidden fields around an answer: what it answers, and the key that makes it one."""

    handle: str
    submission_key: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Raises NotYourAssignment: hidden fields are only wrong in an outdated or altered page."""
        form = _EnvelopeForm(data)
        if not form.is_valid():
            raise NotYourAssignment
        return cls(str(form.cleaned_data["handle"]), form.cleaned_data["submission_key"])


class AheadForm(forms.Form):
    ahead = forms.UUIDField(required=False)

    def handle(self) -> str | None:
        """Of the question that the page shows already. Raises NotYourAssignment."""
        if not self.is_valid():
            raise NotYourAssignment
        return str(self.cleaned_data["ahead"]) if self.cleaned_data["ahead"] else None


SKIP_REASONS = [
    ("unclear", _("I don't understand it")),
    ("unfamiliar", _("I don't know enough about it")),
    ("broken", _("Something in it is broken or missing")),
    ("distressing", _("I'd rather not read this")),
    ("other", _("Another reason")),
]


class SkipForm(forms.Form):
    handle = forms.UUIDField()
    reason = forms.ChoiceField(choices=SKIP_REASONS)

    def values(self) -> tuple[str, str]:
        """Assignment and reason. Raises NotYourAssignment like the envelope of an answer."""
        if not self.is_valid():
            raise NotYourAssignment
        return str(self.cleaned_data["handle"]), self.cleaned_data["reason"]


# --- Accounts -----------------------------------------------------------------------------------


class LoginForm(forms.Form):
    username = forms.CharField(
        max_length=150,
        label=_("Account name"),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        max_length=4096,
        strip=False,
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


# --- Projects -----------------------------------------------------------------------------------


class GuidelineForm(forms.Form):
    text = forms.CharField(
        max_length=40_000,
        strip=False,
        label=_("Guidelines"),
        help_text=_("What annotators should look for. Markdown; each change is a new version."),
        widget=forms.Textarea(attrs={"rows": 18}),
        error_messages={"required": _("Write a sentence or two: annotators judge by these.")},
    )


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=200, help_text=_("As annotators will see it."))
    slug = forms.CharField(
        max_length=80,
        required=False,
        label=_("Address"),
        help_text=_("The last part of the page's address. Left empty, it is made from the name."),
        validators=[
            RegexValidator(
                r"^[a-z0-9]+(?:-[a-z0-9]+)*$", "Use small letters, digits and single hyphens."
            )
        ],
    )
    description = forms.CharField(
        required=False,
        max_length=2_000,
        help_text=_("One or two sentences: what is asked, and of whom."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    judgment_type = forms.ChoiceField(label=_("What an annotator does"), choices=list)
    overlap = forms.IntegerField(
        min_value=1,
        max_value=1000,
        initial=3,
        label=_("People per question"),
        help_text=_("How many people answer each question before it counts as answered."),
    )
    reason = forms.ChoiceField(
        label=_("Reasons"),
        choices=[
            ("optional", _("A reason may be given")),
            ("required", _("Each answer needs a reason")),
            ("off", _("No reasons are asked for")),
        ],
    )
    confidence = forms.ChoiceField(
        required=False,
        label=_("Own confidence"),
        choices=[
            ("off", _("Not asked for")),
            ("optional", _("May be given")),
            ("required", _("Each answer needs it")),
        ],
    )
    prediction = forms.ChoiceField(
        required=False,
        label=_("What others will say"),
        help_text=_(
            "Of 100 others, how many will answer the same? Finds answers that are right but rare."
        ),
        choices=[
            ("off", _("Not asked for")),
            ("optional", _("May be given")),
            ("required", _("Each answer needs it")),
        ],
    )
    hindsight = forms.BooleanField(
        required=False,
        label=_("Ask again in hindsight"),
        help_text=_(
            "Where responses carry a consequence, it is shown after the answer and the question is "
            "asked once more. Both answers are kept."
        ),
    )
    images = forms.BooleanField(
        required=False,
        label=_("Show images"),
        help_text=_(
            "This server fetches the images that prompts and responses name, so that annotators' "
            "browsers don't. Otherwise they are links."
        ),
    )
    lease_minutes = forms.IntegerField(
        min_value=1,
        max_value=24 * 60,
        initial=30,
        label=_("Minutes per question"),
        help_text=_("How long an opened question is kept for the person who opened it."),
    )
    guideline = forms.CharField(
        required=False,
        max_length=40_000,
        strip=False,
        label=_("Guidelines"),
        help_text=_("What annotators should look for, in Markdown. You can change them later."),
        widget=forms.Textarea(attrs={"rows": 8}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["judgment_type"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(slug, _(each.title)) for slug, each in JUDGMENT_TYPES.items()]
        self.initial.setdefault("judgment_type", "pairwise")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("name") and not cleaned.get("slug") and "slug" not in self.errors:
            cleaned["slug"] = slugify(cleaned["name"])[:80].strip("-")
            if not cleaned["slug"]:
                self.add_error("slug", _("No address can be made from this name; please give one."))
        if cleaned.get("slug") == "new":
            self.add_error("slug", _("The address “new” is taken by this form. Choose another."))
        return cleaned

    def project_fields(self) -> dict[str, Any]:
        """The keyword arguments of `create_project`."""
        fields = {
            name: self.cleaned_data[name]
            for name in ("name", "slug", "description", "judgment_type", "overlap", "guideline")
        }
        asked = self.cleaned_data
        steps = Steps(
            reason=asked["reason"],
            confidence=asked.get("confidence") or OFF,
            prediction=asked.get("prediction") or OFF,
            hindsight=asked["hindsight"],
        )
        return fields | {
            "lease_seconds": self.cleaned_data["lease_minutes"] * 60,
            "options": steps.options() | ({"images": True} if asked["images"] else {}),
        }


class StateForm(forms.Form):
    state = forms.ChoiceField(
        choices=[
            (state.value, state.label) for state in ProjectState if state != ProjectState.DRAFT
        ]
    )


class MemberForm(forms.Form):
    """Owners are left out: handing over a project is done where accounts are managed."""

    username = forms.CharField(max_length=150, label=_("Account name"))
    role = forms.ChoiceField(
        choices=[(role.value, role.label) for role in reversed(Role) if role != Role.OWNER]
    )


class AskForm(forms.Form):
    design = forms.ChoiceField(
        label=_("Which pairs of responses"),
        choices=[
            ("all", _("Every pair")),
            ("balanced", _("Few pairs, evenly spread and connected")),
            ("round_robin", _("Rounds, as in a tournament")),
            ("random", _("A random sample")),
        ],
    )
    per_prompt = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10_000,
        label=_("Pairs per prompt"),
        help_text=_("Left empty: as many as the design needs."),
    )

    def plan(self) -> Plan:
        return Plan(Design(self.cleaned_data["design"], self.cleaned_data["per_prompt"]))


class SlateForm(forms.Form):
    size = forms.IntegerField(
        min_value=2, max_value=9, initial=4, label=_("Responses shown together")
    )
    per_prompt = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=10_000,
        label=_("Questions per prompt"),
        help_text=_("Left empty: as few as show every response."),
    )

    def plan(self) -> Plan:
        return Plan(size=self.cleaned_data["size"], per_prompt=self.cleaned_data["per_prompt"])


class EachForm(forms.Form):
    """Nothing is chosen where each response is asked about."""

    def plan(self) -> Plan:
        return Plan()


ASK_FORMS: dict[Way, type[AskForm | SlateForm | EachForm]] = {
    Way.PAIRS: AskForm,
    Way.SLATES: SlateForm,
    Way.EACH: EachForm,
}


# --- Imports ------------------------------------------------------------------------------------


class UploadForm(forms.Form):
    file = forms.FileField(
        help_text=_("JSONL, CSV, TSV or Parquet, UTF-8, gzipped or not."),
        error_messages={
            "required": _("Choose a file first."),
            "empty": _("This file is empty. Nothing was kept."),
        },
        max_length=255,
    )


@dataclass(frozen=True, slots=True)
class ColumnsForm:
    """What the import page asks: the kind of rows, a column per field, and what to leave out.

    The fields depend on the file, so this reads `field-<name>` instead of declaring them; intake
    itself says what is wrong with them.
    """

    kind: str
    mapping: dict[str, str]
    rest_ignored: bool

    @classmethod
    def asked(cls, data: QueryDict) -> Self:
        fields = {
            name.removeprefix("field-"): str(value).strip()
            for name, value in data.items()
            if name.startswith("field-")
        }
        same_kind = data.get("kind") == data.get("shown_kind")
        return cls(
            kind=str(data.get("kind", "")),
            mapping={name: source for name, source in fields.items() if source and same_kind},
            rest_ignored=data.get("rest") == "ignore",
        )

    def ignored(self, columns: Sequence[str]) -> list[str]:
        """The columns to leave out: those that no field was given, if that was asked for."""
        if not self.rest_ignored:
            return []
        used = {column for source in self.mapping.values() for column in sources(source, columns)}
        return [column for column in columns if column not in used]
