"""What the interface says, found in its source: the messages a translation must have.

Reads Python by its syntax tree and templates by Django's own lexer, so neither GNU gettext nor any
other program is needed. Texts that are told by variable are named apart: titles of plug-ins in
LABELS, and by each app's configuration, whose `said` yields what its pure parts declare.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps
from django.template.base import Lexer, TokenType
from django.utils.translation import trim_whitespace

from annotation.catalogue import JUDGMENT_TYPES
from annotation.telling import CONTEXT

CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL_CALLS = {"ngettext", "ngettext_lazy"}
SAID_CALLS = {"say"}
LABELS = [each.title for each in JUDGMENT_TYPES.values()]
PYTHON = ("annotation", "aggregation", "models_runtime", "config")
OWN = ("migrations", "tests")

# Where what annotators see is written; translations are complete for these.
ANNOTATORS_SEE = (
    "annotation/amendment.py",
    "annotation/errors.py",
    "annotation/forms.py",
    "annotation/judgment_types/",
    "annotation/login_links.py",
    "annotation/models/",
    "annotation/queue.py",
    "annotation/submission.py",
    "annotation/templatetags/judging.py",
    "annotation/views/accounts.py",
    "annotation/views/entry.py",
    "annotation/views/judging.py",
    "templates/40",
    "templates/50",
    "templates/annotation/guideline.html",
    "templates/annotation/home.html",
    "templates/annotation/judge.html",
    "templates/annotation/judgment_types/",
    "templates/annotation/login",
    "templates/annotation/project_member.html",
    "templates/annotation/refused.html",
    "templates/base.html",
    "templates/components/",
    "templates/project_base.html",
)

_TRANSLATE = re.compile(r"""^(?:trans|translate)\s+(["'])(.+?)\1""")
_ARGUMENT = re.compile(r"""_\((["'])(.+?)\1\)""")
_FORMATTED = re.compile(r"\{+(\w+)(?::[^{}\s]*)?\}+")
_VALUE = re.compile(r"%\(\w+\)s")
_VARIABLE = re.compile(r"^\s*(\w+)\s*$")


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence to translate; `plural` beside it where its form depends on a number.

    `context` is "said" for what a pure part says; see `phrases`.
    """

    text: str
    plural: str = ""
    file: str = ""
    line: int = 0
    context: str = ""

    @property
    def is_for_annotators(self) -> bool:
        return not self.file or self.file.startswith(ANNOTATORS_SEE)


def messages(root: Path) -> list[Message]:
    """Every message of the checkout at `root`, each once; where annotators see it, if they do."""
    found: dict[tuple[str, str, str], Message] = {}
    for message in (*_of_python(root), *_of_templates(root), *map(Message, LABELS), *_declared()):
        key = message.text, message.plural, message.context
        if key not in found or not found[key].is_for_annotators:
            found[key] = message
    return list(found.values())


def _declared() -> Iterator[Message]:
    """Texts that plug-ins declare and pages tell, from every app whose configuration has `said`."""
    for app in apps.get_app_configs():
        for text in getattr(app, "said", list)():
            if text:
                told = text if _VALUE.search(text) else text.replace("%", "%%")
                yield Message(told, file=f"{app.name}/", context=CONTEXT)


def _of_python(root: Path) -> Iterator[Message]:
    for package in PYTHON:
        for path in sorted((root / package).rglob("*.py")):
            if set(path.parts) & set(OWN):
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            yield from _of_tree(tree, str(path.relative_to(root)))


def _of_tree(tree: ast.AST, file: str) -> Iterator[Message]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        name, texts = node.func.id, [_constant(each) for each in node.args]
        if name in CALLS and texts and texts[0]:
            yield Message(texts[0], "", file, node.lineno)
        if name in SAID_CALLS and texts and texts[0]:
            text = _FORMATTED.sub(r"%(\1)s", texts[0])
            yield Message(text, "", file, node.lineno, CONTEXT)
        if name in PLURAL_CALLS and len(texts) > 1 and texts[0] and texts[1]:
            yield Message(texts[0], texts[1], file, node.lineno)


def _constant(node: ast.expr) -> str:
    """The text of a literal, "" for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _of_templates(root: Path) -> Iterator[Message]:
    for path in sorted((root / "templates").rglob("*.html")):
        yield from _of_template(path.read_text(encoding="utf-8"), str(path.relative_to(root)))


def _of_template(source: str, file: str) -> Iterator[Message]:
    block: list[str] | None = None  # the singular and, after {% plural %}, the plural
    trimmed = False
    for token in Lexer(source).tokenize():
        is_tag = token.token_type == TokenType.BLOCK
        words = token.contents.split()[:1] if is_tag else []
        if block is None and words == ["blocktranslate"]:
            block, trimmed = [""], "trimmed" in token.contents.split()
        elif block is not None and words == ["plural"]:
            block.append("")
        elif block is not None and words == ["endblocktranslate"]:
            texts = [trim_whitespace(text) if trimmed else text for text in block]
            yield Message(texts[0], texts[1] if len(texts) > 1 else "", file, token.lineno or 0)
            block = None
        elif block is not None:
            block[-1] += _inside(token.contents, token.token_type)
        elif token.token_type in (TokenType.BLOCK, TokenType.VAR):
            yield from _of_tag(token.contents, file, token.lineno or 0)


def _inside(contents: str, kind: TokenType) -> str:
    variable = _VARIABLE.match(contents)
    if kind == TokenType.VAR and variable:
        return f"%({variable[1]})s"
    return contents.replace("%", "%%")


def _of_tag(contents: str, file: str, line: int) -> Iterator[Message]:
    """Django looks a tag's text up with its percent signs doubled."""
    told = _TRANSLATE.match(contents)
    if told:
        yield Message(told[2].replace("%", "%%"), "", file, line)
    for argument in _ARGUMENT.finditer(contents):
        yield Message(argument[2].replace("%", "%%"), "", file, line)
