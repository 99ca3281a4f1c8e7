"""PURE: what a user may do; what is not granted is refused (headless 13.7)."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from pilothouse.errors import UsageError

_FORMS: Final = "module:GLOB, file:ROOT/GLOB, code, see:own, see:any, cancel:own, cancel:any"
_REACHES: Final = frozenset({"own", "any"})


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """The rights of a user."""

    modules: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    code: bool = False
    see: frozenset[str] = frozenset()
    cancel: frozenset[str] = frozenset()

    def may_open(self, module: str) -> bool:
        """Whether a module may be opened; case does not count."""
        return any(fnmatchcase(module.lower(), glob.lower()) for glob in self.modules)

    def may_run(self, root: str, path: str) -> bool:
        """Whether a file below a root may be run."""
        return any(fnmatchcase(f"{root}/{path}", glob) for glob in self.files)

    def may_see(self, *, own: bool) -> bool:
        """Whether a session may be seen."""
        return "any" in self.see or (own and "own" in self.see)

    def may_cancel(self, *, own: bool) -> bool:
        """Whether a session may be cancelled."""
        return "any" in self.cancel or (own and "own" in self.cancel)


def parse(words: Iterable[str]) -> Rights:
    """Return the rights that words such as ``module:009*`` grant. Raises UsageError."""
    found: dict[str, set[str]] = {"module": set(), "file": set(), "see": set(), "cancel": set(), "code": set()}
    for word in words:
        kind, _, value = word.partition(":")
        if not _is_right(kind, value, has_value=":" in word):
            raise UsageError(f"right {word!r}: give one of {_FORMS}")
        found[kind].add(value)
    return Rights(
        modules=tuple(sorted(found["module"])),
        files=tuple(sorted(found["file"])),
        code=bool(found["code"]),
        see=frozenset(found["see"]),
        cancel=frozenset(found["cancel"]),
    )


def _is_right(kind: str, value: str, *, has_value: bool) -> bool:
    match kind:
        case "module":
            return bool(value)
        case "file":
            return "/" in value and not value.startswith("/")
        case "see" | "cancel":
            return value in _REACHES
        case "code":
            return not has_value
        case _:
            return False
