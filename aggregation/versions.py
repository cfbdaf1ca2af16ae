"""Which code computed something: the version and a digest of the source itself.

A version number alone lies in a changed checkout, and a commit id lies beside uncommitted changes;
the digest of the files that compute doesn't.
"""

import hashlib
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_ROOT = Path(__file__).resolve().parent
_COMPUTING = (_ROOT, _ROOT.parent / "annotation" / "judgment_types")


@cache
def code_version() -> str:
    """Such as "0.1.0+source.3f2a9c0d11e4": version and digest of what computes and publishes."""
    sha = hashlib.sha256()
    for folder in _COMPUTING:
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder).as_posix()
            if not name.startswith(("migrations/", "views/", "management/")):
                sha.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{_release()}+source.{sha.hexdigest()[:12]}"


def _release() -> str:
    try:
        return version("polyphony")
    except PackageNotFoundError:  # a checkout that was never installed
        told = tomllib.loads((_ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
        return str(told["project"]["version"])
