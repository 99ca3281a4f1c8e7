"""``pilothouse:instance``: what the master says of the instance that is built."""

import ipaddress
from typing import Any

import msgspec

from pilothouse.recipes import master
from pilothouse.recipes.part import Buildout, Options, Part, plain, problem


class Instance(Part):
    """Tells parameters, addresses and the software type, which decides what is built.

    ``parameter-NAME`` are the parameters and what they are if nobody gave them. ``type-NAME`` is the section whose
    ``parts`` make an instance of that type; they are told as ``parts``. ``ipv4`` and ``ipv6`` are the instance's
    addresses, empty if it has none; ``address`` is the one to listen on, ``host`` the same as URLs have it.
    """

    def __init__(self, buildout: Buildout, name: str, options: Options) -> None:
        super().__init__(buildout, name, options)
        told = master.partition(buildout).getInstanceParameterDict()
        self._take(parameters(told))
        self.options.update(addresses(told.get("ip_list") or []))
        self.options["software-type"] = software_type = plain(told.get("slap_software_type")) or "default"
        self.options["title"] = plain(told.get("instance_title"))
        types = self.named("type-")
        if types:
            section = types.get("default" if software_type == "RootSoftwareInstance" else software_type)
            if section is None:
                raise problem(f"the release has no software type {software_type!r}; it has: {', '.join(types)}")
            self.options["parts"] = buildout[section.strip()]["parts"]

    def _take(self, given: dict[str, Any]) -> None:
        for name in self.named("parameter-"):
            if name in given:
                self.options[f"parameter-{name}"] = plain(given[name])


def parameters(told: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters, unwrapped where they are one JSON document. Raises UserError."""
    if not isinstance(told.get("_"), str):
        return told
    try:
        return {**told, **msgspec.json.decode(told["_"], type=dict[str, Any])}
    except msgspec.DecodeError as error:
        raise problem(f"the instance's parameters are no JSON object: {error}") from None


def addresses(listed: list[tuple[str, str]]) -> dict[str, str]:
    """Return the first address of each family, and the one to listen on."""
    found = {"ipv4": "", "ipv6": ""}
    for _, text in listed:
        address = ipaddress.ip_address(text.partition("/")[0])
        found[f"ipv{address.version}"] = found[f"ipv{address.version}"] or str(address)
    chosen = found["ipv4"] or found["ipv6"]
    return {**found, "address": chosen, "host": f"[{chosen}]" if ":" in chosen else chosen}
