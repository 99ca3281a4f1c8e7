"""What goes wrong while a machine is kept as declared; each error says where and what to do."""

from typing import ClassVar

from pilothouse.errors import PilothouseError, SettingsError


class NodeError(PilothouseError):
    """Something on this machine could not be brought to its declared state."""


class ConfigurationError(SettingsError):
    """A value of ``slapos.cfg`` cannot be used; ``section`` and ``key`` say which one."""

    def __init__(self, text: str, path: str = "", section: str = "", key: str = "") -> None:
        self.path = path
        self.section = section
        self.key = key
        place = f" ({path}, section [{section}], {key})" if key else (f" ({path})" if path else "")
        super().__init__(f"{text}{place}")


class BuildoutError(NodeError):
    """A buildout ended badly; the text has its whole output, as masters are told."""

    reported: ClassVar[bool] = True

    def __init__(self, folder: str, output: str) -> None:
        self.folder = folder
        self.output = output
        super().__init__(f"Failed to run buildout profile in directory '{folder}':\n{output}\n")


class TimedOutError(NodeError):
    """A program was ended because its time was over."""

    def __init__(self, words: list[str], seconds: float) -> None:
        self.words = words
        self.seconds = seconds
        super().__init__(f"Command '{words}' timed out after {seconds:g} seconds")


class BusyError(NodeError):
    """Another pass of the same kind is under way."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        super().__init__(
            f"New slapos process started, but another slapos process is aleady running with pid {pid}, exiting."
        )


class SupervisionError(NodeError):
    """supervisord cannot be started, reached, or made to do what is needed."""


class LeftoverError(NodeError):
    """Processes or files of a partition that is to be destroyed would not go."""


class PromiseFailure(NodeError):  # noqa: N818 - a promise that fails is a finding, no fault of the node
    """A promise of a started instance does not hold."""
