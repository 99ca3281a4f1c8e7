"""Files with the parameters of an instance: JSON, YAML or instance XML (spec section 10.3)."""

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final, Literal

from pilothouse.cli.slapos.call import CommandError

Serialisation = Literal["xml", "json-in-xml"]
SERIALISATIONS: Final[tuple[Serialisation, ...]] = ("xml", "json-in-xml")


def load(name: str, content: bytes, serialisation: Serialisation) -> dict[str, Any]:
    """Return the parameters as they are sent to the master. Raises CommandError naming the file and the place."""
    if PurePath(name).suffix == ".xml":
        return _xml(name, content)
    value = _yaml(name, content) if PurePath(name).suffix in {".yaml", ".yml"} else _json(name, content)
    if not isinstance(value, dict):
        raise CommandError(
            f"{name} holds {_kind(value)}, not parameters by name", 'Write an object: {"parameter": "value"}'
        )
    return wrapped(value) if serialisation == "json-in-xml" else {str(key): each for key, each in value.items()}


def wrapped(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters in the one parameter ``_`` that carries JSON, unless they are that already."""
    if list(parameters) == ["_"]:
        return dict(parameters)
    return {"_": json.dumps(parameters, indent=2)}


def unwrapped(parameters: Mapping[str, Any]) -> Any:
    """Return what the parameter ``_`` carries; the parameters themselves when there is none, or it is no JSON."""
    text = parameters.get("_")
    if not isinstance(text, str):
        return dict(parameters)
    try:
        return json.loads(text)
    except ValueError:
        return dict(parameters)


def _json(name: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise CommandError(
            f"{name} is no JSON: {error}", "Files named .yaml, .yml and .xml are read as such."
        ) from None


def _yaml(name: str, content: bytes) -> Any:
    import yaml

    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} is no YAML: {error}") from None


def _xml(name: str, content: bytes) -> dict[str, Any]:
    from pilothouse.errors import PilothouseError
    from pilothouse.slap import instance_xml

    try:
        return dict(instance_xml.loads(content))
    except PilothouseError as error:
        raise CommandError(
            f"{name} is no instance XML: {error}", '<instance><parameter id="name">value</parameter></instance>'
        ) from None


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", type(None): "nothing"}.get(type(value), f"a {type(value).__name__}")
