"""The pages' forms behind API endpoints: one set of rules, whichever door is used."""

from typing import Any

from django import forms

from annotation.errors import InvalidAnswer


def cleaned(form: forms.Form) -> dict[str, Any]:
    """The cleaned data of a valid form. Raises InvalidAnswer with the form's own sentences."""
    if not form.is_valid():
        raise InvalidAnswer({name: list(map(str, texts)) for name, texts in form.errors.items()})
    return form.cleaned_data
