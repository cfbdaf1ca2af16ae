"""The pages about methods say what the methods say, and are up to date."""

from pathlib import Path

import pytest
from django.conf import settings

from aggregation.catalogue import METHODS
from aggregation.method_pages import index, page, pages

FOLDER = Path(settings.BASE_DIR) / "docs" / "methods"


@pytest.mark.parametrize("slug", sorted(METHODS))
def test_a_page_gives_the_rule_its_options_and_its_source(slug: str) -> None:
    method = METHODS[slug]
    text = page(method)
    assert text.startswith(f"# {method.title}\n")
    assert method.reference in text
    assert all(f"`{option.name}`" in text for option in method.options.form_fields())


def test_the_index_links_every_method_once() -> None:
    text = index(METHODS.values())
    assert all(text.count(f"]({slug}.md)") == 1 for slug in METHODS)


def test_the_folder_is_what_the_command_writes() -> None:
    kept = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    assert kept == pages(METHODS), "run ./polyphony write_method_pages"
