"""What people type to register models and start jobs; the API is checked by the same forms."""

import json
import re
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from annotation.models import Project
from annotation.telling import told
from models_runtime import decoding
from models_runtime.catalogue import ENGINES
from models_runtime.checkpoints import abilities_of
from models_runtime.decoding import Decoder
from models_runtime.engines import Capability, EngineError, Sampling
from models_runtime.engines._options import read_options
from models_runtime.errors import NotPossible
from models_runtime.languages import check_languages
from models_runtime.models import Checkpoint
from models_runtime.models.checkpoint import SECRET_PREFIX
from models_runtime.novelty import AXES, Rule

DECODERS = [
    ("", _("One token after the other")),
    ("cautious", _("Cautious: tries several continuations where the model is unsure")),
    ("deepening", _("Iterative deepening: goes on, checking itself, until there is an answer")),
]


DIFFERING = [
    ("", _("Are kept")),
    ("again", _("Are asked for again, warmer each time")),
    ("navigate", _("Are avoided: the model sees what is there and is asked for another kind")),
]


def read_json_object(text: str) -> dict[str, Any]:
    """An object written as JSON, empty for no text. Raises ValidationError."""
    try:
        given = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise forms.ValidationError(_("This isn't valid JSON.")) from error
    if not isinstance(given, dict):
        raise forms.ValidationError(_("Write an object, such as {}."))
    return given


class CheckpointForm(forms.Form):
    name = forms.CharField(
        max_length=150, help_text=_("As it will be called here, on candidates and judgments too.")
    )
    engine = forms.ChoiceField(choices=list)
    model = forms.CharField(max_length=300, help_text=_("The name by which its engine knows it."))
    base_url = forms.CharField(
        max_length=500,
        required=False,
        label=_("Address"),
        help_text=_("Of a model server, such as http://127.0.0.1:8001/v1."),
    )
    revision = forms.CharField(max_length=200, required=False)
    licence = forms.CharField(max_length=200, required=False)
    secret_variable = forms.CharField(
        max_length=100,
        required=False,
        label=_("Variable with the key"),
        help_text=format_lazy(
            _(
                "The name of an environment variable of the workers, beginning with {prefix}. It "
                "holds the server's host name, a blank and the key; the key itself is never stored."
            ),
            prefix=SECRET_PREFIX,
        ),
    )
    options = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_('The engine\'s own options as JSON, such as {"in_flight": 16}.'),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(slug, told(plugin.title)) for slug, plugin in ENGINES.items()]
        field = self.fields["engine"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_options(self) -> dict[str, Any]:
        text = self.cleaned_data["options"].strip()
        if not text:
            return {}
        try:
            options = json.loads(text)
        except ValueError as error:
            raise forms.ValidationError(
                _("This isn't valid JSON: %(why)s.") % {"why": error}
            ) from error
        except RecursionError as error:
            raise forms.ValidationError(_("This is nested too deeply.")) from error
        if not isinstance(options, dict):
            raise forms.ValidationError(_("Write an object, such as {}."))
        return options


class JobForm(forms.Form):
    """A form that offers the project's checkpoints, by their public id."""

    checkpoint = forms.ChoiceField(choices=list)
    max_cost = forms.FloatField(
        required=False,
        label=_("Budget"),
        help_text=_("Stops the job when its calls have cost so much, by the checkpoint's prices."),
    )
    seed = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=2**62,
        help_text=_("The same seed asks the same again. Left empty, one is drawn."),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usable = Checkpoint.objects.filter(project=project, retired_at__isnull=True)
        self.checkpoints = {str(each.public_id): each for each in usable}
        field = self.fields["checkpoint"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(key, each.label) for key, each in self.checkpoints.items()]

    def clean_checkpoint(self) -> Checkpoint:
        return self.checkpoints[self.cleaned_data["checkpoint"]]


class GenerationForm(JobForm):
    per_prompt = forms.IntegerField(
        min_value=1, max_value=1000, initial=4, label=_("Candidates per prompt")
    )
    max_tokens = forms.IntegerField(
        min_value=1, max_value=100_000, initial=512, label=_("Most tokens per candidate")
    )
    temperature = forms.FloatField(
        min_value=0,
        max_value=5,
        initial=1.0,
        help_text=_("0 repeats the likeliest text; higher varies more."),
    )
    top_p = forms.FloatField(min_value=0, max_value=1, required=False, label=_("Top-p"))
    top_k = forms.IntegerField(min_value=1, max_value=100_000, required=False, label=_("Top-k"))
    min_p = forms.FloatField(
        min_value=0,
        max_value=1,
        required=False,
        label=_("Min-p"),
        help_text=_("Leaves out words less likely than this share of the likeliest."),
    )
    stop = forms.CharField(
        required=False,
        max_length=1_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        label=_("Stop before"),
        help_text=_("Texts that end the answer, one a line, at most four."),
    )

    decoder = forms.ChoiceField(
        required=False,
        choices=DECODERS,
        label=_("Decoder"),
        help_text=_("Cautious and deepening decoding need a model on this machine."),
    )
    decoder_settings = forms.CharField(
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        label=_("Settings of the decoder"),
        help_text=_(
            'As JSON. Cautious: {"most": 10, "low": 0.01, "high": 1.5}. Deepening: {"first": 128, '
            '"growth": 2}. Left empty, its own.'
        ),
    )

    differing = forms.ChoiceField(
        required=False,
        choices=DIFFERING,
        label=_("Candidates that are too alike"),
    )
    differing_settings = forms.CharField(
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        label=_("When they are too alike"),
        help_text=_(
            'As JSON: {"tries": 2, "most_cosine": 0.9, "least_edits": 0.1, "least_variety": 0, '
            '"axis": "approach, stance"}. Left empty, these.'
        ),
    )
    embedder = forms.ChoiceField(required=False, choices=list, label=_("How alike is told by"))

    languages = forms.CharField(
        required=False,
        max_length=200,
        label=_("Languages"),
        help_text=_(
            "In which the candidates of a prompt take turns, such as en, de, zh-hans; for votes "
            "across languages. Left empty, the model chooses."
        ),
    )

    field_order = (
        "checkpoint", "per_prompt", "max_tokens", "temperature", "top_p", "top_k", "min_p", "stop",
        "decoder", "decoder_settings", "differing", "differing_settings", "embedder", "languages",
    )  # fmt: skip

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, project=project, **kwargs)
        field = self.fields["embedder"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("Their words alone")),
            *(
                (key, each.label)
                for key, each in self.checkpoints.items()
                if Capability.EMBED in (abilities_of(each) or ())
            ),
        ]

    def clean_embedder(self) -> Checkpoint | None:
        chosen = self.cleaned_data["embedder"]
        return self.checkpoints[chosen] if chosen else None

    def clean_differing_settings(self) -> Rule | None:
        """The rule for candidates that are too alike; None where they are kept."""
        way = self.cleaned_data.get("differing") or ""
        given = read_json_object(self.cleaned_data["differing_settings"])
        if not way:
            if given:
                raise forms.ValidationError(_("Choose what happens to them first."))
            return None
        if way == "again" and given.get("axis"):
            raise forms.ValidationError(_("An axis is for asking for another kind."))
        try:
            rule = read_options(Rule, given)
        except EngineError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return replace(rule, axis=rule.axis or AXES[0]) if way == "navigate" else rule

    def clean_decoder_settings(self) -> Decoder | None:
        """The decoder with its settings; None for the plain one."""
        kind = self.cleaned_data.get("decoder") or ""
        text = self.cleaned_data["decoder_settings"].strip()
        if not kind:
            if text:
                raise forms.ValidationError(_("Choose the decoder that these settings are for."))
            return None
        try:
            return read_options(decoding.KINDS[kind], read_json_object(text))
        except EngineError as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_languages(self) -> list[str]:
        codes = re.split(r"[\s,;]+", self.cleaned_data["languages"].strip().lower())
        try:
            return check_languages([code for code in codes if code])
        except NotPossible as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_stop(self) -> tuple[str, ...]:
        lines = self.cleaned_data["stop"].replace("\r\n", "\n").split("\n")
        stops = tuple(dict.fromkeys(line for line in lines if line.strip()))
        if len(stops) > 4:
            raise forms.ValidationError(_("At most four texts can end an answer."))
        return stops

    def request_fields(self) -> dict[str, Any]:
        """What `enqueue.request_generation` takes beside project and user."""
        given = self.cleaned_data
        return {
            "checkpoint": given["checkpoint"],
            "per_prompt": given["per_prompt"],
            "sampling": Sampling(
                max_tokens=given["max_tokens"],
                temperature=given["temperature"],
                top_p=given["top_p"],
                top_k=given["top_k"],
                min_p=given["min_p"],
                stop=given["stop"],
                decoder=given["decoder_settings"],
            ),
            "novelty": given["differing_settings"],
            "embedder": given["embedder"],
            "languages": given["languages"],
            "seed": given["seed"],
            "max_cost": given["max_cost"],
        }
