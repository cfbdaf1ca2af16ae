"""Every page of a project that has been through everything, read in German."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.test import Client
from django.utils.translation import override

from aggregation.catalogue import EXPORTS, METHODS
from annotation.telling import told
from benchmarks.screen_world.making import make_world
from benchmarks.screen_world.tours import every_screen, owner_account

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

TELLING = re.compile(  # words that hardly a line of English does without and German doesn't have
    r"(?<![\w/-])(the|of|and|is|are|were|to|by|with|for|not|each|from|that|than|it|its|this|these|"
    r"which|what|how|when|who|has|have|be|been|can't|only|other|two|same|their|there)(?![\w/-])",
    re.IGNORECASE,
)
FEW = 2  # such words in a line are English
SILENT = {"script", "style", "template", "code", "pre", "kbd", "textarea"}
BREAKS = {
    "p", "li", "td", "th", "tr", "div", "dt", "dd", "h1", "h2", "h3", "option", "summary", "button",
    "label", "section", "text", "title", "desc", "legend", "caption", "blockquote",
}  # fmt: skip
HEARD = ("aria-label", "title", "placeholder", "alt")

# English by intent: what a model was asked and answered, a study's record, names of files' columns,
# literature, and how a method works beyond its first sentence.
RECORDS = ("judge-trial", "study", "mined-study", "method")
ASIDE = re.compile(
    r"et al\.|\(\d{4}\)|arXiv|iconv|^\{|\.to_pylist|^[\w, ]*_[\w, ]*$|^(?:assistant|user):"
)


class Reader(HTMLParser):
    """What a person reads or hears of a page, line by line."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.silent, self.said = 0, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in SILENT
        self.said += [f"\n{value}\n" for name, value in attrs if name in HEARD and value]
        self.said += ["\n"] * (tag in BREAKS)

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in SILENT
        self.said += ["\n"] * (tag in BREAKS)

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.said.append(" ".join(data.split(" ")))

    def lines(self) -> Iterator[str]:
        for line in "".join(self.said).split("\n"):
            if line.strip():
                yield " ".join(line.split())


def written() -> set[tuple[str, ...]]:
    """What people and models wrote, by every three words in a row."""
    kept = ["What about the cat", "With a second week of answers"]  # a file's; a release's notes
    for model in apps.get_app_config("annotation").get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.TextField | models.CharField | models.JSONField):
                rows = model._default_manager.order_by().values_list(field.name, flat=True)
                kept += [str(value).replace("\\n", " ") for value in rows.distinct() if value]
    return {three for text in kept for three in threes(words(text))}


def words(text: str) -> list[str]:
    return re.findall(r"[\w'’/-]+", text)


def threes(said: list[str]) -> Iterator[tuple[str, ...]]:
    return zip(said, said[1:], said[2:], strict=False)


def english(line: str, known: set[tuple[str, ...]]) -> bool:
    """Whether a line has telling words left beside what somebody wrote."""
    if ASIDE.search(line):
        return False
    said = words(line)
    own = set(range(len(said)))
    for place, three in enumerate(threes(said)):
        if three in known:
            own -= {place, place + 1, place + 2}
    return len(TELLING.findall(" ".join(said[k] for k in sorted(own)))) >= FEW


def english_names() -> re.Pattern[str]:
    """Titles of rules and formats that have a German name of their own."""
    with override("de"):
        titles = {m.title for m in METHODS.values()} | {e.title for e in EXPORTS.values()}
        other = sorted(title for title in titles if told(title) != title)
    return re.compile("|".join(map(re.escape, other)))


def test_no_page_says_in_english_what_polyphony_says(client: Client) -> None:
    make_world(str)
    known, names = written(), english_names()
    client.force_login(owner_account())
    found: dict[str, list[str]] = {}
    for screen in every_screen():
        if screen.who != "owner" or screen.name.startswith(RECORDS):
            continue
        reply = client.get(screen.path, headers={"Accept-Language": "de"})
        if reply.streaming or "html" not in reply.headers.get("Content-Type", ""):
            continue
        reader = Reader()
        reader.feed(reply.content.decode())
        left = [line for line in reader.lines() if english(line, known) or names.search(line)]
        if left:
            found[screen.name] = list(dict.fromkeys(left))
    assert settings.LANGUAGES[1][0] == "de"
    assert found == {}
