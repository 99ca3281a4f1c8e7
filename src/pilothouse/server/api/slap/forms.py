"""Fields of a query or a form, and what they hold: texts, and marshalled values of a given type."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from pilothouse.server.master.errors import InvalidRequestError
from pilothouse.services.states import INSTANCE_STATES, SOFTWARE_STATES, InstanceState, SoftwareState
from pilothouse.slap import markup, marshal_reader
from pilothouse.slap.documents import Value
from pilothouse.slap.markup import MarkupError

_MOST_FIELDS: Final = 100
_NOTHING: Final = ("", "None")
_SHORT: Final = 2048  # characters, or bytes: what is longer is not remembered
_REMEMBERED: Final = 512  # nodes ask again for what they have asked for, every few minutes, in the same words


class Form(msgspec.Struct, frozen=True):
    """The fields of one request; every method names the field in what it refuses (InvalidRequestError)."""

    fields: Mapping[str, str]

    def required(self, name: str) -> str:
        """Return the text of a field that must be there."""
        if (text := self.fields.get(name)) is None:
            raise InvalidRequestError(f"the field {name} is missing")
        return text

    def named(self, name: str) -> str:
        """Return the text of a field that must be there and say something."""
        if not (text := self.required(name)):
            raise InvalidRequestError(f"the field {name} is empty")
        return text

    def optional(self, name: str, default: str = "") -> str:
        """Return the text of a field, or ``default`` without it."""
        return self.fields.get(name, default)

    def software_state(self, name: str) -> SoftwareState:
        """Return the state that a release is asked to have."""
        text = self.required(name)
        for state in SOFTWARE_STATES:
            if text == state:
                return state
        raise InvalidRequestError(f"the field {name} is {text[:40]!r}; allowed: {', '.join(SOFTWARE_STATES)}")

    def instance_state(self, name: str) -> InstanceState | None:
        """Return the state that an instance is asked to have; marshalled, None means: as it is."""
        value = self._recalled(name, self.required(name))
        if value is None or value in INSTANCE_STATES:
            return value  # type: ignore[return-value] # one of the literal's words
        raise InvalidRequestError(f"the field {name} holds {shown(value)}; allowed: {', '.join(INSTANCE_STATES)}, none")

    def flag(self, name: str) -> bool:
        """Return a marshalled truth value, False without one."""
        # a form of an old client says "None" for what it does not have
        text = self.optional(name)
        value = None if text in _NOTHING else self._recalled(name, text)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise InvalidRequestError(f"the field {name} holds {shown(value)}; allowed: bool")

    def dictionary(self, name: str, *, needed: bool = False) -> dict[str, Value]:
        """Return a marshalled dictionary whose keys are texts, an empty one without it unless it is ``needed``."""
        return self._dictionary(name, self._loaded, needed=needed)

    def texts(self, name: str, *, needed: bool = False) -> dict[str, str]:
        """Return a dictionary whose values became texts, as they are stored (slapos-master 1.3)."""
        return as_texts(self._dictionary(name, self._recalled, needed=needed), f"the field {name}")

    def list_of_texts(self, name: str) -> list[str]:
        """Return a marshalled list of texts."""
        value = self._loaded(name, self.required(name))
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            return [str(one) for one in value]
        raise InvalidRequestError(f"the field {name} holds {shown(value)}; allowed: list of texts")

    def _dictionary(self, name: str, load: Callable[[str, str], Value], *, needed: bool) -> dict[str, Value]:
        text = self.required(name) if needed else self.optional(name)
        if not needed and text in _NOTHING:
            return {}
        value = load(name, text)
        if value is None and not needed:
            return {}
        if not isinstance(value, dict):
            raise InvalidRequestError(f"the field {name} holds {shown(value)}; allowed: dictionary")
        return _keyed_by_text(name, value)

    def _recalled(self, name: str, text: str) -> Value:
        """Load what may have been loaded before; nobody may change what is in it."""
        try:
            return _loads(text) if len(text) <= _SHORT else marshal_reader.loads(text)
        except MarkupError as error:
            raise InvalidRequestError(f"the field {name}: {error}") from error

    @staticmethod
    def _loaded(name: str, text: str) -> Value:
        try:
            return marshal_reader.loads(text)
        except MarkupError as error:
            raise InvalidRequestError(f"the field {name}: {error}") from error


def parse(content: bytes, known: frozenset[str] | None = None) -> Form:
    """Read an urlencoded form or query; fields that are not ``known`` are refused, unless that is None.

    Raises InvalidRequestError for bytes that are no UTF-8, fields given twice, unknown ones, too many.
    """
    return _parse_again(content, known) if len(content) <= _SHORT else _parse(content, known)


def _parse(content: bytes, known: frozenset[str] | None) -> Form:
    try:
        pairs = parse_qsl(content.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"the form is not UTF-8 at byte {error.start} of a field") from error
    except ValueError as error:
        raise InvalidRequestError(f"the form has more than {_MOST_FIELDS} fields") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = next(name for name in fields if sum(1 for key, _ in pairs if key == name) > 1)
        raise InvalidRequestError(f"the field {twice[:40]} is given twice")
    if known is not None and (strange := next((name for name in fields if name not in known), None)) is not None:
        raise InvalidRequestError(f"the field {strange[:40]!r} is unknown here; allowed: {', '.join(sorted(known))}")
    return Form(fields)


_parse_again = lru_cache(_REMEMBERED)(_parse)
_loads = lru_cache(_REMEMBERED)(marshal_reader.loads)


def as_texts(values: Mapping[str, object], where: str) -> dict[str, str]:
    """Turn every value into the text that is stored. Raises InvalidRequestError for what XML cannot hold."""
    texts = {key: value if isinstance(value, str) else str(value) for key, value in values.items()}
    for key, text in texts.items():
        if found := markup.ILLEGAL.search(key) or markup.ILLEGAL.search(text):
            raise InvalidRequestError(
                f"{where}: {key[:40]!r} holds the character {found[0]!r}, which cannot stand in XML; encode it"
            )
    return texts


def require_text(text: str, name: str) -> str:
    """Return a text that must not be empty."""
    if not text:
        raise InvalidRequestError(f"{name} is empty")
    return text


def shown(value: object) -> str:
    """Return a value as an error names it: its type, and a short text."""
    return f"{type(value).__name__} {str(value)[:40]!r}"


def _keyed_by_text(name: str, value: Mapping[Value, Value]) -> dict[str, Value]:
    texts = {key: held for key, held in value.items() if isinstance(key, str)}
    if len(texts) != len(value):
        strange = next(key for key in value if not isinstance(key, str))
        raise InvalidRequestError(f"the field {name} has the key {shown(strange)}; allowed: texts")
    return texts
