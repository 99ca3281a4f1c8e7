"""Whether another master is asked instead of this one, and under which name (slapos-master 6.10)."""

from collections.abc import Mapping, Sequence

import msgspec

from pilothouse.services.instance import InstanceRequest


class OtherMaster(msgspec.Struct, frozen=True, kw_only=True):
    """Another master, as the configuration lists it; with a partition it is asked in that partition's name."""

    url: str
    software: tuple[str, ...] = ()
    key: str = ""
    certificate: str = ""
    computer: str = ""
    partition: str = ""


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the other master."""

    master: OtherMaster
    request: InstanceRequest


class Unlisted(msgspec.Struct, frozen=True):
    """The filter names a master that cannot be asked; ``reason`` says why."""

    reason: str


def forward(
    asked: InstanceRequest, requester: str, masters: Sequence[OtherMaster], *, ours: bool = False
) -> Forward | Unlisted | None:
    """Return what to ask of which master, None when it is for this one.

    ``requester`` is the requesting partition, empty for a person. ``ours`` says that the filter's ``master_url``
    is this very server. Call it only for what is not allocated here already.
    """
    named = asked.filter.get("master_url", "")
    if named and ours:
        return None
    master = _listed(named, asked.software_url, masters)
    if master is None:
        return Unlisted(f"External SlapOS Master URL {named} is not listed in multimaster list.") if named else None
    if master.url.startswith("https") and not (master.key and master.certificate):
        return Unlisted(f"External master {master.url} configuration did not specify key or certificate.")
    title = f"{requester or 'user'}_{asked.title}"
    given: Mapping[str, str] = asked.filter
    if not master.partition:
        given = {**given, "source_instance_id": title}
    # the other master serves it itself, whatever its address is called there
    request = msgspec.structs.replace(
        asked, title=title, filter={key: value for key, value in given.items() if key != "master_url"}
    )
    return Forward(master=master, request=request)


def _listed(named: str, software: str, masters: Sequence[OtherMaster]) -> OtherMaster | None:
    if named:
        return next((master for master in masters if master.url == named), None)
    return next((master for master in masters if software in master.software), None)
