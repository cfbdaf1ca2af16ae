"""Templates: versioned words around fenced material. Pure.

A change to a template's words is a new version beside the old one, so that every kept call can be
read with the words it was asked in. Material (the conversation, responses, critiques, whatever a
person or a model wrote) only ever stands inside fences, so nothing it says can change the
structure of the prompt.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models_runtime.engines import Conversation, Message
from models_runtime.prompting.fences import fenced, nonce_for

MOST_REPEATED = 4000
_MARKER = re.compile(r"^<<<(?:END )?[A-Z0-9 ]+ [0-9a-f]{12}>>>$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fenced:
    """Material to be judged, under a label in capitals."""

    label: str
    text: str


Part = str | Fenced


@dataclass(frozen=True, slots=True)
class Template:
    """A way of asking: `rules` for the system message, an `intro` and a `task` around the material.

    `labels` is empty where the model writes; `repair` asks it to restate what couldn't be read,
    "" where there is nothing to restate.
    """

    slug: str
    version: int
    rules: str
    task: str
    intro: str = "The conversation:"
    repair: str = ""
    labels: tuple[str, ...] = ()
    max_tokens: int = 600

    @property
    def name(self) -> str:
        return f"{self.slug}@{self.version}"

    def put(self, parts: Sequence[Part], secret: str, **words: str) -> Conversation:
        """The messages that put `parts` to the model. `secret` decides the fences' nonce and must
        be unknown to whoever wrote the material. `words` fill the gaps of the task."""
        nonce = nonce_for(secret, [part.text for part in parts if isinstance(part, Fenced)])
        body = [
            fenced(part.label, part.text, nonce) if isinstance(part, Fenced) else part
            for part in parts
        ]
        task = self.task.format(**words) if words else self.task
        asked = "\n\n".join(piece for piece in (self.intro, *body, task) if piece)
        return (Message("system", self.rules), Message("user", asked))

    def render_repair(self, asked: Conversation, reply: str) -> Conversation:
        """Ask the same model for what it meant by `reply`."""
        said = reply[-MOST_REPEATED:] or "(nothing)"
        return (*asked, Message("assistant", said), Message("user", self.repair))


def skeleton(messages: Conversation) -> tuple[str, ...]:
    """The structure of a prompt: its roles and its words outside the fences, nonces left out.

    Two prompts of one template have the same skeleton whatever the material says.
    """
    return tuple(f"{message.role}: {_bare(message.content)}" for message in messages)


def _bare(text: str) -> str:
    kept: list[str] = []
    inside = ""
    for line in text.split("\n"):
        if inside:
            if line == inside:
                inside = ""
                kept.append(re.sub(r"[0-9a-f]{12}", "#", line))
        elif _MARKER.match(line):
            kept.append(re.sub(r"[0-9a-f]{12}", "#", line))
            inside = line.replace("<<<", "<<<END ", 1)
        else:
            kept.append(line)
    return "\n".join(kept)


def transcript(conversation: Sequence[Message]) -> str:
    """A conversation as plain text, one block per message, named by its role."""
    return "\n\n".join(f"{message.role.upper()}:\n{message.content}" for message in conversation)
