"""Forms of runs and releases: the pages and the API read requests with the same ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from aggregation.catalogue import EXPORTS, METHODS, method_title
from aggregation.curation import ADJUDICATED, BOTH_BAD, TIES, Curation, CurationError
from aggregation.diagnostics.next_pair import RULES
from aggregation.method import Method
from aggregation.models import Items, Run, Steering
from aggregation.options import OptionError, OptionField
from aggregation.snapshot import attribute_names
from aggregation.subjects import SUBJECTS
from annotation.models import AnnotatorKind, Project, WorkState
from annotation.telling import told, told_lazy

OPTION = "option-"
EACH = "*each*"
MOST_CRITERIA = 50  # beyond, as with a checklist per prompt, none is offered on its own


def _in_words(choices: Mapping[str, str]) -> list[tuple[str, Any]]:
    return [(slug, told_lazy(sentence)) for slug, sentence in choices.items()]


class RunForm(forms.Form):
    """Which method, on whose judgments, about what; and the method's own options.

    The option fields are derived from the method's dataclass, so a new method needs no form.
    """

    items = forms.ChoiceField(
        choices=Items.choices,
        initial=Items.SYSTEMS,
        label=_("What is scored"),
        help_text=_(
            "Systems pool all their responses; responses are compared within their prompt."
        ),
    )
    kinds = forms.MultipleChoiceField(
        choices=AnnotatorKind.choices,
        widget=forms.CheckboxSelectMultiple,
        label=_("Whose judgments count"),
        error_messages={"required": _("Choose at least one kind of annotator.")},
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**53,
        initial=0,
        label=_("Seed"),
        help_text=_("The same seed on the same judgments gives the same result."),
    )

    criterion = forms.ChoiceField(
        required=False,
        label=_("Criterion"),
        help_text=_(
            "Several criteria become one mean, each rescaled by its ends and weighted by the "
            "rubric; or choose one, or a run for each."
        ),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        method: Method,
        criteria: Sequence[str] = (),
        **rest: Any,
    ):
        super().__init__(data, **rest)
        self.method, self.criteria = method, criteria
        if 1 < len(criteria) <= MOST_CRITERIA:
            field = self.fields["criterion"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [
                ("", _("All, as one mean")),
                (EACH, _("Each on its own, one run per criterion")),
                *((text, text) for text in criteria),
            ]
        else:
            del self.fields["criterion"]
        for option in method.options.form_fields():
            if option.name != "seed":
                self.fields[OPTION + option.name] = _field(option)

    def option_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith(OPTION)]

    def selection_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("items", "criterion", "seed") if name in self.fields]

    def chosen_criteria(self) -> list[str]:
        """One run each; a blank text stands for the mean of all."""
        chosen = self.cleaned_data.get("criterion") or ""
        return list(self.criteria) if chosen == EACH else [chosen]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.method.options.parse({**self.options(), "seed": cleaned["seed"]})
            except OptionError as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    def options(self) -> dict[str, Any]:
        """The method's options that differ from their defaults."""
        chosen = {
            option.name: self.cleaned_data.get(OPTION + option.name)
            for option in self.method.options.form_fields()
            if option.name != "seed"
        }
        defaults = {option.name: option.default for option in self.method.options.form_fields()}
        return {
            name: value
            for name, value in chosen.items()
            if value != defaults[name] and not (value in (None, "") and defaults[name] is not None)
        }


def _field(option: OptionField) -> forms.Field:
    common: dict[str, Any] = {
        "label": told(option.label),
        "help_text": told(option.help),
        "initial": option.default,
        "required": False,
    }
    if option.kind == "bool":
        return forms.BooleanField(**common)
    if option.choices:
        choices = [(choice, capfirst(told(choice.replace("_", " ")))) for choice in option.choices]
        if option.optional:
            choices.insert(0, ("", str(_("None"))))
        return forms.ChoiceField(choices=choices, **common)
    if option.kind == "int":
        low, high = (None if end is None else int(end) for end in (option.low, option.high))
        return forms.IntegerField(min_value=low, max_value=high, **common)
    if option.kind == "float":
        widget = forms.NumberInput(attrs={"step": "any"})
        return forms.FloatField(
            min_value=option.low, max_value=option.high, widget=widget, **common
        )
    return forms.CharField(**common)


if TYPE_CHECKING:
    ChoiceOfRun = forms.ModelChoiceField[Run]
else:  # Django's class takes no type arguments when it runs
    ChoiceOfRun = forms.ModelChoiceField


class RunChoiceField(ChoiceOfRun):
    """Finished runs, by what a person knows of them."""

    def label_from_instance(self, obj: Any) -> str:
        return _("%(rule)s, %(n)s judgments, %(when)s UTC") % {
            "rule": told(method_title(obj.method)),
            "n": told(f"{obj.judgments:,}"),
            "when": date_format(obj.created_at, "j M Y H:i"),
        }


class ReleaseForm(forms.Form):
    """What to publish, under which policy. `run` may be empty: then no scores go along."""

    exports = forms.MultipleChoiceField(
        choices=[(slug, told_lazy(export.title)) for slug, export in EXPORTS.items()],
        widget=forms.CheckboxSelectMultiple,
        initial=list(EXPORTS),
        label=_("Formats"),
        error_messages={"required": _("Choose at least one format.")},
    )
    kinds = forms.MultipleChoiceField(
        choices=AnnotatorKind.choices,
        widget=forms.CheckboxSelectMultiple,
        label=_("Whose judgments count"),
        error_messages={"required": _("Choose at least one kind of annotator.")},
    )
    ties = forms.ChoiceField(
        choices=_in_words(TIES),
        widget=forms.RadioSelect,
        initial="half",
        label=_("Votes for “about the same”"),
    )
    both_bad = forms.ChoiceField(
        choices=_in_words(BOTH_BAD),
        widget=forms.RadioSelect,
        initial="as_tie",
        label=_("Votes for “both are bad”"),
    )
    least_votes = forms.IntegerField(
        min_value=1, max_value=1000, initial=1, label=_("Fewest counted votes behind a pair")
    )
    least_agreement = forms.FloatField(
        min_value=0,
        max_value=1,
        initial=0,
        label=_("Smallest share for the chosen side"),
        help_text=_("From 0 to 1. A high share removes what people disagree about."),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    adjudicated = forms.ChoiceField(
        choices=_in_words(ADJUDICATED),
        initial="votes",
        required=False,
        widget=forms.RadioSelect,
        label=_("Reviewers' verdicts"),
        help_text=_("Rows of single judgments hold every answer and the verdict either way."),
    )
    group_by = forms.ChoiceField(
        required=False,
        label=_("Separate verdicts by"),
        help_text=_("One row per pair and declared group, instead of one row for all."),
    )
    attributes = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Declared attributes beside single judgments"),
        help_text=_(
            "None unless you choose them. Combinations that few people share are withheld."
        ),
    )
    reasons = forms.BooleanField(
        required=False,
        label=_("Publish the annotators' own words"),
        help_text=_("Free text may name people. It is never published beside attributes."),
    )
    smallest_cell = forms.IntegerField(
        min_value=2, max_value=1000, initial=5, label=_("Smallest group that may show, in people")
    )
    run = RunChoiceField(
        queryset=Run.objects.none(),
        required=False,
        to_field_name="public_id",
        label=_("Scores that go along"),
        help_text=_("The release then stands on that run's judgments."),
        empty_label=_("None; all judgments up to now"),
    )
    licence = forms.CharField(
        required=False,
        max_length=200,
        label=_("Licence"),
        help_text=_("Such as CC BY 4.0. You must have the right to give it."),
    )
    notes = forms.CharField(
        required=False,
        max_length=5000,
        label=_("Notes"),
        help_text=_("A few sentences for readers of the data card."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, project: Project, **rest: Any):
        super().__init__(data, **rest)
        names = [(name, name) for name in attribute_names(project)]
        group_by, attributes, run = (
            self.fields[name] for name in ("group_by", "attributes", "run")
        )
        assert isinstance(group_by, forms.ChoiceField)
        assert isinstance(attributes, forms.MultipleChoiceField)
        assert isinstance(run, forms.ModelChoiceField)
        group_by.choices = [("", _("nothing: one verdict for all")), *names]
        attributes.choices = names
        run.queryset = (
            Run.objects.filter(project=project, state=WorkState.DONE, replay_of=None)
            .order_by("-id")
            .defer("result")
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.curation()
            except CurationError as error:
                raise forms.ValidationError(str(error)) from error
        return cleaned

    def curation(self) -> Curation:
        """The policy asked for. Raises CurationError for one that can't be meant."""
        asked = self.cleaned_data
        return Curation(
            kinds=tuple(sorted(asked["kinds"])),
            ties=asked["ties"],
            both_bad=asked["both_bad"],
            least_votes=asked["least_votes"],
            least_agreement=asked["least_agreement"],
            group_by=asked["group_by"],
            attributes=tuple(asked["attributes"]),
            reasons=asked["reasons"],
            smallest_cell=asked["smallest_cell"],
            adjudicated=asked["adjudicated"] or "votes",
        )


class CompareForm(forms.Form):
    """Rules to run on one and the same state of the log."""

    methods = forms.MultipleChoiceField(
        choices=[(slug, method.title) for slug, method in METHODS.items()],
        error_messages={"required": _("Choose at least one rule.")},
    )


class ExaminationForm(forms.Form):
    """What to examine about a run; the subject's own options come as `option-<name>`."""

    subject = forms.ChoiceField(choices=[(slug, each.title) for slug, each in SUBJECTS.items()])
    seed = forms.IntegerField(min_value=0, max_value=2**53, required=False)

    def clean_seed(self) -> int:
        return self.cleaned_data["seed"] or 0

    def options(self) -> dict[str, Any]:
        """The subject's options as they were given; `enqueue` checks them."""
        known = {each.name for each in SUBJECTS[self.cleaned_data["subject"]].options.form_fields()}
        return {
            name.removeprefix(OPTION): value
            for name, value in self.data.items()
            if name.startswith(OPTION) and name.removeprefix(OPTION) in known and value != ""
        }

    def sentence(self) -> str:
        """The first thing that is wrong."""
        return next(str(error) for errors in self.errors.values() for error in errors)


class SubjectForm(forms.Form):
    """Options of a subject, as a page asks for them; the same names the examination reads."""

    def __init__(
        self,
        subject: str,
        names: Sequence[str],
        initial: Mapping[str, Any] | None = None,
        *,
        offered: Mapping[str, Sequence[str]] | None = None,
        long: Sequence[str] = (),
    ) -> None:
        """`offered` gives an option values to choose from; `long` ones get room for several
        lines.
        """
        super().__init__()
        asked, values = initial or {}, offered or {}
        for each in SUBJECTS[subject].options.form_fields():
            if each.name not in names:
                continue
            if each.name in values:
                each = replace(each, choices=tuple(values[each.name]))
            self.fields[OPTION + each.name] = field = _field(each)
            field.initial = asked.get(each.name, each.default)
            field.required = each.kind != "str" or bool(each.choices)
            if each.name in long:
                field.widget = forms.Textarea(attrs={"rows": 4})


class SteeringForm(forms.Form):
    """Whether, and how, the order of questions follows what was learnt."""

    is_on = forms.BooleanField(required=False)
    rule = forms.ChoiceField(
        choices=[(slug, told_lazy(rule.title)) for slug, rule in RULES.items()],
        label=_("Rule"),
    )
    floor = forms.FloatField(
        min_value=0.01,
        max_value=1,
        initial=0.1,
        label=_("Floor"),
        help_text=_("Share of chance spread evenly, so that no question is forgotten."),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    every = forms.IntegerField(
        min_value=1,
        max_value=1_000_000,
        initial=100,
        label=_("New order after"),
        help_text=_("So many new judgments."),
    )

    @classmethod
    def of(cls, steering: Steering | None) -> "SteeringForm":
        """The form as things stand."""
        if steering is None:
            return cls()
        names = ("rule", "floor", "every")
        return cls(initial={name: getattr(steering, name) for name in names})

    def numbers(self) -> list[forms.BoundField]:
        return [self["rule"], self["floor"], self["every"]]

    @property
    def rules(self) -> list[tuple[str, str]]:
        """What each rule is called and what it asks for."""
        return [(told(rule.title), told(rule.sentence)) for rule in RULES.values()]

    @property
    def rule_title(self) -> str:
        rule = RULES.get(str(self["rule"].value()))
        return told(rule.title) if rule else ""

    @property
    def floor_percent(self) -> str:
        return f"{float(self['floor'].value() or 0):.0%}"
