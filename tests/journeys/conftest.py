"""The browser's fixtures are every test's (`tests/browsing.py`); its names are found here too."""

from tests.browsing import OpenPage, chromium_path

__all__ = ["OpenPage", "chromium_path"]
