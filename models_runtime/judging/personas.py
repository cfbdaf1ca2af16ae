"""Simulated annotators: personas that a model proposes and then speaks for. Pure.

They rehearse a project; they are never people, and being one model they are no independent voices
(see `councils.effective_size`).
"""

from dataclasses import dataclass

from models_runtime.engines import Conversation, Message
from models_runtime.judging.subject import Subject
from models_runtime.judging.talk import Ask, Talk
from models_runtime.prompting.personas import PERSONAS, SPEAKING
from models_runtime.prompting.replies import bullets


@dataclass(frozen=True, slots=True)
class Persona:
    """Who is played: a name, what they know, what they value."""

    name: str
    expertise: str = ""
    values: str = ""

    @classmethod
    def read(cls, line: str) -> "Persona | None":
        """`Name | expertise | values`; None without a name."""
        name, expertise, values = (*(part.strip() for part in line.split("|")), "", "")[:3]
        return cls(name[:80], expertise[:300], values[:300]) if name else None

    def line(self) -> str:
        return " | ".join((self.name, self.expertise, self.values))

    def speak(self, messages: Conversation) -> Conversation:
        """`messages` put to the model as this persona: its preamble goes before the rules."""
        preamble = SPEAKING.format(name=self.name, expertise=self.expertise, values=self.values)
        first, *rest = messages
        return (Message("system", f"{preamble}\n\n{first.content}"), *rest)


def propose(subject: Subject, count: int) -> Talk[list[Persona]]:
    """Ask for `count` personas whose views on this kind of question may differ; those that can be
    read, no name twice."""
    messages = PERSONAS.put([subject.asked], f"{subject.secret}:personas", count=str(count))
    answers = yield [Ask("personas", messages, PERSONAS, bullets(), temperature=0.7)]
    if not answers["personas"].is_read:
        return []
    found: dict[str, Persona] = {}
    for line in answers["personas"].value:
        persona = Persona.read(line)
        if persona is not None:
            found.setdefault(persona.name.casefold(), persona)
    return list(found.values())[:count]
