"""Breaking ties in public: the commit–reveal modular game, and a draw from a public beacon.

The modular game (Walsh): the m tied options stand in a public order, numbered 0 … m - 1. Each
participant commits to a whole number by publishing SHA-256("number|salt"), and reveals number and
salt after everybody has committed. Option (sum of the numbers) mod m wins. If at least one
participant draws uniformly and independently of the others, the winner is uniform whatever the rest
do; and everybody can check it. Who doesn't reveal, or reveals something else than was committed, is
left out and named: the last to reveal could see the sum coming and withhold, so a record with
missing reveals says that it may be biased.

Without participants, `beacon_draw` hashes a digest of the data, the question and a beacon (a number
nobody controls that became public after the votes, such as a later lottery or block) with a
counter, and takes the first hash below the largest multiple of m (rejection sampling: no option is
favoured even by 2^-256).

The order is by SHA-256 of the option's text, so no one's name helps. Source: T. Walsh's modular
game for breaking ties; SHA-256 is FIPS 180-4. Pure.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from annotation.phrases import say

MOST = 1 << 64  # numbers are below this
HEX = frozenset("0123456789abcdef")


class TieBreakError(ValueError):
    """The game can't be settled; the message says who or what is wrong."""


@dataclass(frozen=True)
class Reveal:
    """What a participant opens: the number committed to and the salt."""

    number: int
    salt: str


@dataclass(frozen=True)
class TieBreak:
    """The whole record; `verify` checks it without trusting whoever made it.

    order     options as texts, in the public order;  winner  the one at `place`
    commits   participant -> hash;  reveals  participant -> (number, salt) of those that count
    withheld  participants without a matching reveal: more than none may have biased the draw
    """

    rule: str
    order: tuple[str, ...]
    place: int
    commits: dict[str, str]
    reveals: dict[str, Reveal]
    withheld: tuple[str, ...] = ()
    beacon: dict[str, str] | None = None

    @property
    def winner(self) -> str:
        return self.order[self.place]

    def plain(self) -> dict[str, Any]:
        """JSON data, for `AggregateResult.tie_break`."""
        return {**asdict(self), "order": list(self.order), "withheld": list(self.withheld),
                "winner": self.winner}  # fmt: skip

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "TieBreak":
        """Inverse of `plain`. Raises TieBreakError for what isn't a record."""
        try:
            return cls(
                str(plain["rule"]),
                tuple(map(str, plain["order"])),
                int(plain["place"]),
                {str(k): str(v) for k, v in plain["commits"].items()},
                {
                    str(k): Reveal(int(v["number"]), str(v["salt"]))
                    for k, v in plain["reveals"].items()
                },
                tuple(map(str, plain.get("withheld", ()))),
                plain.get("beacon"),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TieBreakError(
                say("This is no record of a tie-break: %(error)s.", error=error)
            ) from error


def public_options(options: Iterable[object]) -> tuple[str, ...]:
    """The options as texts, in the order of their SHA-256. Raises TieBreakError for equal texts."""
    texts = [str(option) for option in options]
    if len(set(texts)) < len(texts) or not texts:
        raise TieBreakError(say("A tie is between at least one option, all with different names."))
    return tuple(sorted(texts, key=lambda text: hashlib.sha256(text.encode()).hexdigest()))


def commitment(number: int, salt: str) -> str:
    """SHA-256 of "number|salt" in hex. The salt must be secret and long (16 random bytes)."""
    if not 0 <= number < MOST:
        raise TieBreakError(
            say("The number must lie between 0 and 2^64 - 1, not %(number)s.", number=number)
        )
    if len(salt) < 8:
        raise TieBreakError(
            say("The salt needs at least 8 characters, or the number can be guessed.")
        )
    return hashlib.sha256(f"{number}|{salt}".encode()).hexdigest()


def settle(
    options: Iterable[object], commits: Mapping[str, str], reveals: Mapping[str, Reveal]
) -> TieBreak:
    """Settle the modular game. Raises TieBreakError where nobody's reveal matches a commitment, or
    somebody reveals who didn't commit.
    """
    order = public_options(options)
    strangers = sorted(set(reveals) - set(commits))
    if strangers:
        raise TieBreakError(
            say("'%(strangers)s' reveals without having committed.", strangers=strangers[0])
        )
    for who, value in commits.items():
        if len(value) != 64 or not set(value) <= HEX:
            raise TieBreakError(say("The commitment of '%(who)s' is no SHA-256 in hex.", who=who))
    _check_copies(commits)
    kept = {who: reveals[who] for who in sorted(reveals) if _matches(commits[who], reveals[who])}
    if not kept:
        raise TieBreakError(say("Nobody has revealed what they committed to, so nothing is drawn."))
    place = modular_place([reveal.number for reveal in kept.values()], len(order))
    withheld = tuple(sorted(set(commits) - set(kept)))
    return TieBreak("modular game", order, place, dict(sorted(commits.items())), kept, withheld)


def played(given: Any) -> TieBreak:
    """The settled game of {"options", "commits", "reveals": {who: {"number", "salt"}}}."""
    try:
        reveals = {
            str(who): Reveal(int(said["number"]), str(said["salt"]))
            for who, said in given["reveals"].items()
        }
        commits = {str(who): str(value) for who, value in given["commits"].items()}
        options = list(given["options"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TieBreakError(
            say(
                'A game is {"options": […], "commits": {who: hash}, "reveals": {who: '
                '{"number", "salt"}}; this is not one: %(error)s.',
                error=error,
            )
        ) from error
    return settle(options, commits, reveals)


def _check_copies(commits: Mapping[str, str]) -> None:
    """Two equal commitments cancel nothing, but the second was copied: it will be revealed by
    copying, too, and can then be steered.
    """
    seen: dict[str, str] = {}
    for who, value in sorted(commits.items()):
        if value in seen:
            raise TieBreakError(
                say("'%(who)s' has the same commitment as '%(seen)s'.", who=who, seen=seen[value])
            )
        seen[value] = who


def modular_place(numbers: Sequence[int], options: int) -> int:
    """(sum of the numbers) mod m."""
    return sum(numbers) % options


def _matches(commit: str, reveal: Reveal) -> bool:
    try:
        return hmac.compare_digest(commit, commitment(reveal.number, reveal.salt))
    except TieBreakError:
        return False


def beacon_draw(options: Iterable[object], digest: str, question: str, beacon: str) -> TieBreak:
    """One option by SHA-256 of "digest|question|beacon|counter", uniform by rejection."""
    order = public_options(options)
    if not beacon:
        raise TieBreakError(say("A draw needs a beacon: a text nobody knew before the votes."))
    place = _beacon_place(digest, question, beacon, len(order))
    said = {"digest": digest, "question": question, "beacon": beacon}
    return TieBreak("beacon", order, place, {}, {}, (), said)


def _beacon_place(digest: str, question: str, beacon: str, options: int) -> int:
    limit = (1 << 256) - (1 << 256) % options
    counter = 0
    while True:
        text = f"{digest}|{question}|{beacon}|{counter}"
        value = int(hashlib.sha256(text.encode()).hexdigest(), 16)
        if value < limit:
            return value % options
        counter += 1


def verify(record: TieBreak) -> bool:
    """Whether the record's winner follows from its own commitments, reveals or beacon."""
    try:
        if record.beacon is not None:
            again = beacon_draw(record.order, **record.beacon)
        else:
            again = settle(record.order, record.commits, record.reveals)
    except (TieBreakError, TypeError):
        return False
    return (again.order, again.place, again.withheld) == (
        record.order,
        record.place,
        record.withheld,
    )
