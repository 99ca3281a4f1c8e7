"""What was said of something, as REST shows it."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from pilothouse.server.api.rest import cursors
from pilothouse.store.history_pages import Word
from pilothouse.store.pages import Page

STORABLE: Final = r"^[^\x00]*$"
"""Texts that databases keep."""

Next = Annotated[str | None, Meta(description="give it as `after` for the next page; null at the end")]
Seconds = Annotated[float, Meta(description="seconds since the epoch", examples=[1795341600.5])]
MaybeSeconds = Annotated[float | None, Meta(description="seconds since the epoch, null for never")]
Reference = Annotated[str, Meta(description="the node's name", examples=["COMP-1"])]
Url = Annotated[
    str, Meta(description="the address of a release", examples=["https://releases.example/web/1.2/software.cfg"])
]


class Message(msgspec.Struct, frozen=True):
    """One word on a node, an instance or a release."""

    id: int
    at: Seconds
    who: Annotated[str, Meta(description="who said it", examples=["COMP-1"])]
    state: Annotated[str, Meta(description="the state that was reported, empty for none", examples=["started"])]
    text: Annotated[str, Meta(examples=["#access Instance correctly started"])]


class Messages(msgspec.Struct, frozen=True):
    """Some of what was said, the newest first."""

    items: list[Message]
    next: Next = None


def messages(page: Page[Word]) -> Messages:
    """Return a page of words."""
    return Messages([Message(*word) for word in page.items], cursors.written(page.after))
