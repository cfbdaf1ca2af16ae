"""The interface in other languages: nothing an annotator sees is left out, and nothing is stale."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client
from django.urls import reverse

from annotation.models import Project
from annotation.translating import Message, messages
from tests.cast import World

LOCALE = Path(settings.BASE_DIR, "locale")
OTHERS = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%s|(?<!%)%s|<[^>]+>")
TAG = re.compile(r"<[^>]+>")
SIE = re.compile(r"\b(?:Sie|Ihnen|Ihr\w*)\b")
BEFORE_A_SENTENCE = tuple(".!?:…„‚([")


def catalogue(language: str) -> Catalog:
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    return read_po(io.BytesIO(path.read_bytes()), locale=language)


@pytest.fixture(scope="module")
def marked() -> list[Message]:
    return messages(settings.BASE_DIR)


@pytest.fixture(scope="module")
def wanted(marked: list[Message]) -> list[Message]:
    return [each for each in marked if each.is_for_annotators]


def test_the_messages_are_found_in_python_and_in_templates(wanted: list[Message]) -> None:
    texts = {each.text for each in wanted}
    assert {"A is much better", "Your answer is saved.", "Skip…", "Paused"} <= texts
    assert "Show all (%%s words)" in texts  # as Django looks it up
    assert any(each.plural for each in wanted)


@pytest.mark.parametrize("language", OTHERS)
def test_everything_that_is_marked_is_translated(language: str, marked: list[Message]) -> None:
    found = catalogue(language)
    missing = []
    for message in marked:
        told = found.get(message.text, message.context or None)
        if told is None or told.fuzzy or not told.string or not all(told.string):
            missing.append(f"{message.file}: {message.text}")
    assert missing == [], "run ./polyphony translations and translate these"


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_placeholders_and_tags(language: str) -> None:
    for message in catalogue(language):
        ids, strings = _forms(message.id), _forms(message.string)
        for string in filter(None, strings if message.id else ()):
            kept = sorted(match[0] for match in PLACEHOLDER.finditer(string))
            assert kept in [sorted(m[0] for m in PLACEHOLDER.finditer(each)) for each in ids]


def test_german_says_du_to_everybody() -> None:
    formal = [
        string
        for message in catalogue("de")
        for string in _forms(message.string)
        if message.id and _is_formal(string, of=_forms(message.id)[0])
    ]
    assert formal == [], "German says du: Wähle …, deine Antwort"


@pytest.mark.parametrize(
    ("english", "german", "formal"),
    [
        ("Choose one and say why.", "Wählen Sie eines und sagen Sie, warum.", True),
        ("With your name.", "Mit Ihrem Namen.", True),
        ("It asks <em>you</em>.", "Es fragt <em>Sie</em>.", True),
        ("Your commitment", "Ihre Festlegung", True),
        ("Done (all). They stay.", "Fertig (alle). Sie bleiben.", False),
        ("“%(a)s.” Its columns: %(b)s", "„%(a)s.“ Ihre Spalten: %(b)s", False),
        ("<b>Made up.</b> They count.", "<b>Erfunden.</b> Sie zählen.", False),
        ("Your answers and theirs", "Deine Antworten und ihre", False),
    ],
)
def test_they_and_their_begin_a_sentence_and_you_anywhere(
    english: str, german: str, formal: bool
) -> None:
    assert _is_formal(german, of=english) == formal


def _is_formal(german: str, *, of: str) -> bool:
    """Whether Sie or Ihr stands where only an address has a capital letter."""
    text = TAG.sub("", german)
    for each in SIE.finditer(text):
        before = re.sub(r"[\s“‘)\]]+$", "", text[: each.start()])
        if not before.endswith(BEFORE_A_SENTENCE) if before else of.startswith("You"):
            return True
    return False


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalogue_is_the_written_one(language: str) -> None:
    path = LOCALE / language / "LC_MESSAGES" / "django.mo"
    compiled = read_mo(io.BytesIO(path.read_bytes()))
    assert _told(compiled) == _told(catalogue(language))


def _told(found: Catalog) -> dict[str, tuple[str, ...]]:
    """Every translation by its message, plurals as a tuple."""
    told = {}
    for each in found:
        strings = _forms(each.string)
        if each.id and all(strings):
            told[f"{_context(each.context)}|{_forms(each.id)[0]}"] = strings
    return told


def _context(context: str | bytes | None) -> str:
    """A message's context; a compiled catalogue has it in bytes."""
    return context.decode() if isinstance(context, bytes) else context or ""


def _forms(told: str | Sequence[str] | None) -> tuple[str, ...]:
    """Singular and plural, or the one form there is."""
    return (told,) if isinstance(told, str) else tuple(told or ())


@pytest.mark.django_db
def test_the_browsers_language_is_spoken_and_another_can_be_chosen(
    world: World, client: Client
) -> None:
    client.force_login(world.ada)
    judge = reverse("annotation:judge", args=["advice"])
    german = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
    page = client.get(judge, headers=german).content.decode()
    assert '<html lang="de"' in page
    assert "A ist viel besser" in page
    assert "Alles zeigen (%s Wörter)" in page
    assert "A is much better" not in page
    assert (
        "A is much better" in client.get(judge, headers={"Accept-Language": "fi"}).content.decode()
    )
    chosen = client.post(reverse("set_language"), {"language": "en", "next": judge}, headers=german)
    assert chosen.headers["Location"] == judge
    assert "A is much better" in client.get(judge, headers=german).content.decode()


@pytest.mark.django_db
def test_refusals_are_told_in_the_readers_language(world: World, client: Client) -> None:
    client.force_login(world.ada)
    Project.objects.update(state="paused")
    page = client.get(
        reverse("annotation:judge", args=["advice"]), headers={"Accept-Language": "de"}
    )
    assert "Dieses Projekt macht Pause." in page.content.decode()
