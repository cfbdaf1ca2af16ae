"""Languages that candidates can be asked for in: their English names, by code."""

from collections.abc import Sequence

from django.conf.locale import LANG_INFO

from annotation.phrases import say
from models_runtime.errors import NotPossible

LANGUAGES: dict[str, str] = {
    code: str(info["name"]) for code, info in sorted(LANG_INFO.items()) if "name" in info
}
MOST_LANGUAGES = 20


def check_languages(codes: Sequence[str]) -> list[str]:
    """The codes, each once. Raises NotPossible for one that isn't known."""
    unknown = [code for code in codes if code not in LANGUAGES]
    if unknown:
        raise NotPossible(
            say(
                "“%(unknown)s” is no language known here. Write codes such as en, de, zh-hans.",
                unknown=unknown[0],
            )
        )
    if len(codes) > MOST_LANGUAGES:
        raise NotPossible(
            say(
                "Candidates can take turns in at most %(most_languages)s languages.",
                most_languages=MOST_LANGUAGES,
            )
        )
    return list(dict.fromkeys(codes))
