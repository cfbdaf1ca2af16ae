"""Asking for answers in a certain language, so that votes can be held across languages. Pure."""

from models_runtime.engines import Conversation, Message

WORDS = (
    "Think and answer in {language}, whatever the language of the conversation. If the answer "
    "comes to a result, end with the result alone as \\boxed{{…}}."
)


def in_language(messages: Conversation, language: str) -> Conversation:
    """The conversation with the demand to answer in `language`, its English name, in front. A
    system message that is there keeps its words."""
    asked = WORDS.format(language=language)
    if messages and messages[0].role == "system":
        return (Message("system", f"{messages[0].content}\n\n{asked}"), *messages[1:])
    return (Message("system", asked), *messages)
