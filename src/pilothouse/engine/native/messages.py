"""Saying something, and failing on purpose: ``echo`` and ``failjob``."""

from pilothouse.engine.native.contract import Call, NativeError


async def echo(call: Call) -> None:
    """Write the arguments, put together, as one line into the node's log."""
    call.log.write("".join(call.arguments))


async def fail_job(call: Call) -> None:
    """Fail with the arguments as the reason."""
    message = " ".join(call.arguments) or "failed on purpose"
    call.log.write(f"ERROR: {message}")
    raise NativeError(message)
