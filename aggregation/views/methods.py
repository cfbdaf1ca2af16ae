"""A page per method, from its docstring, so that a method's name can always be looked up."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from aggregation.catalogue import METHODS
from aggregation.method import is_laid_out
from annotation.telling import told
from annotation.views.entry import for_accounts

LONGEST_NAME = 60  # characters; a longer beginning of a sentence is no name


@require_safe
@for_accounts
def method(request: HttpRequest, method: str) -> HttpResponse:
    if method not in METHODS:
        raise Http404
    found = METHODS[method]
    context = {
        "method": found,
        "slug": method,
        "paragraphs": [(text, is_laid_out(text)) for text in found.paragraphs()],
        "options": found.options.form_fields(),
    }
    return render(request, "aggregation/method.html", context)


@require_safe
@for_accounts
def methods(request: HttpRequest) -> HttpResponse:
    families: dict[str, list[object]] = {}
    for slug, each in METHODS.items():
        family = told(each.family.replace("_", " "))
        families.setdefault(family, []).append(
            (slug, each, _without_name(told(each.paragraphs()[0])))
        )
    return render(request, "aggregation/methods.html", {"families": sorted(families.items())})


def _without_name(sentence: str) -> str:
    """A description's first sentence without the name that it begins with: the link says that."""
    name, colon, rest = sentence.partition(": ")
    return rest if colon and len(name) < LONGEST_NAME else sentence
