"""``failkeys``: patterns that make an operation fail when its log matches them (spec section 5.6)."""

import re

from pilothouse.engine.alarm import Watch
from pilothouse.engine.native.contract import Call, NativeError


async def fail_keys(call: Call) -> None:
    """Arm the patterns for the rest of the node's phase."""
    patterns = tuple(_pattern(text) for text in call.arguments if text)
    if not patterns:
        raise NativeError("native/failkeys needs at least one pattern as an argument")
    exclude = call.option("exclude")
    watch = Watch(
        patterns=patterns,
        every=call.option("operator").strip().lower() == "and",
        exclude=_pattern(exclude) if exclude else None,
        warn_only=call.step.operation.fail_ignore,
    )
    call.log.alarm.arm(call.step.operation.id, watch)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise NativeError(f"failure pattern {text!r} is no regular expression: {error}") from None
