"""What can go wrong for a person who starts work on models; `str(error)` is the sentence."""


class RuntimeRefusal(Exception):
    """Base of the refusals in this app."""


class NotPossible(RuntimeRefusal):
    """What was asked for can't be done; the text says why and what to do."""


class InvalidCheckpoint(RuntimeRefusal):
    """A checkpoint that can't be registered as described; `field` names the field at fault."""

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        super().__init__(sentence)
