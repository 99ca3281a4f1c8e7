"""Who may do what: one pure decision for every door (slapos-master 1.6, 15.1)."""

from typing import Final, Literal

import msgspec

from pilothouse.identity.caller import Caller, Role

Action = Literal[
    "read",  # look at a node, an instance, a list
    "request",  # ask for an instance, change or destroy it
    "supply",  # put a release on a node, or take it away
    "register",  # make a new node
    "format",  # say what a node is made of
    "report",  # say how a release or an instance is doing, and what it used
    "publish",  # give an instance its connection parameters
    "rename",
    "bang",
    "certify",  # make or revoke the certificate of a node
    "run",  # carry out jobs
    "administer",  # users, tokens, projects, the audit log
]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What an action is about; a field that does not apply is empty.

    ``computer`` is the node it is, or is on. ``instance`` is the guid of the instance that speaks or is spoken of,
    or of the host of a shared one. ``tree`` holds the guids of that instance's tree, where they are known.
    """

    project: str = ""
    computer: str = ""
    instance: str = ""
    tree: frozenset[str] = frozenset()


_ROLES: Final[dict[Role, frozenset[Action]]] = {
    "viewer": frozenset({"read"}),
    "operator": frozenset({"read", "request", "supply", "register", "rename", "bang", "certify"}),
    "runner": frozenset({"read", "run"}),
    "node": frozenset({"read", "format", "report", "publish", "bang", "request", "rename", "certify"}),
}
_OF_ITSELF: Final[frozenset[Action]] = frozenset({"read", "request", "publish", "rename", "bang", "report"})
_OF_ITS_TREE: Final[frozenset[Action]] = frozenset({"read"})


def may(caller: Caller, action: Action, subject: Subject) -> bool:
    """Whether the caller may do this to that.

    A person acts by its roles, in its own project only; an administrator everywhere in it, and one without a project
    in all of them. A node acts on itself and on what it holds, an instance on itself, and looks at its tree.
    """
    match caller.kind:
        case "local":
            return True
        case "node":
            return bool(caller.name) and subject.computer == caller.name and action in _ROLES["node"]
        case "instance":
            return _instance_may(caller, action, subject)
        case "user":
            return _user_may(caller, action, subject)


def unconfined(caller: Caller) -> bool:
    """Whether the caller acts in every project: an administrator of the whole site."""
    return caller.kind == "local" or (caller.kind == "user" and "admin" in caller.roles and not caller.project)


def _instance_may(caller: Caller, action: Action, subject: Subject) -> bool:
    if not caller.name:
        return False
    itself = subject.instance == caller.name and action in _OF_ITSELF
    return itself or (caller.name in subject.tree and action in _OF_ITS_TREE)


def _user_may(caller: Caller, action: Action, subject: Subject) -> bool:
    if "admin" in caller.roles and not caller.project:
        return True
    if subject.project != caller.project:
        return False
    return "admin" in caller.roles or any(action in _ROLES.get(role, frozenset()) for role in _people(caller))


def _people(caller: Caller) -> frozenset[Role]:
    # a node's duties belong to its own certificate; a person who holds them by role could speak for every node
    return caller.roles - {"node"}
