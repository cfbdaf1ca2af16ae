"""Plug-in discovery: one file, one plug-in, and the file's name is its slug."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["PluginError", "discover"]


class PluginError(Exception):
    """A module in a plug-in folder that does not declare exactly one plug-in; names the module."""


def discover(
    package: str,
    attribute: str,
    *,
    unavailable: Callable[[str, ImportError], Any] | None = None,
) -> dict[str, Any]:
    """Collect the plug-in that each module below `package` declares under the name `attribute`.

    Walks sub-packages too and leaves out modules and packages whose name begins with an underscore.
    The key is the module's own name (`aggregation.methods.ranking.bradley_terry` gives
    `bradley_terry`); keys come in alphabetical order, so two machines list them alike.

    A module without the attribute, or two modules of one name, raise `PluginError` naming them: a
    forgotten declaration stops start-up instead of vanishing from a menu. An `ImportError` of a
    *third-party* package is handed to `unavailable(slug, error)` where the catalogue gives one, and
    its answer takes the plug-in's place; everywhere else, and for own modules, it is raised.
    """
    found: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for module_name in sorted(_modules(package)):
        slug = module_name.rpartition(".")[2]
        if slug in origin:
            raise PluginError(
                f"Two plug-ins are called '{slug}': {origin[slug]} and {module_name}. "
                "The file's name is the slug, so rename one of the files."
            )
        origin[slug] = module_name
        found[slug] = _declared(module_name, attribute, unavailable)
    return {slug: found[slug] for slug in sorted(found)}


def _modules(package: str) -> Iterator[str]:
    root = importlib.import_module(package)
    if not hasattr(root, "__path__"):
        raise PluginError(f"{package} is a single module; plug-ins live one per file in a package.")
    for info in pkgutil.iter_modules(root.__path__):
        if info.name.startswith("_"):
            continue
        name = f"{package}.{info.name}"
        if info.ispkg:
            yield from _modules(name)
        else:
            yield name


def _declared(
    module_name: str,
    attribute: str,
    unavailable: Callable[[str, ImportError], Any] | None,
) -> Any:
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        own = (error.name or "").partition(".")[0] == module_name.partition(".")[0]
        if unavailable is None or own or error.name is None:
            raise
        return unavailable(module_name.rpartition(".")[2], error)
    if not hasattr(module, attribute):
        raise PluginError(
            f"{module_name} declares no {attribute}. Every module in this folder is a plug-in; "
            "begin the file's name with an underscore if it is not one."
        )
    plugin = getattr(module, attribute)
    if isinstance(plugin, list | tuple | set | dict):
        raise PluginError(
            f"{module_name} declares {len(plugin)} objects in {attribute}; "
            "one file holds one plug-in."
        )
    return plugin
