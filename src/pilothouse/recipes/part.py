"""What all parts share: their options, read with errors that name them."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

Options = MutableMapping[str, str]
Buildout = Mapping[str, Options]


class Part:
    """What buildout makes of a section with a recipe. Subclasses define ``install``, unless they only tell others."""

    def __init__(self, buildout: Buildout, name: str, options: Options) -> None:
        self.buildout = buildout
        self.name = name
        self.options = options
        self.folder = Path(buildout["buildout"]["directory"])

    def install(self) -> list[str]:
        """Make what the part stands for; returns the paths that go when the part goes."""
        return []

    def update(self) -> list[str]:
        """Make it once more: parts write little, and what was changed by hand is put right."""
        return self.install()

    def required(self, option: str) -> str:
        """Return an option. Raises UserError where it is missing or empty."""
        found = self.options.get(option, "").strip()
        if not found:
            raise problem(f"[{self.name}] needs: {option} = ...")
        return found

    def words(self, option: str) -> list[str]:
        """Return an option's words."""
        return self.options.get(option, "").split()

    def lines(self, option: str) -> list[str]:
        """Return an option's lines without the empty ones."""
        return [line.strip() for line in self.options.get(option, "").splitlines() if line.strip()]

    def named(self, prefix: str) -> dict[str, str]:
        """Return the options that begin with a prefix, by the rest of their names."""
        return {key.removeprefix(prefix): self.options[key] for key in sorted(self.options) if key.startswith(prefix)}

    def settings(self, *own: str) -> dict[str, str]:
        """Return the options that are none of the recipe's own, nor buildout's."""
        left = (key for key in sorted(self.options) if key not in {"recipe", *own} and not key.startswith(("<", "_")))
        return {key: self.options[key] for key in left}

    def place(self, path: str) -> Path:
        """Return a path in the folder that is built. Raises UserError for one that leads out of it."""
        full = self.folder / path
        if ".." in full.parts or not full.is_relative_to(self.folder):
            raise problem(f"[{self.name}] {path} is not below {self.folder}")
        return full


def problem(text: str) -> Exception:
    """Return an error that buildout shows without a traceback."""
    from zc.buildout import UserError  # noqa: PLC0415 - as slow as buildout, which is running when this is called

    error: Exception = UserError(text)
    return error


def number(text: str, what: str) -> float:
    """Return a number. Raises UserError."""
    try:
        return float(text)
    except ValueError:
        raise problem(f"{what} is {text!r}, which is no number") from None


def plain(value: Any) -> str:
    """Return a value as options hold it; the master keeps texts, and nothing for an empty one."""
    return "" if value is None else str(value)
