"""Texts that databases keep: no NUL, and nothing that is no character."""

from pilothouse.services.instance import InstanceRequest


def unstorable(asked: InstanceRequest) -> str:
    """Return what of a request cannot be stored, nothing when all can."""
    if bad_text(asked.title):
        return "the title holds a NUL or half a character, which cannot be stored"
    for name in ("software_url", "software_type"):
        if bad_text(getattr(asked, name)):
            return f"{name} holds a NUL or half a character, which cannot be stored"
    for values in (asked.parameters, asked.filter):
        for key, value in values.items():
            if bad_text(key) or bad_text(value):
                return f"the value of {key!a} holds a NUL or half a character, which cannot be stored"
    return ""


def bad_text(text: str) -> bool:
    """Whether a text cannot be stored."""
    if "\0" in text:
        return True
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
