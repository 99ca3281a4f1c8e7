"""What hateoas documents say, as objects of the library (spec 3.5)."""

import contextlib
from collections.abc import Mapping
from typing import Any

from pilothouse.slap import instance_xml
from pilothouse.slap.client.software_instance import SoftwareInstance


def instance_of(values: Mapping[str, Any]) -> SoftwareInstance:
    """Return an instance with one attribute for each value, and those that the library promises."""
    instance = SoftwareInstance(**{f"_{name}": value for name, value in values.items()})
    instance.__dict__.update(
        _parameter_dict=parameters(values.get("text_content")),
        _requested_state=values.get("slap_state"),
        _connection_dict=values.get("connection_parameter_list"),
        _software_release_url=values.get("url_string"),
    )
    return instance


def parameters(text: str | None) -> dict[str, Any]:
    """Return the parameters of an instance XML; those that are wrapped as JSON are unwrapped."""
    found: dict[str, Any] = dict(instance_xml.loads(text))
    if found.keys() == {"_"}:
        import json  # noqa: PLC0415 - most parameters are not wrapped

        with contextlib.suppress(ValueError, TypeError):
            found["_"] = json.loads(found["_"])
    return found
