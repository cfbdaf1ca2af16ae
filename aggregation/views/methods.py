"""A page per method, from its docstring, so that a method's name can always be looked up."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from aggregation.catalogue import METHODS
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
        "paragraphs": [_paragraph(text) for text in found.description.split("\n\n")],
        "options": found.options.form_fields(),
    }
    return render(request, "aggregation/method.html", context)


def _paragraph(text: str) -> tuple[str, bool]:
    """A paragraph, and whether its lines are laid out on purpose: then one of them is indented."""
    laid_out = any(line.startswith(" ") for line in text.splitlines())
    return (text if laid_out else " ".join(text.split())), laid_out


@require_safe
@for_accounts
def methods(request: HttpRequest) -> HttpResponse:
    families: dict[str, list[object]] = {}
    for slug, each in METHODS.items():
        first = _without_name(each.description.partition("\n\n")[0])
        families.setdefault(each.family.replace("_", " "), []).append((slug, each, first))
    return render(request, "aggregation/methods.html", {"families": sorted(families.items())})


def _without_name(sentence: str) -> str:
    """A description's first sentence without the name that it begins with: the link says that."""
    name, colon, rest = sentence.partition(": ")
    return rest if colon and len(name) < LONGEST_NAME else sentence
