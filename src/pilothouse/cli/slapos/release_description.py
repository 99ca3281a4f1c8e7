"""What a software release says of itself: ``<software_url>.json``, with the schemas of its parameters (spec 10.3)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from pilothouse.cli.slapos import fetching
from pilothouse.cli.slapos.parameter_file import SERIALISATIONS, Serialisation
from pilothouse.errors import PilothouseError

DEFAULT_TYPE: Final = "default"
_OLD_DEFAULT_TYPE: Final = "RootSoftwareInstance"
# a release that exists in the master only: its name alone makes a frontend
FRONTEND: Final = "http://git.erp5.org/gitweb/slapos.git/blob_plain/HEAD:/software/apache-frontend/software.cfg"


class UndescribedError(PilothouseError):
    """A description or a schema cannot be had; the text is the documented warning."""


class ReleaseDescription:
    """The description of one release; fetched when it is first asked for, and once."""

    def __init__(self, software_url: str) -> None:
        self._url = located(software_url)
        self._software_url = software_url
        self._content: dict[str, Any] | UndescribedError | None = None

    def serialisation(self, software_type: str | None) -> Serialisation | None:
        """Return how parameters are written, None if the release does not say it. Raises UndescribedError."""
        try:
            found = self._of(software_type).get("serialisation")
        except UndescribedError:
            found = None
        found = found or self._description().get("serialisation")
        return next((known for known in SERIALISATIONS if known == found), None)

    def problems(self, software_type: str | None, parameters: Any) -> Iterator[str]:
        """Yield what is wrong with parameters, each as ``<json path>: <message>``.

        Raises UndescribedError when there is no schema, ValueError when the schema itself is wrong.
        """
        import jsonschema_rs

        of_type = self._of(software_type)
        if not isinstance(of_type.get("request"), str):
            raise self._undefined(software_type, "'request'")
        place = urljoin(_absolute(self._url), of_type["request"])
        if isinstance(parameters, dict):
            parameters = {key: value for key, value in parameters.items() if key != "$schema"}
        checked = jsonschema_rs.validator_for(load(place), base_uri=place, retriever=load)
        for error in checked.iter_errors(parameters):
            yield f"{_json_path(error.instance_path)}: {error.message}"

    def _of(self, software_type: str | None) -> Mapping[str, Any]:
        named = DEFAULT_TYPE if software_type in {None, "", _OLD_DEFAULT_TYPE} else software_type
        types = self._description().get("software-type")
        if not isinstance(types, dict):
            raise self._undefined(software_type, "'software-type'")
        found = types.get(named, types.get(_OLD_DEFAULT_TYPE) if named == DEFAULT_TYPE else None)
        if not isinstance(found, dict):
            raise self._undefined(software_type, f"'{named}'")
        return found

    def _description(self) -> Mapping[str, Any]:
        if self._content is None:
            try:
                content = load(f"{self._url}.json")
                self._content = content if isinstance(content, dict) else {}
            except UndescribedError as error:
                self._content = error
        if isinstance(self._content, UndescribedError):
            raise self._content
        return self._content

    def _undefined(self, software_type: str | None, missing: str) -> UndescribedError:
        named = software_type or DEFAULT_TYPE
        return UndescribedError(
            f"No schema defined for software type '{named}' of software release {self._software_url} "
            f"(KeyError: {missing})"
        )


def located(software_url: str) -> str:
    """Return the address of a release, a path as one that begins with ``file:``."""
    return software_url if urlsplit(software_url).scheme in {"http", "https", "file"} else f"file:{software_url}"


def load(url: str) -> Any:
    """Return the JSON at an address. Raises UndescribedError with the documented text."""
    try:
        return json.loads(fetching.read(url.partition("#")[0]))
    except fetching.FetchError as error:
        raise UndescribedError(f"Unable to load JSON {url} ({type(error).__name__}: {error.reason})") from None
    except (OSError, ValueError) as error:
        raise UndescribedError(f"Unable to load JSON {url} ({type(error).__name__}: {error})") from None


def _absolute(url: str) -> str:
    """Return an address that schemas can refer to each other by."""
    if not url.startswith("file:") or url.startswith("file://"):
        return url
    from pathlib import Path

    return Path(url.removeprefix("file:")).absolute().as_uri()


def _json_path(path: list[str | int]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
