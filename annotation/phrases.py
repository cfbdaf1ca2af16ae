"""Sentences of parts that know no web: written in English, told by pages in any language. Pure.

What such a part says is kept with results, so it is plain text and the same for everybody. `say`
marks it: the translations take a message from each call, and `telling.told` recognises on a page
what was said by the message's shape. So a value in quotation marks is what somebody wrote and stays
as it is; any other is told too, if it was said here, or if it is a number. One called `n` (`n_…`)
is always a number, and one whose name ends in `_list` comes from `listed`, whose “and” is told.
What `str.format` fills in afterwards, such as `{low:.3f}`, is a value like the others.
"""

from collections.abc import Sequence


def say(message: str, /, **values: object) -> str:
    """The message with its values filled in. A literal per cent sign is written %%."""
    return message % values


AND = f" {say('and')} "


def capital(said: str) -> str:
    """The same with a capital letter first, as at the start of a sentence."""
    return said[:1].upper() + said[1:]


def listed(names: Sequence[str], most: int = 0) -> str:
    """ "a, b and c"; of more than `most` names the first ones, and how many others there are."""
    if most and len(names) > most:
        names = [*names[: most - 1], say("%(n)s others", n=f"{len(names) - most + 1:,}")]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])}{AND}{names[-1]}"
