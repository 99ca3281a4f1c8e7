"""How an operation is started, once it is settled."""

from collections.abc import Mapping

import msgspec

from pilothouse.transports.contract import UploadFile


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """How to start an operation: ``command`` and then its options and arguments.

    On targets ``files`` are laid into the job's folder there and ``work`` is the working folder below it; on
    the runner ``libraries`` are the folders for its search paths, and ``password`` says that the program wants the
    node's password in its environment.
    """

    command: tuple[str, ...]
    style: str = "posix"
    files: tuple[UploadFile, ...] = ()
    work: str = "."
    libraries: tuple[str, ...] = ()
    password: bool = False


Programs = Mapping[tuple[str, str], Program]
"""Programs by phase name and operation id."""


class UnusableError(Exception):
    """An operation has nothing to run: what the document's ``field`` holds, and what it may hold."""

    def __init__(self, field: str, found: str, allowed: str) -> None:
        self.field = field
        self.found = found
        self.allowed = allowed
        super().__init__(f"{field}: {found}; allowed: {allowed}")
