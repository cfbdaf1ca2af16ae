"""How a stored result was made, read from the result itself, so that it can be made again. Pure.

A result carries every option of its method as it stood then, and its method's version. Since then
the method may have learnt new options, results new fields, and defaults may have changed. An option
that the record doesn't name takes the value that stands for how things were before it existed; a
field it doesn't have is left out again where it says nothing. So an older result still comes out
byte for byte, unless the computation itself has changed.
"""

import json
from dataclasses import dataclass
from typing import Any

from aggregation.method import Method
from aggregation.options import OptionError, Options
from aggregation.results import AggregateResult


@dataclass(frozen=True)
class Recorded:
    """A stored result as plain data."""

    plain: dict[str, Any]

    @classmethod
    def of(cls, text: str) -> "Recorded":
        return cls(json.loads(text))

    @property
    def version(self) -> str:
        """The version of its method at the time."""
        return str(self.plain["version"])

    def options(self, method: Method) -> Options:
        """The method's options as they were. Raises OptionError where one exists no more."""
        fields = {field.name: field for field in method.options.form_fields()}
        retired = method.options.RETIRED
        given = {k: v for k, v in self.plain["params"].items() if k not in retired}
        lost = sorted(set(given) - set(fields))
        if lost:
            raise OptionError(
                f"This result was made with an option “{lost[0]}” that “{method.title}” no longer "
                "has, so it can't be made again by this version."
            )
        absent = {name: field.before for name, field in fields.items() if name not in given}
        chosen: Options = method.options.parse({**absent, **given})
        return chosen

    def written(self, result: AggregateResult) -> str:
        """A result of the same options in the words of this one: canonical JSON without timing."""
        plain = result.to_dict(timing=False)
        plain["params"] = {  # a name that is there no more was retired, and stays as it was
            name: plain["params"].get(name, value) for name, value in self.plain["params"].items()
        }
        return json.dumps(
            _in_words_of(self.plain, plain),
            sort_keys=True,
            ensure_ascii=False,
            separators=(",", ":"),
        )


def _in_words_of(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`new` without entries that `old` doesn't know and that say nothing."""
    return {
        name: _in_words_of(old[name], value)
        if isinstance(value, dict) and isinstance(old.get(name), dict)
        else value
        for name, value in new.items()
        if name in old or value not in (None, False, "", [], {})
    }
