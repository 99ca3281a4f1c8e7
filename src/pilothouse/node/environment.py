"""What programs of releases and partitions see of the environment (node spec, section 9.8.1). Pure."""

from collections.abc import Mapping
from typing import Final

_OURS: Final = "PILOTHOUSE_"
_REMOVED: Final = frozenset(
    (
        *("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONY2K", "PYTHONOPTIMIZE", "PYTHONDEBUG"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONINSPECT", "PYTHONUNBUFFERED", "PYTHONVERBOSE"),
        *("CONFIG_SITE", "ENV", "LOGNAME", "TEMP", "TMP", "TMPDIR", "LANG", "LANGUAGE"),
        *("LC_ADDRESS", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_IDENTIFICATION", "LC_MEASUREMENT", "LC_MESSAGES"),
        *("LC_MONETARY", "LC_NAME", "LC_NUMERIC", "LC_PAPER", "LC_SOURCED", "LC_TELEPHONE", "LC_TIME"),
    )
)


def without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without settings of Pilothouse, among which a server on this machine has secrets."""
    return {name: value for name, value in environ.items() if not name.startswith(_OURS)}


def cleaned(environ: Mapping[str, str], home: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child: no foreign Python settings, no locale, its own home."""
    kept = {name: value for name, value in without_ours(environ).items() if name not in _REMOVED}
    return {**kept, "HOME": home, "PYTHONNOUSERSITE": "true", **(more or {})}
