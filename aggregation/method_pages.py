"""A page for each method, written from what the method says of itself. Pure."""

from collections.abc import Iterable, Mapping

from aggregation.method import Method
from aggregation.options import OptionField

FAMILIES = {
    "consensus": "Labels and checklists",
    "ranking": "Strengths from comparisons",
    "social_choice": "Social choice",
    "scalars": "Ratings",
    "slates": "Slates of several winners",
    "pluralism": "Pluralism",
}
INDEX_HEAD = """# Aggregation methods

Every rule runs on the same judgments and answers in the same form, so that they can be compared.
Each page is written from the method's own docstring by `./polyphony write_method_pages`.
"""


def page(method: Method) -> str:
    """Markdown: title, what it is, its options, its axioms, its source."""
    parts = [
        f"# {method.title}",
        f"`{method.slug}` · reads {_kinds(method)}",
        method.description,
        _options_table(method.options.form_fields()),
    ]
    if method.axioms:
        parts.append(f"**Satisfies:** {', '.join(method.axioms)}.")
    parts.append(f"**Source:** {method.reference}")
    return "\n\n".join(part for part in parts if part) + "\n"


def index(methods: Iterable[Method]) -> str:
    """Markdown: the methods by family, with links to their pages."""
    by_family: dict[str, list[Method]] = {family: [] for family in FAMILIES}
    for method in methods:
        by_family[method.family].append(method)
    sections = [
        f"## {FAMILIES[family]}\n\n"
        + "\n".join(_line(method) for method in sorted_by_title(members))
        for family, members in by_family.items()
        if members
    ]
    return "\n\n".join([INDEX_HEAD.strip(), *sections]) + "\n"


def pages(methods: Mapping[str, Method]) -> dict[str, str]:
    """File name to text, for the whole folder."""
    return {"README.md": index(methods.values())} | {
        f"{slug}.md": page(method) for slug, method in sorted(methods.items())
    }


def sorted_by_title(methods: Iterable[Method]) -> list[Method]:
    return sorted(methods, key=lambda method: method.title.casefold())


def _line(method: Method) -> str:
    first = " ".join(method.description.split("\n\n")[0].split())
    return f"- [{method.title}]({method.slug}.md) — {_after_colon(first)}"


def _after_colon(sentence: str) -> str:
    """What a first line says after the method's name."""
    _, colon, rest = sentence.partition(": ")
    return rest if colon else sentence


def _kinds(method: Method) -> str:
    return ", ".join(kind.__name__ for kind in method.consumes)


def _options_table(options: Iterable[OptionField]) -> str:
    rows = [
        f"| `{option.name}` | {option.label} | {_allowed(option)} | {_shown(option.default)} | "
        f"{option.help} |"
        for option in options
    ]
    head = ["| Option | Name | Allowed | Default | Meaning |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def _allowed(option: OptionField) -> str:
    if option.choices:
        return ", ".join(f"`{choice}`" for choice in option.choices)
    low = "" if option.low is None else f" from {option.low:g}"
    high = "" if option.high is None else f" to {option.high:g}"
    kinds = {"bool": "yes or no", "int": "whole number", "float": "number", "str": "text"}
    return f"{kinds[option.kind]}{low}{high}"


def _shown(value: object) -> str:
    return "none" if value is None else f"`{value}`"
