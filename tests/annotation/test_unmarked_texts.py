"""No page says anything that can't be said in another language: templates, forms, messages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType

TEMPLATES = Path(settings.BASE_DIR, "templates")
SAID = re.compile(  # attributes that a person reads or hears
    r"""\b(?:aria-label|title|placeholder|alt|summary|data-(?:says|ask|tray|place|none|remove))="""
    r""""([^"]*)\""""
)
QUOTED = re.compile(r"""\b(?:above|action|label|lead|n_of|note|sentence|title)="([^"]+)\"""")
HIDDEN = re.compile(r"<(script|style|code|pre|kbd)\b.*?</\1>", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
WORD = re.compile(r"[^\W\d_]{2,}")

# Said in no language: names, notation, and units that are the same in all.
SAME_EVERYWHERE = {
    "API", "BIC", "CSV", "Deutsch", "English", "JSON", "JSONL", "MaxMin", "Polyphony", "UTC", "amp",
    "middot", "nbsp",
}  # fmt: skip


def unmarked(source: str) -> list[str]:
    """Texts of a template outside of `translate` and `blocktranslate`."""
    bare, told, inside, styled = "", [], False, False
    for token in Lexer(source).tokenize():
        words = token.contents.split()
        name = words[0] if words and token.token_type == TokenType.BLOCK else ""
        if name == "blocktranslate":
            inside = True
        elif name == "endblocktranslate":
            inside = False
        elif name == "block":
            styled = words[1].endswith("_class")
        elif name == "endblock":
            styled = False
        elif inside or styled or token.token_type == TokenType.COMMENT:
            continue
        elif token.token_type == TokenType.TEXT:
            bare += token.contents
        elif name == "include":
            told += QUOTED.findall(token.contents)
        elif name == "":
            bare += "\N{OBJECT REPLACEMENT CHARACTER}"  # a variable: it brings its own words
    bare = HIDDEN.sub(" ", bare)
    told += SAID.findall(bare)
    told += TAG.sub("\n", bare).splitlines()
    return [
        text.strip()
        for text in told
        if any(word not in SAME_EVERYWHERE for word in WORD.findall(text))
    ]


@pytest.mark.parametrize(
    "path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES))
)
def test_every_text_is_marked_for_translation(path: Path) -> None:
    assert unmarked(path.read_text(encoding="utf-8")) == []


# What the API's description and the command line say stays English, and so does what is stored.
ELSEWHERE = re.compile(r"migrations|management|/models|api|serializers")
NOTATION = '{"options": […]'  # the form of a document, not a sentence
POSITION = {"add_error": 1, "ValidationError": 0}


def plain_sentences(tree: ast.AST) -> Iterator[str]:
    """Literals that forms and views hand to a page without marking them."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        owner = getattr(getattr(node.func, "value", None), "id", "")
        place = 1 if owner == "messages" else POSITION.get(name)
        said = node.args[place : place + 1] if place is not None else []
        for keyword in node.keywords:
            if keyword.arg in ("label", "help_text", "empty_label"):
                said.append(keyword.value)
            if keyword.arg == "error_messages" and isinstance(keyword.value, ast.Dict):
                said.extend(keyword.value.values)
        yield from (ast.unparse(each) for each in said if is_sentence(each))


def is_sentence(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return True
    told = node.value if isinstance(node, ast.Constant) else None
    return isinstance(told, str) and bool(WORD.search(told)) and not told.startswith(NOTATION)


@pytest.mark.parametrize("package", ["annotation", "aggregation", "models_runtime"])
def test_every_sentence_of_forms_and_messages_is_marked(package: str) -> None:
    found = {}
    for path in sorted(Path(settings.BASE_DIR, package).rglob("*.py")):
        if ELSEWHERE.search(str(path.relative_to(settings.BASE_DIR))):
            continue
        said = list(plain_sentences(ast.parse(path.read_text(encoding="utf-8"))))
        if said:
            found[path.name] = said
    assert found == {}
