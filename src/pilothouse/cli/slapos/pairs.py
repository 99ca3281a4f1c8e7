"""``name=value`` words of a command line (spec section 10.3)."""

from collections.abc import Iterable

from pilothouse.cli.slapos.call import CommandError


def parse(words: Iterable[str]) -> dict[str, str]:
    """Return what the words say, each split at its first ``=``. Raises CommandError for no ``=`` and repeated keys."""
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise CommandError(f"'{word}' has no '='", "Write NAME=VALUE, in quotes if the value has blanks.")
        if key in found:
            raise CommandError(f"Multiple values provided for the same key '{key}'", "Give each name once.")
        found[key] = value
    return found
