"""The methods and export formats there are, by slug.

A new file under `aggregation/methods/` or `aggregation/exports/` is in here without further ado.
"""

from aggregation.exports import Export
from aggregation.method import Method
from config.plugins import discover

METHODS: dict[str, Method] = discover("aggregation.methods", "METHOD")
EXPORTS: dict[str, Export] = discover("aggregation.exports", "EXPORT")


def method_title(slug: str) -> str:
    """What a method is called; the slug of one that is no longer there."""
    return METHODS[slug].title if slug in METHODS else slug
