"""What all objects of the library have in common: the way to the master, and how answers become objects."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pilothouse.slap.client.connection import ConnectionHelper
from pilothouse.slap.client.exceptions import ServerError
from pilothouse.slap.client.hateoas import UNAVAILABLE, Navigator
from pilothouse.slap.documents import Document

_OWN: Final = frozenset({"_connection_helper", "_hateoas_navigator"})
_CLASSES: "Final[dict[str, type[Remote]]]" = {}

Class = TypeVar("Class", bound="type[Remote]")


class Remote:
    """An object at the master; attributes of its answers are attributes here, under the same names."""

    _connection_helper: ConnectionHelper | None = None
    _hateoas_navigator: Navigator | None = None

    def _join(self, connection: ConnectionHelper | None, navigator: Navigator | None) -> None:
        if connection is not None:
            self._connection_helper = connection
        if navigator is not None:
            self._hateoas_navigator = navigator

    @property
    def _helper(self) -> ConnectionHelper:
        if self._connection_helper is None:
            raise AttributeError(f"this {type(self).__name__} has no connection; take it from slap.register...()")
        return self._connection_helper

    @property
    def _navigator(self) -> Navigator:
        if self._hateoas_navigator is None:
            # the documented class: callers of the original catch nothing narrower
            raise Exception(UNAVAILABLE)  # noqa: TRY002
        return self._hateoas_navigator

    def _adopt(self, attributes: Mapping[str, Any], *, missing_only: bool = False) -> None:
        """Take over the attributes of an answer.

        An answer can neither replace methods nor the way to the master: forwarded answers of the original would
        cut the object off (spec section 6.10).
        """
        for name, value in attributes.items():
            hidden = name in _OWN or name.startswith("__") or hasattr(type(self), name)
            if not hidden and not (missing_only and name in self.__dict__):
                setattr(self, name, self._live(value))

    def _live(self, value: Any) -> Any:
        """Return an answer with objects of the library in the place of documents."""
        match value:
            case Document():
                made = _made(value)
                made._join(self._connection_helper, self._hateoas_navigator)
                made._adopt(value.attributes)
                return made
            case list():
                return [self._live(item) for item in value]
            case dict():
                return {key: self._live(item) for key, item in value.items()}
        return value


def _made(document: Document) -> Remote:
    try:
        return _CLASSES[document.kind](*document.arguments)
    except TypeError as error:
        raise ServerError(f"the master sent a {document.kind} with the arguments {document.arguments}") from error


def known_as(kind: str) -> Callable[[Class], Class]:
    """Make a class the one that documents of this kind become."""

    def register(cls: Class) -> Class:
        _CLASSES[kind] = cls
        return cls

    return register
