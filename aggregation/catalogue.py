"""The methods and export formats there are, by slug.

A new file under `aggregation/methods/` or `aggregation/exports/` is in here without further ado.
"""

from aggregation.exports import Export
from aggregation.method import Method
from config.plugins import discover

METHODS: dict[str, Method] = discover("aggregation.methods", "METHOD")
EXPORTS: dict[str, Export] = discover("aggregation.exports", "EXPORT")
